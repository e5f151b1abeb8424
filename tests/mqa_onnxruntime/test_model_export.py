"""`export` in Python: a model with its tokenizer, in memory, becomes a file that agrees with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry import (
    DataError,
    Exported,
    ExportOptions,
    LiveModel,
    ParityOptions,
    RunOptions,
    UsageError,
    export,
    parity,
)

DEMO = Path(__file__).parents[2] / "suites/models/reviews-minilm"
TEXTS = ["a fine film", "dull", "too long and too loud for me"]


@pytest.fixture(scope="module")
def classifier():
    """A tiny classifier of texts with random weights, and its tokenizer."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(DEMO, model_max_length=64)
    torch.manual_seed(7)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.BertConfig(vocab_size=len(tokenizer), **sizes)
    return LiveModel(transformers.BertForSequenceClassification(config).eval(), tokenizer)


def test_a_model_in_memory_is_exported_and_agrees_on_texts(classifier, tmp_path):
    options = RunOptions(store=tmp_path / ".mqa")
    exported = export(classifier, tmp_path / "out", inputs=TEXTS, run_options=options)
    assert isinstance(exported, Exported)
    assert exported.files[0] == tmp_path / "out/model.onnx"
    assert not [one for one in exported.findings if one.level == "problem"]
    report = parity(classifier, inputs=TEXTS, run_options=options).check()  # of the export, which the store has by now
    assert {str(one.verdict) for one in report.report.results if one.check == "tensors"} == {"PASS"}
    assert report.report.environment["backends"]["onnx"]["facts"]["opset"] == exported.facts["opset"]


def test_what_cannot_be_exported_is_one_line_with_a_hint(classifier, tmp_path):
    options = RunOptions(store=tmp_path / ".mqa")
    with pytest.raises(DataError, match="has no column `text`") as caught:
        export(classifier, tmp_path / "out", inputs=[{"review": "one"}], run_options=options)
    assert caught.value.hint == 'it has `review`; map a column with `columns={"text": "COLUMN"}`'
    with pytest.raises(DataError, match="comes without a tokenizer"):
        parity(classifier.model, None, inputs=TEXTS, run_options=options, options=ParityOptions())
    with pytest.raises(UsageError, match='`precision` must be "float32"') as caught:
        export(
            classifier, tmp_path / "out", inputs=TEXTS, options=ExportOptions(precision="float8"), run_options=options
        )
    assert caught.value.hint
    assert not (tmp_path / "out").exists()
