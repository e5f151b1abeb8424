"""The demo model's export answers as the model itself, on real rows."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import onnx
import pyarrow.parquet as pq
import pytest
from onnx import numpy_helper

from mqa_onnxruntime.session.backend import SessionBackend, SessionOptions
from mqa_registry import ModelUnderTest, RunContext, run
from mqa_registry.runs import RunOptions

SUITES = Path(__file__).parents[2] / "suites"
MODEL = SUITES / "models/reviews-minilm"
ROWS = SUITES / "data/sentiment.parquet"


@pytest.fixture(scope="session")
def reviews(tmp_path_factory):
    """The demo model with its task, and the PyTorch backend, by their plugin's entry point."""
    if not (MODEL / "model.safetensors").is_file() or not ROWS.is_file():
        pytest.skip("the demo model or its data are not in this checkout")
    (point,) = entry_points(group="mqa", name="transformers")
    plugin = point.load()
    (task,) = (task for task in plugin.mqa_tasks() if task.name == "text-classification")
    (source,) = (source for source in plugin.mqa_models() if source.name == "auto")
    (backend,) = plugin.mqa_backends()
    context = RunContext(exports=tmp_path_factory.mktemp("exports"), offline=True, device="cpu")
    model = source.load(task, context, source.options(id=MODEL))
    return ModelUnderTest(model, task, context, task.options()), backend


def test_the_export_of_the_demo_model_agrees_with_the_model(reviews, backend):
    model_under_test, torch_backend = reviews
    texts = pq.read_table(ROWS).column("text").slice(0, 200).to_pylist()
    rows = model_under_test.codec.encode([{"text": text} for text in texts])
    with (
        torch_backend.open(model_under_test, torch_backend.options()) as reference,
        backend.open(model_under_test, SessionOptions()) as candidate,
    ):
        for start in range(0, len(rows), 40):
            batch = model_under_test.codec.collate(rows[start : start + 40])
            expected, found = reference.run(batch)["logits"], candidate.run(batch)["logits"]
            assert np.abs(expected - found).max() < 1e-4
            assert (expected.argmax(1) == found.argmax(1)).all()
        for text in ("", "x", "long " * 1000):
            batch = model_under_test.codec.collate(model_under_test.codec.encode([{"text": text}]))
            assert np.abs(reference.run(batch)["logits"] - candidate.run(batch)["logits"]).max() < 1e-4


SUITE = """
format = 1
name = "parity"
seed = 7
model = {{ use = "transformers/auto", id = "{model}", task = "text-classification" }}
data.reviews = {{ use = "datasets/file", path = "{rows}", limit = 200 }}
backends.torch = {{ use = "transformers/torch" }}
backends.brain = {{ use = "transformers/torch", dtype = "bfloat16" }}
backends.onnx = {{ use = "onnxruntime/session", path = "{folder}/model.onnx" }}
backends.norm = {{ use = "onnxruntime/session", path = "{folder}/norm.onnx" }}
backends.weight = {{ use = "onnxruntime/session", path = "{folder}/weight.onnx" }}
backends.lost = {{ use = "onnxruntime/session", path = "{folder}/lost.onnx" }}

[[check]]
name = "tensors"
measure = {{ use = "parity/tensors", rows = 16 }}
expect.ratio = {{ max = 10 }}
expect.mismatches = {{ max = 0 }}

[[check]]
name = "invariance"
measure = {{ use = "parity/invariance", rows = 4 }}
on = ["torch", "onnx"]
expect = {{ max = 20 }}
"""


def damaged(path, name, change):
    """A copy of an export beside it, with one thing changed."""
    model = onnx.load(path)
    change(model.graph)
    onnx.save(model, path.with_name(name))


def another_epsilon(graph):
    nodes = [node for node in graph.node if node.op_type == "LayerNormalization"]
    (epsilon,) = [one for one in nodes[3].attribute if one.name == "epsilon"]
    epsilon.f = 1e-4


def set_weight(change):
    def edit(graph):
        weight = next(one for one in graph.initializer if len(one.dims) == 2 and one.dims[0] == one.dims[1])
        values = numpy_helper.to_array(weight).copy()
        values[0, 0] = change(values[0, 0])
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))

    return edit


