"""What a fitted estimator of scikit-learn, or one like it, says of itself: its classes, its features, and their categories."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError
from mqa_tabular.features import Feature
from mqa_tabular.task import ModelFeatures

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_estimator(estimator: Any, name: str) -> None:
    """A DataError where a loaded object is no fitted estimator that predicts one thing a row."""
    if not callable(getattr(estimator, "predict", None)):
        raise DataError(
            f"`{name}` holds a `{type(estimator).__name__}`, and no model that predicts",
            hint="save the fitted estimator, or the pipeline with its preprocessing",
        )
    if _is_classifier(estimator) and isinstance(getattr(estimator, "classes_", None), list):
        raise DataError(f"`{name}` predicts several targets at once", hint="save an estimator for each target")


def read_labels(estimator: Any) -> tuple[str, ...]:
    """The classes of a classifier, in the order of its probabilities; none of a regressor."""
    return tuple(str(label) for label in estimator.classes_) if _is_classifier(estimator) else ()


def read_problem_type(estimator: Any) -> str:
    """What the estimator is for, in the words of configurations of transformers."""
    return "single_label_classification" if _is_classifier(estimator) else "regression"


def read_library(estimator: Any) -> str:
    """The library of an estimator with its version, such as `sklearn 1.6.0`."""
    name = type(estimator).__module__.partition(".")[0]
    return f"{name} {getattr(sys.modules.get(name), '__version__', '')}".strip()


def read_features(estimator: Any) -> ModelFeatures:
    """The columns that an estimator was fitted with, where those had names; what an encoder reads is a category."""
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    categories = dict(_iter_categories(estimator, names))
    features = (
        Feature(name, "category", categories[name]) if name in categories else Feature(name, "number") for name in names
    )
    return ModelFeatures(tuple(features), in_float64=True)


def _is_classifier(estimator: Any) -> bool:
    return hasattr(estimator, "classes_")


def _iter_categories(estimator: Any, names: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The columns of text that an encoder inside reads, with the categories that it knows; empty where it takes any."""
    for step in _iter_steps(estimator):
        for _, transformer, columns in getattr(step, "transformers_", ()):
            if isinstance(transformer, str):  # that columns pass, or are dropped
                continue
            encoder = next((one for one in _iter_steps(transformer) if hasattr(one, "categories_")), None)
            if encoder is not None:
                named = zip(_resolve_columns(columns, names), encoder.categories_, strict=False)
                takes_any = getattr(encoder, "handle_unknown", "error") != "error"
                for name, categories in named:
                    texts = tuple(category for category in categories if isinstance(category, str))
                    if texts:
                        yield name, () if takes_any else texts


def _resolve_columns(columns: Any, names: list[str]) -> list[str]:
    """The names of columns that a step has by name, by position, as a slice of either, or as a mask."""
    import numpy as np

    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, slice) and isinstance(columns.start or columns.stop, str):
        start = 0 if columns.start is None else names.index(columns.start)
        stop = len(names) if columns.stop is None else names.index(columns.stop) + 1  # both ends count, as in pandas
        return names[start:stop]
    if isinstance(columns, slice | int):
        return list(np.atleast_1d(np.array(names, object)[columns]))
    chosen = np.asarray(columns)
    return list(chosen if chosen.dtype.kind in "UO" else np.array(names, object)[chosen])


def _iter_steps(estimator: Any) -> Iterator[Any]:
    """The estimator, or those of a pipeline in their order."""
    for _, step in getattr(estimator, "steps", ()):
        yield from _iter_steps(step)
    if not hasattr(estimator, "steps"):
        yield estimator
