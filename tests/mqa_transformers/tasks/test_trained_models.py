"""Pairs, several labels and numbers, as a user has them: the suites of `plugins/tasks.md` on models trained here."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Project
from tests.mqa_transformers.tasks.tiny_models import (
    make_pairs,
    make_scores,
    make_topics,
    train_pairs,
    train_scores,
    train_topics,
)
from tests.task_page import read_suite

ROWS, SEED = 400, 11  # which is enough for a share of 0.99
DAMAGED = "bert.encoder.layer.0.output.dense"

pytestmark = pytest.mark.usefixtures("exports_here")


def make_project(folder: Path, suite: str, file: str, columns: dict[str, Any]) -> Project:
    """A project with one of the page's suites and its data."""
    pq.write_table(pa.table({"id": [f"row-{number}" for number in range(ROWS)], **columns}), folder / file)
    (folder / "suite.toml").write_text(read_suite(suite), "utf-8")
    return Project(folder)


@pytest.fixture(scope="module")
def inference(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inference")
    train_pairs(folder / "nli-model")
    rows = make_pairs(ROWS, SEED)
    columns = {"premise": rows.texts, "hypothesis": rows.pairs, "relation": rows.targets}
    return make_project(folder, "inference", "pairs.parquet", columns)


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    folder = tmp_path_factory.mktemp("topics")
    train_topics(folder / "topics")
    rows = make_topics(ROWS, SEED)
    return make_project(folder, "topics", "news.parquet", {"text": rows.texts, "target": rows.targets})


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scores")
    train_scores(folder / "scores")
    rows = make_scores(ROWS, SEED)
    columns = {"text": rows.texts, "target": rows.targets, "region": ["north", "south"] * (ROWS // 2)}
    return make_project(folder, "scores", "reviews.parquet", columns)


def run(project: Project, *arguments: str) -> list[dict[str, Any]]:
    """The results of the project's suite, all of which hold."""
    done = project.run("--json", "-", *arguments)
    assert done.code == 0, done.err + done.out[:2000]
    return list(done.json["results"])


def estimates(results, check):
    """The number of a check by backend."""
    return {one["backend"]: one["numbers"]["value"]["estimate"] for one in results if one["check"] == check}


def damage(project: Project) -> Path:
    """A copy of the export with a wrong bias in one module."""
    (file,) = (project.folder / ".mqa").rglob("*.onnx")
    model = onnx.load(file)
    bias = next(one for one in model.graph.initializer if one.name.endswith(f"{DAMAGED}.bias"))
    values = onnx.numpy_helper.to_array(bias)
    values = (values + np.linspace(-2, 2, values.size)).astype(values.dtype)  # a constant would be normalized away
    bias.CopyFrom(onnx.numpy_helper.from_array(values, bias.name))
    damaged = project.folder / "damaged.onnx"
    onnx.save(model, damaged)
    return damaged


def blame(project: Project, model: str, data: str) -> dict[str, Any]:
    """What `mqa parity` says of a damaged export."""
    done = project.mqa("parity", model, str(damage(project)), "--data", data, "--json", "parity.json")
    report = json.loads((project.folder / "parity.json").read_text())
    assert done.code == 1, done.err
    return report


def test_the_suite_of_pairs_holds_on_both_backends(inference):
    results = run(inference)
    f1 = estimates(results, "metrics/f1")
    assert f1["torch"] == f1["onnx"] > 0.9
    assert estimates(results, "parity/agreement") == {"onnx": 1.0}


def test_the_suite_of_several_labels_holds_on_both_backends(topics):
    results = run(topics)
    for check in ("metrics/accuracy", "metrics/f1", "rain"):
        found = estimates(results, check)
        assert found["torch"] == found["onnx"] > 0.8
    assert estimates(results, "parity/agreement") == {"onnx": 1.0}


def test_a_threshold_says_from_which_probability_on_a_label_is_given(topics, tmp_path):
    shutil.copytree(topics.folder, tmp_path, dirs_exist_ok=True)
    project = Project(tmp_path)
    text = read_suite("topics").replace("0.3", "0.999999")
    (tmp_path / "suite.toml").write_text(text, "utf-8")
    done = project.run("--json", "-", "--backend", "torch", "--only", "rain")
    assert done.code in (1, 3, 4)
    assert done.json["results"][0]["numbers"]["value"]["estimate"] in (0.0, None)


def test_a_damaged_export_of_several_labels_loses_labels_and_the_module_is_named(topics):
    report = blame(topics, "topics", "news.parquet")
    assert report["first_divergence"]["module"] == DAMAGED
    flips = next(one for one in report["results"] if one["check"] == "flips")
    assert flips["evidence"]["details"]["flips"]["damage"] > 0
    assert isinstance(flips["evidence"]["examples"][0]["prediction"], list)


def test_the_suite_of_numbers_holds_on_both_backends(scores):
    results = run(scores)
    error = estimates(results, "error")
    assert error["torch"] == pytest.approx(error["onnx"], abs=1e-4)
    assert error["onnx"] < 0.4
    assert estimates(results, "parity/close") == {"onnx": 1.0}
    groups = next(one for one in results if one["check"] == "error")["groups"]
    assert set(groups) == {"north", "south"}


def test_the_module_that_a_damaged_export_of_numbers_fails_in_is_named(scores):
    assert blame(scores, "scores", "reviews.parquet")["first_divergence"]["module"] == DAMAGED


def test_a_failing_check_of_numbers_shows_the_rows_that_are_farthest_off(scores, tmp_path):
    shutil.copytree(scores.folder, tmp_path, dirs_exist_ok=True)
    project = Project(tmp_path)
    head = read_suite("scores").partition("[[check]]")[0]
    project.write('[[check]]\nmeasure = "metrics/mae"\nexpect = { max = 1e-6 }\n', head)
    done = project.run("--json", "-", "--html", "report.html", "--backend", "torch")
    assert done.code == 1
    (result,) = done.json["results"]
    errors = [abs(row["prediction"] - row["target"]) for row in result["evidence"]["examples"]]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > np.mean(errors[1:])
    assert "metrics/mae" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("model", "data", "measures"),
    [
        ("topics", "news.parquet", {"metrics/f1", "metrics/accuracy", "metrics/ranking-loss", "parity/agreement"}),
        ("scores", "reviews.parquet", {"metrics/mae", "metrics/r2", "metrics/spearman", "parity/close"}),
    ],
)
def test_a_new_suite_asks_what_suits_the_predictions(request, model, data, measures):
    project = request.getfixturevalue(model)
    done = project.mqa("init", model, "--data", data, "--out", "new.toml")
    assert done.code == 0, done.err
    text = (project.folder / "new.toml").read_text("utf-8")
    assert 'task = "transformers/text-classification"' in text
    assert measures <= set(re.findall(r'"([a-z]+/[a-z0-9-]+)"', text))
    assert project.mqa("validate", "new.toml").code == 0


def test_a_measure_that_cannot_read_what_the_model_predicts_is_refused_before_anything_runs(scores, tmp_path):
    shutil.copytree(scores.folder, tmp_path, dirs_exist_ok=True)
    project = Project(tmp_path)
    head = read_suite("scores").partition("[[check]]")[0]
    project.write('[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.9 }\n', head)
    done = project.run()
    assert done.code == 2
    assert "`metrics/accuracy` reads label or labels or spans or text, and the model predicts value" in done.err
