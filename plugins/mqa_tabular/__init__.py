"""Models of tables: those of scikit-learn, XGBoost and any other over the columns of a row, and what goes wrong in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry import Backend, ModelSource, Perturbation, Task, hookimpl
from mqa_tabular.estimator_backend import EstimatorBackend
from mqa_tabular.model_sources import JoblibSource, SkopsSource
from mqa_tabular.perturbations.categories import category_typos
from mqa_tabular.perturbations.missing import missing_values
from mqa_tabular.perturbations.numbers import noise, scaling, shift, swapped_columns, unit_errors
from mqa_tabular.task import TabularClassification
from mqa_tabular.xgboost_source import XGBoostSource

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def mqa_models() -> Iterable[ModelSource[Any]]:
    return [SkopsSource(), JoblibSource(), XGBoostSource()]


@hookimpl
def mqa_tasks() -> Iterable[Task[Any]]:
    return [TabularClassification()]


@hookimpl
def mqa_backends() -> Iterable[Backend[Any]]:
    return [EstimatorBackend()]


@hookimpl
def mqa_perturbations() -> Iterable[Perturbation]:
    yield Perturbation("missing-values", missing_values, modality="columns")
    yield Perturbation("unit-errors", unit_errors, modality="columns")
    yield Perturbation("swapped-columns", swapped_columns, modality="columns")
    yield Perturbation("category-typos", category_typos, modality="columns")
    yield Perturbation("shift", shift, modality="columns")
    yield Perturbation("scaling", scaling, modality="columns")
    yield Perturbation("noise", noise, modality="columns")
