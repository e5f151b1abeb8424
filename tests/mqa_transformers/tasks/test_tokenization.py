"""Decoders that classify, whatever they are padded with and on which side: as each row alone, or refused with a reason."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import run
from mqa_transformers.tasks.tokenization import count_uncut_tokens, with_first_token

WORDS = [
    "the",
    "a",
    "film",
    "was",
    "good",
    "bad",
    "great",
    "awful",
    "slow",
    "fine",
    "not",
    "very",
    "it",
    "is",
    "we",
    "loved",
    "hated",
    "plot",
    "actor",
]
SPECIAL = ["[PAD]", "[UNK]", "[EOS]", "[CLS]", "[SEP]"]
LABELS = {"id2label": {0: "negative", 1: "positive"}, "label2id": {"negative": 0, "positive": 1}}
SMALL = {
    "vocab_size": len(SPECIAL) + len(WORDS),
    "bos_token_id": 2,
    "eos_token_id": 2,
    "initializer_range": 0.3,
    **LABELS,
}


def write_tokenizer(folder, *, pad="[PAD]", side="right", ends=""):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    whole = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    whole.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if ends:
        whole.post_processor = processors.TemplateProcessing(
            single=f"$A {ends}", special_tokens=[(ends, vocabulary[ends])]
        )
    given = {"pad_token": pad} if pad else {}
    names = ["input_ids", "attention_mask"]
    PreTrainedTokenizerFast(
        tokenizer_object=whole, unk_token="[UNK]", eos_token="[EOS]", model_max_length=48, padding_side=side,
        model_input_names=names, **given,
    ).save_pretrained(folder)  # fmt: skip


def gpt2(folder, **config):
    from transformers import GPT2Config, GPT2ForSequenceClassification

    shape = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 48}
    save(folder, GPT2ForSequenceClassification, GPT2Config(**SMALL, **shape, **config))


def llama(folder, **config):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    save(folder, LlamaForSequenceClassification, LlamaConfig(**SMALL, **shape, max_position_embeddings=48, **config))


def bart(folder, **config):
    from transformers import BartConfig, BartForSequenceClassification

    shape = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2}
    shape |= {"decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 64}
    given = {name: value for name, value in SMALL.items() if name != "initializer_range"}
    save(folder, BartForSequenceClassification, BartConfig(**given, **shape, init_std=0.5, **config))


def save(folder, kind, config):
    import torch

    torch.manual_seed(2)
    kind(config).eval().save_pretrained(folder)


def row_by_row(folder, texts):
    """The model's own labels, one text at a time: an oracle that shares nothing with mqa."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return [int(model(**tokenizer(text, return_tensors="pt")).logits[0].argmax()) for text in texts]


SUITE = """\
format = 1
name = "padding"
[model]
use = "transformers/auto"
id = "model"
task = "text-classification"
[data.d]
use = "datasets/file"
path = "data.parquet"
[backends.torch]
use = "transformers/torch"
[[check]]
name = "as row by row"
measure = "metrics/accuracy"
expect = { min = 0.9 }
"""
MORE = """\
[[check]]
name = "more"
measure = "metrics/accuracy"
perturb = "robustness/extra-sentence"
expect = { min = 0.0 }
"""


def right(folder, *more):
    draw = random.Random(3)
    texts = [" ".join(draw.choice(WORDS) for _ in range(draw.randint(2, 20))) for _ in range(60)] + list(more)
    pq.write_table(pa.table({"text": texts, "label": row_by_row(folder / "model", texts)}), folder / "data.parquet")
    (folder / "suite.toml").write_text(SUITE)
    return folder / "suite.toml"


def estimate(report):
    return next(one.numbers["value"].estimate for one in report.results if one.check == "as row by row")


@pytest.mark.parametrize(
    ("make", "config", "tokenizer", "remark"),
    [
        (gpt2, {"pad_token_id": 0}, {}, ""),
        (gpt2, {"pad_token_id": 0}, {"side": "left"}, "outputs move by up to"),
        (gpt2, {}, {"pad": None}, "the model does not take more than one row (Cannot handle batch sizes > 1"),
        (gpt2, {}, {}, "the configuration names no padding token: `[PAD]` (0) of the tokenizer is set"),
        (gpt2, {}, {"pad": "[EOS]", "ends": "[EOS]"}, "the model does not take more than one row"),
        (gpt2, {"pad_token_id": 2}, {}, "the configuration pads with `[EOS]` (2) and the tokenizer with `[PAD]` (0)"),
        (gpt2, {"pad_token_id": 2}, {"pad": "[EOS]"}, ""),
        (llama, {"pad_token_id": 0}, {"side": "left"}, ""),
        (llama, {}, {"side": "left"}, "the configuration names no padding token"),
    ],
    ids=["right", "left", "no pad", "none named", "eos ends texts", "other pad", "eos pad", "rotary", "rotary unnamed"],
)
def test_every_row_is_predicted_as_it_is_alone(tmp_path, make, config, tokenizer, remark):
    make(tmp_path / "model", **config)
    write_tokenizer(tmp_path / "model", **tokenizer)
    report = run(right(tmp_path))
    assert estimate(report) == 1.0
    messages = [found.message for found in report.findings]
    assert len(messages) == bool(remark)
    assert all(remark in message for message in messages)


def test_another_check_does_not_change_predictions(tmp_path):
    gpt2(tmp_path / "model", pad_token_id=0)
    write_tokenizer(tmp_path / "model", side="left")
    suite = right(tmp_path)
    suite.write_text(SUITE + MORE)
    assert estimate(run(suite)) == 1.0


def test_a_text_with_one_more_eos_does_not_change_other_rows(tmp_path):
    """BART's head raises where the rows of a batch have different numbers of `[EOS]`."""
    bart(tmp_path / "model", pad_token_id=0, decoder_start_token_id=2)
    write_tokenizer(tmp_path / "model", ends="[EOS]")
    assert estimate(run(right(tmp_path, "a film [EOS] was good", "we loved it"))) == 1.0


def test_a_text_without_tokens_is_one_padding_token_in_every_array():
    empty = np.zeros(0, np.int64)
    row = with_first_token({"input_ids": empty, "attention_mask": empty, "token_type_ids": empty}, 3)
    assert {name: array.tolist() for name, array in row.items()} == {
        "input_ids": [3],
        "attention_mask": [1],
        "token_type_ids": [0],
    }
    full = {"input_ids": np.array([5]), "attention_mask": np.array([1])}
    assert with_first_token(full, 3) is full


def test_only_texts_as_long_as_the_limit_are_encoded_again():
    encoded = []

    def words(*columns, **options):
        assert options == {"truncation": False, "verbose": False}
        encoded.extend(zip(*columns, strict=True))
        return {"input_ids": [" ".join(text).split() for text in zip(*columns, strict=True)]}

    texts = [("a b c d", "e"), ("a", "b"), None, ("a b", "c")]
    assert count_uncut_tokens(words, 3, [3, 2, 9, 3], texts) == [5, 2, 9, 3]
    assert encoded == [("a b c d", "e"), ("a b", "c")]
    assert count_uncut_tokens(words, 3, [2, 2], [("a", "b"), None]) == [2, 2]
