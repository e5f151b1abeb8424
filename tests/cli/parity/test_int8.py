"""A file in int8, a precision that PyTorch does not have, is judged by its decisions."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from mqa_parity.model_comparison import refine_criteria
from mqa_parity.suite import Criteria, Pair
from mqa_registry import ResolvedModel
from mqa_registry.cli import app
from mqa_registry.judging import Verdict
from mqa_registry.judging.result import ResultEvidence

ROOT = Path(__file__).parents[3]


def convert_to_int8(folder):
    from mqa_onnxruntime.export.conversion import ExportPrecision, convert

    convert(ExportPrecision("int8-dynamic"), folder / "model.onnx", folder / "int8.onnx")
    (folder / "int8.onnx").replace(folder / "model.onnx")


def test_int8_without_decisions_says_what_would_decide_and_asks_for_no_rows(parity):
    convert_to_int8(parity.folder)
    done = parity.run()
    assert done.exit_code == 4, done.output
    shown = " ".join(done.stdout.split())
    assert "PyTorch has no int8" in shown
    assert "`transformers/forward` decides nothing that could flip" in shown
    assert "fix: `--tolerance ATOL RTOL`, or a suite with bounds" in shown
    assert "add rows" not in shown
    report = parity.report()
    assert [(one["level"], one["topic"]) for one in report["findings"]][-1] == ("warning", "precision")
    assert report["results"][0]["note"] == "ratio is undefined, since PyTorch has no int8"


def test_int8_under_a_fixed_tolerance_is_settled(parity):
    convert_to_int8(parity.folder)
    assert parity.run("--tolerance", "1", "0").exit_code == 0
    assert parity.run("--tolerance", "1e-6", "0").exit_code == 1


@pytest.fixture(scope="module")
def int8(tmp_path_factory, exports_here, demo_export):
    """The demo model in int8, as `mqa export` makes it."""
    folder = tmp_path_factory.mktemp("int8")
    demo_export(folder / "store")
    model = str(ROOT / "suites/models/reviews-minilm")
    more = ["--out", folder / "out", "--precision", "int8-dynamic", "--store", folder / "store"]
    done = CliRunner().invoke(app, ["export", model, *map(str, more)])
    assert done.exit_code == 0, done.output

    def compare(file):
        report = folder / "report.json"
        more = ["--data", ROOT / "suites/data/sentiment.parquet", "--limit", 150, "--json", report]
        done = CliRunner().invoke(
            app, ["parity", model, str(folder / file), *map(str, more), "--store", str(folder / "store")]
        )
        return done, json.loads(report.read_text())

    return SimpleNamespace(folder=folder, compare=compare)


@pytest.mark.slow
def test_int8_is_judged_by_decisions_and_stamped_with_that_alone(int8):
    done, report = int8.compare("out/model.onnx")
    assert done.exit_code == 1, done.output
    assert "it is judged by its mismatches and decisions, at most 1% flips" in " ".join(done.stdout.split())
    judged = {one["check"]: one["verdict"] for one in report["results"] if one["critical"]}
    assert judged == {"tensors": "PASS", "flips": "FAIL"}
    assert report["first_divergence"]["kind"] == "precision"
    stamp = json.loads((int8.folder / "out/model.mqa.json").read_text())
    assert [one["verdict"] for one in stamp["judgements"]] == ["FAIL"]  # what was tried first is not in it


def test_int8_with_a_damaged_weight_fails_and_the_weight_is_named(int8):
    from onnx import numpy_helper

    shutil.copytree(int8.folder / "out", int8.folder / "damaged")
    (int8.folder / "damaged/model.mqa.json").unlink()  # else the file is refused, as it should be
    path = str(int8.folder / "damaged/model.onnx")
    model = onnx.load(path)
    name = next(one.input[1] for one in model.graph.node if one.op_type == "MatMulInteger" and "linear" not in one.name)
    scale = next(one for one in model.graph.initializer if one.name == name.replace("_quantized", "_scale"))
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * np.float32(3), scale.name))
    onnx.save(model, path)
    done, report = int8.compare("damaged/model.onnx")
    assert done.exit_code == 1, done.output
    found = report["first_divergence"]
    assert (found["kind"], found["class"], found["weight"]) == ("weights", "Linear", f"{name}: weight")
    assert f"`{found['module']}` (Linear): weights" in " ".join(done.stdout.split())


PAIR = Pair(ResolvedModel("model", "torch/file", "own/task"), Path("model.onnx"), has_decisions=True)


BY_DECISIONS, BY_PREDICTIONS = Criteria(by_decisions=True), Criteria(by_predictions=True)


def criticals(criteria):
    return {one["name"] for one in PAIR.build_suite(criteria)["check"] if one.get("critical", True)}


def test_a_file_judged_by_decisions_may_not_flip_and_has_no_ratio():
    by_ratio, by_decisions = PAIR.build_suite(Criteria())["check"], PAIR.build_suite(BY_DECISIONS)["check"]
    assert criticals(Criteria()) == {"tensors"}
    assert criticals(BY_DECISIONS) == {"tensors", "flips"}
    assert by_ratio[0]["expect"].keys() == {"mismatches", "ratio"}
    assert by_decisions[0]["expect"].keys() == {"mismatches"}
    assert by_ratio[1]["expect"] == by_decisions[1]["expect"] == {"max": 0.01}


def executed(*verdicts, **evidence):
    """A run of which nothing counts here but the verdicts and the evidence of them."""
    names = ("tensors", "flips")[: len(verdicts)]
    results = [
        SimpleNamespace(check=name, verdict=Verdict(one), evidence=ResultEvidence(**evidence))
        for name, one in zip(names, verdicts, strict=True)
    ]
    environment = {"backends": {"onnx": {"facts": {"precision": "int8"}}}}
    report = SimpleNamespace(results=results, environment=environment)
    return SimpleNamespace(report=report, predictions=lambda backend: None)


@pytest.mark.parametrize(
    ("verdicts", "counts"),
    [
        (("PASS", "ERROR"), True),
        (("PASS", "NOT-RUN"), True),
        (("PASS", "FAIL"), False),  # flips of ties
        (("FAIL", "ERROR"), False),  # the difference is what the report shows
        (("PASS",), False),
    ],
)
def test_a_file_without_a_prediction_for_some_row_is_not_judged_by_the_sampled_rows_alone(verdicts, counts):
    assert refine_criteria(PAIR, executed(*verdicts))[0].by_predictions is counts
    assert criticals(BY_PREDICTIONS) == {"tensors", "flips"}
    assert PAIR.build_suite(BY_PREDICTIONS)["check"][0]["expect"].keys() == {"mismatches", "ratio"}


def test_a_file_without_a_ratio_is_judged_by_decisions_though_some_row_has_no_prediction():
    refined, remarks = refine_criteria(PAIR, executed("INCONCLUSIVE", "ERROR", never_settles=True))
    assert (refined.by_decisions, refined.by_predictions) == (True, False)
    assert "PyTorch has no int8" in remarks[0].message
