"""Boosted trees in XGBoost's own files: what they predict is what XGBoost does, and no code is run."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from mqa_registry import DataError, ModelUnderTest, NoOptions, RunContext
from mqa_tabular.estimator_backend import EstimatorBackend
from mqa_tabular.model_sources import FileOptions
from mqa_tabular.task import TabularClassification, TabularOptions
from mqa_tabular.xgboost_source import XGBoostSource
from tests.earners import make_people

FEATURES = ["age", "hours"]


@pytest.fixture(scope="module")
def frame():
    return make_people(200).to_pandas()


def predict(path, frame):
    """The predictions for the rows of a frame, and the model."""
    task, context = TabularClassification(), RunContext(path.parent, device="cpu")
    model = XGBoostSource().load(task, context, FileOptions(id=path))
    under_test = ModelUnderTest(model, task.for_model(model, TabularOptions()), context, TabularOptions())
    codec = under_test.codec
    rows = codec.encode([{"columns": row} for row in frame[FEATURES].to_dict("records")])
    with EstimatorBackend().open(under_test, NoOptions()) as runner:
        outputs = runner.run(codec.collate(rows))
    return (codec.read_outputs(outputs, rows) or codec).decode(outputs, rows), model


@pytest.mark.parametrize("suffix", ["ubj", "json"])
def test_a_classifier_predicts_what_it_does_in_xgboost(frame, tmp_path, suffix):
    trees = xgboost.XGBClassifier(n_estimators=5).fit(frame[FEATURES], frame["income"] == "low")
    trees.save_model(tmp_path / f"model.{suffix}")
    table, model = predict(tmp_path / f"model.{suffix}", frame)
    assert model.labels == ("0", "1")
    assert model.about["library"].startswith("xgboost 3")
    np.testing.assert_allclose(table["probability"].to_pylist(), trees.predict_proba(frame[FEATURES]), atol=1e-6)


def test_a_regressor_gives_numbers(frame, tmp_path):
    trees = xgboost.XGBRegressor(n_estimators=5).fit(frame[FEATURES], frame["age"] * 2.0)
    trees.save_model(tmp_path / "model.ubj")
    table, model = predict(tmp_path / "model.ubj", frame)
    assert model.labels == ()
    np.testing.assert_allclose(table["value"].to_pylist(), trees.predict(frame[FEATURES]))


def test_trees_that_split_by_categories_and_files_of_other_things_are_refused(frame, tmp_path):
    categories = frame[["work"]].astype("category")
    trees = xgboost.XGBClassifier(n_estimators=2, enable_categorical=True).fit(categories, frame["income"] == "low")
    trees.save_model(tmp_path / "model.ubj")
    with pytest.raises(DataError, match="splits by categories"):
        predict(tmp_path / "model.ubj", frame)
    (tmp_path / "model.ubj").write_bytes(b"{}")
    with pytest.raises(DataError, match="cannot be read as a file of xgboost"):
        predict(tmp_path / "model.ubj", frame)
