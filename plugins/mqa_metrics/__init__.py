"""Metrics of quality: predictions compared with targets.

The names mean what they mean in scikit-learn, with one difference: a number that is undefined, such as the precision of
a class that was never predicted, is NaN and not 0, so that no verdict rests on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_metrics.classification import (
    accuracy,
    balanced_accuracy,
    f1,
    false_positive_rate,
    mcc,
    precision,
    recall,
    selection_rate,
    true_positive_rate,
)
from mqa_metrics.probability import MAX_LOG_LOSS, brier, ece, log_loss
from mqa_metrics.ranking import auroc
from mqa_metrics.suggestions import suggest_quality
from mqa_registry import Metric, Suggestion, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL = ("label",)
CLASS_SCHEMAS = ("label", "labels", "spans")
SHARE = (0.0, 1.0)


@hookimpl
def mqa_metrics() -> Iterable[Metric]:
    yield Metric("accuracy", accuracy, schemas=("label", "labels", "spans", "text"), range=SHARE)
    yield Metric("balanced-accuracy", balanced_accuracy, schemas=LABEL, range=SHARE)
    yield Metric("precision", precision, schemas=CLASS_SCHEMAS, range=SHARE)
    yield Metric("recall", recall, schemas=CLASS_SCHEMAS, range=SHARE)
    yield Metric("f1", f1, schemas=CLASS_SCHEMAS, range=SHARE)
    yield Metric("mcc", mcc, schemas=LABEL, range=(-1.0, 1.0))
    yield Metric("log-loss", log_loss, schemas=LABEL, range=(0.0, MAX_LOG_LOSS))
    yield Metric("brier", brier, schemas=LABEL, range=(0.0, 2.0))
    yield Metric("ece", ece, schemas=LABEL, range=SHARE)
    yield Metric("auroc", auroc, schemas=LABEL, range=SHARE)
    yield Metric("selection-rate", selection_rate, schemas=LABEL, range=SHARE)
    yield Metric("true-positive-rate", true_positive_rate, schemas=LABEL, range=SHARE)
    yield Metric("false-positive-rate", false_positive_rate, schemas=LABEL, range=SHARE)


@hookimpl
def mqa_suggestions() -> Iterable[Suggestion]:
    yield Suggestion("quality", suggest_quality)
