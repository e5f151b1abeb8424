"""Estimators as ONNX files: what skl2onnx writes answers as scikit-learn does, and what it cannot write is refused in one line."""

from __future__ import annotations

import json

import joblib
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from mqa_registry import DataError
from mqa_tabular.onnx_conversion import EstimatorConverter
from tests.cli.conftest import Project
from tests.earners import fit_pipeline, make_people, write_people

NUMBERS = np.random.default_rng(7).normal(40, 10, (50, 2))
CLASSES = np.where(NUMBERS.sum(axis=1) > 80, "high", "low")
FRAME = pd.DataFrame(NUMBERS, columns=["age", "hours"])
COLUMNS = {"age": NUMBERS[:, :1], "hours": NUMBERS[:, 1:]}


def convert(estimator, batch, folder, opset=None):
    """The session of a file that the converter wrote, and its outputs for the batch, with numbers in 32 bits."""
    path = folder / "model.onnx"
    EstimatorConverter().convert(estimator, batch, path, opset)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feed = {name: array.astype(np.float32) for name, array in batch.items()}
    return session, dict(zip([one.name for one in session.get_outputs()], session.run(None, feed), strict=True))


@pytest.mark.parametrize(
    ("estimator", "batch"),
    [
        (LogisticRegression().fit(FRAME, CLASSES), COLUMNS),
        (make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=2)).fit(FRAME, CLASSES), COLUMNS),
        (LogisticRegression().fit(NUMBERS, CLASSES), {"numbers": NUMBERS}),
        (LinearRegression().fit(FRAME, NUMBERS[:, 0]), COLUMNS),
        (LinearRegression().fit(NUMBERS, NUMBERS[:, 0]), {"numbers": NUMBERS}),
    ],
    ids=["by name", "a pipeline", "a matrix", "a number", "a number of a matrix"],
)
def test_the_file_has_the_inputs_of_the_task_and_the_outputs_of_the_estimator(estimator, batch, tmp_path):
    session, outputs = convert(estimator, batch, tmp_path)
    assert {one.name: one.shape[1] for one in session.get_inputs()} == {n: a.shape[1] for n, a in batch.items()}
    expected = EstimatorConverter().predict(estimator, batch)
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(outputs[name], values, rtol=1e-4, atol=1e-4)
        else:
            assert outputs[name].tolist() == values.tolist()


def test_the_opset_is_that_which_was_asked_for(tmp_path):
    convert(LogisticRegression().fit(NUMBERS, CLASSES), {"numbers": NUMBERS}, tmp_path, opset=15)
    domains = {one.domain: one.version for one in onnx.load(tmp_path / "model.onnx").opset_import}
    assert domains[""] <= 15


def test_a_classifier_without_probabilities_is_refused(tmp_path):
    with pytest.raises(DataError, match="`LinearSVC` gives no probabilities") as refused:
        convert(LinearSVC().fit(NUMBERS, CLASSES), {"numbers": NUMBERS}, tmp_path)
    assert "CalibratedClassifierCV" in refused.value.hint


# As commands do it.


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted")
    write_people(folder)
    skops.io.dump(fit_pipeline(), folder / "earners.skops")
    return Project(folder)


@pytest.fixture(scope="module")
def exported(project):
    done = project.mqa("export", "earners.skops", "--data", "people.parquet", "--out", "exported", "--json", "e.json")
    assert done.code == 0, done.err + done.out
    return json.loads((project.folder / "e.json").read_text("utf-8"))


def test_an_estimator_is_exported_audited_and_stamped(project, exported):
    assert (exported["exporter"], exported["verdict"]) == ("skl2onnx", None)
    assert exported["recipe"]["versions"].keys() >= {"skl2onnx", "scikit-learn"}
    assert exported["audit"]["findings"] == []
    assert {shape["outcome"] for shape in exported["audit"]["shapes"]} == {"agrees"}
    assert not (project.folder / "exported" / "model.trace.json").exists()


def test_parity_holds_an_export_against_its_estimator_and_makes_one_where_none_is_given(project, exported):
    for file in ((), ("exported/model.onnx",)):
        done = project.mqa("parity", "earners.skops", *file, "--data", "people.parquet", "--json", "p.json", "--force")
        assert done.code == 0, done.err + done.out
        report = json.loads((project.folder / "p.json").read_text("utf-8"))
        assert report["backends"] == ["estimator", "onnx"]
        assert {one["verdict"] for one in report["results"]} == {"PASS"}


def test_no_other_precision_is_made_of_an_estimator(project):
    done = project.mqa("export", "earners.skops", "--data", "people.parquet", "--out", "half", "--precision", "float16")
    assert (done.code, "`skl2onnx` writes float32 alone, and `precision` is `float16`" in done.err) == (2, True)
    assert not (project.folder / "half").exists()


def test_without_rows_the_message_says_how_to_give_them(project):
    done = project.mqa("export", "earners.skops", "--out", "rowless")
    assert (done.code, "name a file of rows with `--data`" in done.err) == (2, True)


class Mean(RegressorMixin, BaseEstimator):
    """A regressor that no converter knows."""

    def fit(self, rows, numbers):
        self.mean_ = float(np.mean(numbers))
        self.feature_names_in_ = np.array(list(rows), object)
        return self

    def predict(self, rows):
        return np.full(len(rows), self.mean_)


def test_an_estimator_that_the_converter_does_not_know_ends_with_its_reason(project):
    people = make_people(20).to_pandas()
    joblib.dump(Mean().fit(people[["age", "hours"]], people["age"]), project.folder / "mean.joblib")
    done = project.mqa("export", "mean.joblib", "--allow-code", "--data", "people.parquet", "--out", "mean")
    assert done.code == 3, done.err + done.out
    assert "the model cannot be exported to ONNX (skl2onnx: " in done.err
    assert not (project.folder / "mean").exists()
