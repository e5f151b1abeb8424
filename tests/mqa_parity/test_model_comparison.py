"""`parity` in Python: a module of one's own against its ONNX file, as a test of a release has it."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from mqa_parity.model_comparison import make_pair
from mqa_parity.suite import Criteria, Pair
from mqa_registry import MqaError, ParityError, ParityOptions, ParityReport, ResolvedModel, RunOptions, Verdict, parity


class Scorer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(4, 8)
        self.second = torch.nn.Linear(8, 3)

    def forward(self, features):
        return self.second(torch.relu(self.first(features)))


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    """A module, rows for it, and the folder with its export, right and with a fault in a weight."""
    folder = tmp_path_factory.mktemp("scorer")
    torch.manual_seed(7)
    module, rows = Scorer().eval(), torch.randn(12, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            module, (rows,), folder / "model.onnx", dynamo=False, dynamic_axes={"features": [0]},
            input_names=["features"], output_names=["scores"],
        )  # fmt: skip
    model = onnx.load(folder / "model.onnx")
    (bias,) = [one for one in model.graph.initializer if one.name == "second.bias"]
    bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + np.float32(0.01), bias.name))
    onnx.save(model, folder / "wrong.onnx")
    yield module, rows, folder
    shutil.rmtree(folder)


@pytest.fixture
def compare(scorer):
    """`parity` of the module with a file of the folder, on the rows, with its store there."""
    module, rows, folder = scorer

    def run(file="model.onnx", inputs=rows, model=module, **options):
        settings = RunOptions(store=folder / ".mqa")
        return parity(
            model, file and folder / file, inputs=inputs, options=ParityOptions(**options), run_options=settings
        )

    return run


def test_a_right_file_passes_and_its_report_is_typed(compare):
    report = compare().check()
    assert isinstance(report, ParityReport)
    assert (report.verdict, report.first_divergence) == (Verdict.PASS, None)
    assert report.report.results[0].numbers["ratio"].estimate < 10
    assert report._repr_html_().startswith("<iframe")


def test_a_wrong_weight_is_an_assertion_that_names_its_module(compare):
    report = compare("wrong.onnx", inputs=[{"features": torch.ones(2, 4)}, {"features": torch.zeros(1, 4)}])
    found = report.first_divergence
    assert (found.kind, found.module, found.class_name) == ("weights", "second", "Linear")
    assert (found.ratio, found.facts["kind"]) == (found.facts["ratio"], "weights")
    with pytest.raises(AssertionError, match=r"it begins in `second` \(Linear") as caught:
        report.check()
    assert isinstance(caught.value, ParityError)
    assert "the row that differs most: row-" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"file": "gone.onnx"}, "there is no file", "`mqa export MODEL --out DIR` makes one"),
        ({"inputs": {"feature": torch.zeros(2, 4)}}, "takes an input `features`, which this task does not give", "`feature`"),
        ({"inputs": torch.zeros(2, 5)}, "takes `features` with a length of exactly 4 along axis 1", "give it rows of 4"),
        ({"inputs": torch.zeros(0, 4)}, "`inputs` has no rows", "at least one"),
        ({"inputs": ["a text"]}, "the model has no tokenizer to make its inputs of a text", "inputs as"),
        ({"model": 7}, "no plugin takes an object of type `int` for a model", "`torch.nn.Module`"),
        ({"source": "torch/file"}, "in memory, and `torch/file` loads one by its name", "leave `source` out"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_one_line_with_a_hint(compare, options, message, hint):
    if "model" in options:
        options = options | {"inputs": {"features": torch.zeros(2, 4)}}
    with pytest.raises(MqaError) as caught:
        compare(**options)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


def test_a_file_that_is_the_model_is_compared_with_another_alone(scorer):
    _, _, folder = scorer
    with pytest.raises(MqaError, match="is exported already"):
        make_pair(str(folder / "model.onnx"), None, None, ParityOptions(), RunOptions())


MODEL = ResolvedModel("Scorer", "torch/memory", "own/task")


def test_the_options_are_those_of_the_backend_that_runs_the_file():
    options = ParityOptions(
        outputs={"scores": "output", "extra": "extra"}, input={"x": "features"}, constant={"rate": 1},
        batch_axis={"state": 1}, provider="CPUExecutionProvider",
    )  # fmt: skip
    suite = Pair(MODEL, Path("model.onnx"), options=options).build_suite(Criteria())
    assert suite["backends"]["onnx"] == {
        "use": "onnxruntime/session",
        "path": "model.onnx",
        "providers": ["CPUExecutionProvider"],
        "inputs": {"x": "features"},
        "constants": {"rate": 1},
        "batch_axis": {"state": 1},
        "outputs": {"scores": "output"},
    }
    assert suite["check"][0]["measure"]["outputs"] == ["output", "extra"]


def test_without_a_file_the_options_are_those_of_an_export():
    suite = Pair(MODEL, None, options=ParityOptions(precision="float16", opset=18)).build_suite(Criteria())
    assert suite["backends"]["onnx"] == {"use": "onnxruntime/session", "precision": "float16", "opset": 18}
    with pytest.raises(MqaError, match="`constant` is about the inputs of a file, and none is named"):
        Pair(MODEL, None, options=ParityOptions(constant={"rate": 1}))
