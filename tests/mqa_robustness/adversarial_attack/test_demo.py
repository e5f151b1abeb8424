"""The attack on the demo model: what it finds on PyTorch and on its export, few rows of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqa_registry import run

SUITES = Path(__file__).parents[3] / "suites"
MODEL, ROWS = SUITES / "models/reviews-minilm", SUITES / "data/sentiment.parquet"
SUITE = f"""
format = 1
name = "attack"
seed = 7
model = {{ use = "transformers/auto", id = "{MODEL}", task = "text-classification" }}
data.reviews = {{ use = "datasets/file", path = "{ROWS}" }}
backends.torch = {{ use = "transformers/torch" }}
backends.onnx = {{ use = "onnxruntime/session" }}

[[check]]
name = "attack"
measure = {{ use = "robustness/adversarial", rows = 6, query_budget = 50 }}
expect = {{ max = 1.0 }}

[[check]]
name = "transfer"
measure = {{ use = "robustness/transfer", rows = 6, query_budget = 50 }}
expect = {{ min = 0.0 }}
"""


def test_the_same_edits_succeed_on_the_demo_model_and_its_export(tmp_path, demo_export):
    if not (MODEL / "model.safetensors").is_file() or not ROWS.is_file():
        pytest.skip("the demo model or its data are not in this checkout")
    (tmp_path / "attack.toml").write_text(SUITE)
    demo_export(tmp_path / ".mqa")
    report = run(tmp_path / "attack.toml")
    torch, onnx, transfer = report.results
    assert (torch.backend, onnx.backend, transfer.check) == ("torch", "onnx", "transfer")
    assert torch.numbers["value"].estimate == onnx.numbers["value"].estimate > 0.2
    assert _edits(torch) == _edits(onnx)
    assert transfer.numbers["value"].estimate == 1.0
    for example in torch.evidence.examples:
        assert example.target == example.reference["label"] != example.prediction["label"]
        assert example.perturbed != example.fields


def _edits(result):
    return {example.id: example.perturbed for example in result.evidence.examples}
