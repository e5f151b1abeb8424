"""Models of transformers in memory: described as their checkpoints are, and known by these while they are the same."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from transformers import AutoTokenizer, BertForSequenceClassification, DistilBertConfig, DistilBertModel

from mqa_registry import DataError, LiveModel
from mqa_transformers.loading import silence_transformers
from mqa_transformers.model_source import AutoOptions, AutoSource
from mqa_transformers.tasks.forward import Forward
from mqa_transformers.tasks.text_classification import TextClassification

CLASSIFY = TextClassification()


@pytest.fixture
def live(bert):
    """A classifier in memory, as it was saved."""
    return load(bert)


def load(folder):
    with silence_transformers():
        model = BertForSequenceClassification.from_pretrained(folder).eval()
        return LiveModel(model, AutoTokenizer.from_pretrained(folder))


def test_a_classifier_has_the_labels_and_facts_of_its_checkpoint(live, bert, context):
    described = CLASSIFY.describe(live)
    saved = AutoSource().load(CLASSIFY, context, AutoOptions(id=bert))
    assert described.labels == saved.labels == ("negative", "positive")
    assert described.about.items() <= saved.about.items()
    assert {"architecture", "max_positions", "pad_token_id", "vocab_size"} <= described.about.keys()
    assert Forward().describe(live).about == described.about


def test_its_tokenizer_gives_what_the_model_takes_and_the_callers_stays(live):
    described = CLASSIFY.describe(live)
    assert "token_type_ids" in described.processor.model_input_names
    small = DistilBertConfig(vocab_size=20, dim=8, n_layers=1, n_heads=1, hidden_dim=8)
    other = Forward().describe(LiveModel(DistilBertModel(small), live.processor))
    assert "token_type_ids" not in other.processor.model_input_names
    assert "token_type_ids" in live.processor.model_input_names


def test_what_is_no_classifier_of_texts_is_not_described_as_one(live):
    assert CLASSIFY.describe(LiveModel(torch.nn.Linear(2, 2), live.processor)) is None
    assert CLASSIFY.describe(LiveModel(live.model.bert, live.processor)) is None
    assert Forward().describe(LiveModel(torch.nn.Linear(2, 2))).about == {}


def test_a_classifier_needs_a_tokenizer(live):
    with pytest.raises(DataError, match="comes without a tokenizer") as caught:
        CLASSIFY.describe(LiveModel(live.model))
    assert "LiveModel(model, tokenizer)" in caught.value.hint


def test_a_model_that_is_still_what_its_files_say_is_located_by_them(live, bert):
    assert AutoSource().locate(live) == {"id": str(bert)}
    live.processor("good", truncation=True, max_length=4, padding="max_length")
    live.model.config.use_cache = False
    assert AutoSource().locate(live) == {"id": str(bert)}


def change_weight(live):
    live.model.classifier.bias.data += 1


def change_setting(live):
    live.model.bert.embeddings.LayerNorm.eps = 0.5


def change_config(live):
    live.model.config.id2label = {0: "bad", 1: "good"}


def add_hook(live):
    live.model.classifier.register_forward_hook(lambda module, inputs, output: -output)


def change_tokenizer(live):
    live.processor.model_max_length = 5


def add_token(live):
    live.processor.add_tokens(["movies"])


def replace_part(live):
    live.model.classifier = torch.nn.Sequential(live.model.classifier)


def forget_origin(live):
    live.model.config._name_or_path = ""


@pytest.mark.parametrize(
    "change",
    [change_weight, change_setting, change_config, add_hook, change_tokenizer, add_token, replace_part, forget_origin],
)
def test_a_model_that_was_changed_is_another(live, change):
    changed = copy.deepcopy(live)
    change(changed)
    assert AutoSource().locate(changed) is None


def negate(self, **inputs):
    return -self.classifier(**inputs)


@pytest.mark.parametrize("replace", [lambda _: negate, lambda forward: functools.wraps(forward)(negate)])
def test_a_model_whose_code_was_replaced_or_wrapped_is_another(live, monkeypatch, replace):
    monkeypatch.setattr(type(live.model), "forward", replace(type(live.model).forward))
    assert AutoSource().locate(live) is None


def test_a_model_without_files_is_another(folder):
    live = load(folder)
    assert AutoSource().locate(live) == {"id": str(folder)}
    (folder / "model.safetensors").unlink()
    assert AutoSource().locate(live) is None
    assert AutoSource().locate(LiveModel(live.model)) is None
    assert AutoSource().locate(LiveModel(torch.nn.Linear(2, 2), live.processor)) is None
