"""How good predictions are, held against targets.

The names mean what they mean in scikit-learn, with one difference: a number that is undefined, such as the precision of
a class that was never predicted, is NaN and not 0, so that no verdict rests on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_metrics.calibration import ece
from mqa_metrics.confusion import balanced_accuracy, mcc
from mqa_metrics.exact import accuracy
from mqa_metrics.precision_recall import f1, precision, recall
from mqa_metrics.probability import brier, log_loss
from mqa_metrics.ranking import auroc
from mqa_metrics.rates import false_positive_rate, selection_rate, true_positive_rate
from mqa_registry import Metric, hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

LABEL = ("label",)
COUNTED = ("label", "labels", "spans")


@hookimpl
def mqa_metrics() -> Iterable[Metric]:
    yield Metric("accuracy", accuracy, takes=("label", "labels", "spans", "text"))
    yield Metric("balanced-accuracy", balanced_accuracy, takes=LABEL)
    yield Metric("precision", precision, takes=COUNTED)
    yield Metric("recall", recall, takes=COUNTED)
    yield Metric("f1", f1, takes=COUNTED)
    yield Metric("mcc", mcc, takes=LABEL)
    yield Metric("log-loss", log_loss, takes=LABEL)
    yield Metric("brier", brier, takes=LABEL)
    yield Metric("ece", ece, takes=LABEL)
    yield Metric("auroc", auroc, takes=LABEL)
    yield Metric("selection-rate", selection_rate, takes=LABEL)
    yield Metric("true-positive-rate", true_positive_rate, takes=LABEL)
    yield Metric("false-positive-rate", false_positive_rate, takes=LABEL)