@pytest.fixture(scope="session")
def verdicts(reviews, tmp_path_factory):
    """The demo model's export and three damaged ones, judged by the parity of their tensors."""
    model_under_test, _ = reviews
    with SessionBackend().open(model_under_test, SessionOptions()) as runner:
        path = runner.source.path
    damaged(path, "norm.onnx", another_epsilon)
    damaged(path, "weight.onnx", set_weight(lambda value: value + 0.05))
    damaged(path, "lost.onnx", set_weight(lambda value: np.nan))
    suite = tmp_path_factory.mktemp("suite") / "parity.toml"
    suite.write_text(SUITE.format(model=MODEL, rows=ROWS, folder=path.parent))
    return {(result.check, result.backend): result for result in run(suite).results}


def test_an_export_errs_no_more_than_pytorch_itself(verdicts):
    for backend in ("onnx", "brain"):
        result = verdicts["tensors", backend]
        assert result.verdict == "PASS"
        assert 0 < result.numbers["ratio"].estimate < 5
        assert result.numbers["mismatches"].estimate == 0


def test_an_export_with_another_weight_fails_by_that_weight(verdicts):
    result = verdicts["tensors", "weight"]
    assert result.verdict == "FAIL"
    assert result.numbers["mismatches"].estimate == 1
    assert any("of the model" in remark and "initializer" in remark for remark in result.evidence.remarks)


def test_a_damaged_export_has_a_large_ratio_though_its_labels_agree(verdicts):
    result = verdicts["tensors", "norm"]
    assert result.verdict == "FAIL"
    assert result.numbers["ratio"].estimate > 30
    assert result.numbers["cosine"].estimate > 0.999
    assert "times as far from float64 as PyTorch in float32" in result.evidence.remarks[0]
    assert result.evidence.examples[0].fields["text"]


def test_an_export_that_gives_nan_fails_before_any_tolerance(verdicts):
    result = verdicts["tensors", "lost"]
    assert result.verdict == "FAIL"
    assert result.numbers["ratio"].estimate is None
    assert "NaN or Inf" in result.evidence.remarks[0]


def test_predictions_do_not_depend_on_the_batch(verdicts):
    for backend in ("torch", "onnx"):
        result = verdicts["invariance", backend]
        assert result.verdict == "PASS"
        assert result.numbers["repeat"].estimate == 0
        assert result.numbers["threads"].estimate < 20


ON_A_GPU = """
format = 1
name = "parity on a GPU"
seed = 7
model = {{ use = "transformers/auto", id = "{model}", task = "text-classification" }}
data.reviews = {{ use = "datasets/file", path = "{rows}", limit = 64 }}
backends.torch = {{ use = "transformers/torch" }}
backends.onnx = {{ use = "onnxruntime/session" }}
backends.torch16 = {{ use = "transformers/torch", dtype = "float16" }}
backends.onnx16 = {{ use = "onnxruntime/session", precision = "float16" }}

[[check]]
name = "tensors"
measure = {{ use = "parity/tensors", rows = 16 }}
on = ["onnx"]
expect.ratio = {{ max = 10 }}
expect.mismatches = {{ max = 0 }}

[[check]]
name = "agreement"
measure = "parity/agreement"
expect = {{ min = 0.5 }}

[[check]]
name = "speedup"
measure = {{ use = "performance/speedup", repetitions = 10 }}
on = ["onnx"]
critical = false
expect = {{ min = 0.001 }}
"""


@pytest.mark.gpu
def test_on_a_gpu_an_export_errs_no_more_than_pytorch_there(gpu, reviews, tmp_path):
    import torch

    if torch.version.cuda is None:
        pytest.skip("this PyTorch is built without CUDA")
    suite = tmp_path / "gpu.toml"
    suite.write_text(ON_A_GPU.format(model=MODEL, rows=ROWS))
    report = run(suite, RunOptions(device="cuda", store=tmp_path / "store"))
    found = {(result.check, result.backend): result for result in report.results}
    assert {key: (result.verdict, result.note) for key, result in found.items() if result.verdict != "PASS"} == {}
    facts = {name: backend["facts"] for name, backend in report.environment["backends"].items()}
    assert {(name, one["device"], one["tf32"]) for name, one in facts.items()} == {
        (name, "cuda:0", False) for name in report.backends
    }
