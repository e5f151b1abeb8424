"""The task `token-classification`: its spans are those of the pipeline of transformers, in windows and by words, too."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry import DataError, Model
from mqa_transformers.tasks.token_classification import TokenClassification, TokenClassificationOptions

LETTERS = "abcdefgh"
PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *LETTERS,
    "A",
    "B",
    *(f"##{one}" for one in LETTERS),
    *".,-",
    "ab",
]
BIO, IO = ("O", "B-X", "I-X", "B-Y", "I-Y"), ("O", "X", "Y")
WINDOW = 16
STRATEGIES = [("none", None), *((one, stride) for one in ("simple", "first", "average", "max") for stride in (None, 4))]
TEXTS = st.text(st.sampled_from("abcdefgh AB.,- zé"), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    from tokenizers import BertWordPieceTokenizer
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    BertWordPieceTokenizer(vocabulary, lowercase=False).save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": WINDOW}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def models(tokenizer):
    """Tiny models with random weights, by their labels."""
    import torch
    from transformers import BertConfig, BertForTokenClassification

    torch.manual_seed(3)
    return {
        labels: BertForTokenClassification(
            BertConfig(
                vocab_size=len(PIECES),
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=16,
                max_position_embeddings=WINDOW,
                initializer_range=0.6,
                id2label=dict(enumerate(labels)),
                label2id={label: number for number, label in enumerate(labels)},
            )
        ).eval()
        for labels in (BIO, IO)
    }


@pytest.fixture(scope="module")
def bind(models, tokenizer):
    def make(labels=BIO, processor=tokenizer, **options):
        about = {"max_positions": WINDOW, "vocab_size": len(PIECES)}
        model = Model(
            digest="x", module=lambda: models[labels], processor=lambda: processor, labels=labels, about=about
        )
        return TokenClassification().bind(model, TokenClassificationOptions(**options))

    return make


@pytest.fixture(scope="module")
def spans_of(models):
    """The spans and decisions of one example by a codec, run part by part."""
    import torch

    def run(codec, labels, example):
        (row,) = codec.encode([example])
        parts = codec.split(row) if codec.splits else [row]
        outputs = []
        for part in parts:
            batch = {name: torch.tensor(array) for name, array in codec.collate([part]).items()}
            with torch.no_grad():
                outputs.append({"logits": models[labels](**batch).logits[0].numpy()})
        whole = codec.join(outputs, row) if codec.splits else outputs[0]
        return codec.decode({"logits": whole["logits"][None]}, [row]).to_pylist()[0]

    return run


@pytest.fixture(scope="module")
def pipeline_of(models, tokenizer):
    """The pipeline of transformers, as a function of a text to (start, end, label, score) of each span."""
    from transformers import TokenClassificationPipeline

    def make(labels, aggregation, **more):
        pipeline = TokenClassificationPipeline(
            model=models[labels], tokenizer=tokenizer, aggregation_strategy=aggregation, device="cpu", **more
        )

        def run(text):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = pipeline(text)
            key = "entity" if aggregation == "none" else "entity_group"
            return [(one["start"], one["end"], one[key], float(one["score"])) for one in found]

        return run

    return make


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
@pytest.mark.parametrize("labels", [BIO, IO], ids=["BIO", "IO"])
def test_spans_are_those_of_the_pipeline(bind, spans_of, pipeline_of, labels, strategy):
    aggregation, stride = strategy
    pipeline = pipeline_of(labels, aggregation, **({} if stride is None else {"stride": stride}))
    codec = bind(labels, aggregation=aggregation, stride=stride)

    @settings(max_examples=8)
    @given(TEXTS)
    def check(text):
        ours = [tuple(one.values()) for one in spans_of(codec, labels, {"text": text})["spans"]]
        theirs = pipeline(text)
        assert [one[:3] for one in ours] == [one[:3] for one in theirs]
        assert [one[3] for one in ours] == pytest.approx([one[3] for one in theirs], abs=1e-5)

    check()


def test_words_are_those_given_and_each_has_one_decision(bind, spans_of):
    words = ["ab.cd", "A", "zzz", "b-c"]
    prediction = spans_of(bind(), BIO, {"tokens": words})
    text = " ".join(words)
    assert [text[one["start"] : one["end"]] for one in prediction["decisions"]] == words
    assert all(0 <= one["margin"] <= 1 for one in prediction["decisions"])


def test_windows_reach_to_the_end_of_a_text_that_is_cut_without(bind):
    text = {"text": "ab " * 40}
    cut, windowed = bind(), bind(stride=4)
    assert cut.full_costs([text], cut.encode([text])) == [42]
    (row,) = windowed.encode([text])
    assert {len(part["input_ids"]) for part in windowed.split(row)} <= set(range(1, WINDOW + 1))
    assert row["offsets"].max() == len(text["text"]) - 1


def test_a_batch_gives_what_each_row_gives_alone(bind):
    codec = bind()
    rows = codec.encode([{"text": "ab cd"}, {"text": ""}, {"tokens": ["a", "b", "cdef"]}])
    width = max(len(row["input_ids"]) for row in rows)
    logits = np.random.default_rng(7).normal(size=(3, width, len(BIO)))
    together = codec.decode({"logits": logits}, rows).to_pylist()
    alone = [codec.decode({"logits": logits[n : n + 1]}, [row]).to_pylist()[0] for n, row in enumerate(rows)]
    assert together == alone
    assert together[1] == {"spans": [], "decisions": []}


def test_a_row_with_nan_has_no_prediction_and_padding_does_not_count(bind):
    codec = bind()
    rows = codec.encode([{"text": "ab cd ef"}, {"text": "ab"}, {"text": "ab"}])
    logits = np.zeros((3, len(rows[0]["input_ids"]), len(BIO)))
    logits[1, -1, 0] = np.nan  # padding
    logits[2, 1, 0] = np.nan
    assert [one is None for one in codec.decode({"logits": logits}, rows)["spans"].to_pylist()] == [False, False, True]


def test_an_export_may_end_in_probabilities(bind):
    codec = bind()
    rows = codec.encode([{"text": "ab cd"}])
    logits = np.random.default_rng(7).normal(size=(1, len(rows[0]["input_ids"]), len(BIO)))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    reading = codec.read_outputs({"probs": probabilities}, rows)
    assert reading.meaning.startswith("probabilities")
    assert codec.read_outputs({"probs": logits}, rows) is None
    ours, theirs = reading.decode({"probs": probabilities}, rows), codec.decode({"logits": logits}, rows)
    assert [one["label"] for one in ours["spans"][0].as_py()] == [one["label"] for one in theirs["spans"][0].as_py()]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"stride": 4, "aggregation": "none"}, "windows overlap"),
        ({"stride": 14}, "`stride` is 14, and windows have 14 tokens of the text"),
        ({"max_length": 2}, "`max_length` is 2, and this model takes 3 to 16 tokens"),
    ],
)
def test_options_that_cannot_be_are_refused(bind, options, said):
    with pytest.raises(DataError, match=said):
        bind(**options)


def test_a_tokenizer_without_offsets_is_refused(bind):
    class Slow:
        is_fast = False

    with pytest.raises(DataError, match="the tokenizer `Slow` gives no offsets"):
        bind(processor=Slow())


def test_a_row_without_a_text_is_refused(bind):
    with pytest.raises(DataError, match="neither a `text` nor `tokens`"):
        bind().encode([{"text": None}])
