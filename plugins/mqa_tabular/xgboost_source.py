"""The model source `tabular/xgboost`: boosted trees in XGBoost's own files, which are data."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError, ModelSource, UsageError
from mqa_tabular.model_sources import TASK, FileOptions, make_model, read_or_refuse

if TYPE_CHECKING:
    from mqa_registry import Model, RunContext, Task

CLASSIFIERS = ("binary:", "multi:")  # how the names of objectives of classes begin
CATEGORY = "c"  # the type of a feature whose splits are sets of categories


class XGBoostSource(ModelSource[FileOptions]):
    """Boosted trees in a file of XGBoost, which is data: `model.save_model("model.ubj")`, or JSON.

    The classes of a classifier are `0`, `1` and so on: `labels` of `[model]` gives them names. It needs the package `xgboost-cpu`, or
    `xgboost`, which is the same with a GPU's part.
    """

    name = "xgboost"
    takes = "a file that ends in `.ubj`"

    def recognizes(self, name: str) -> bool:
        """Whether a model's name is that of a file of XGBoost; one of JSON may be any."""
        return Path(name).suffix == ".ubj"

    def infer_task(self, run_context: RunContext, options: FileOptions) -> str:
        return TASK

    def load(self, task: Task[Any], run_context: RunContext, options: FileOptions) -> Model:
        return make_model(options.id, _read_trees, "xgboost")


def _read_trees(path: Path) -> Any:
    """The trees with the interface of scikit-learn."""
    xgboost = _import_xgboost()
    booster = xgboost.Booster()
    read_or_refuse(path, "xgboost", lambda: booster.load_model(path))
    if CATEGORY in (booster.feature_types or ()):
        raise DataError(
            f"`{path}` splits by categories, and features of such a model are numbers",
            hint="fit it on encoded columns, or save a pipeline that encodes them, with joblib",
        )
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    trees = xgboost.XGBClassifier() if objective.startswith(CLASSIFIERS) else xgboost.XGBRegressor()
    trees.load_model(path)
    return trees


def _import_xgboost() -> Any:
    """The library, by its name: it comes in two packages, and a user has one of them."""
    try:
        return import_module("xgboost")
    except ModuleNotFoundError as error:
        raise UsageError(
            "the package `xgboost-cpu` is not installed", hint="pip install xgboost-cpu, or xgboost for a GPU"
        ) from error
