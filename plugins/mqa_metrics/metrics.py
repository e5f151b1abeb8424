"""The metrics of this plugin as contributions."""

from __future__ import annotations

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
from mqa_metrics.probability import MAX_LOG_LOSS, brier, ece, log_loss, top_k_accuracy
from mqa_metrics.ranking import auroc
from mqa_registry import Metric

LABEL = ("label",)
CLASS_SCHEMAS = ("label", "labels", "spans")
SHARE = (0.0, 1.0)

METRICS = (
    Metric("accuracy", accuracy, schemas=("label", "labels", "spans", "text"), range=SHARE, reads="rows"),
    Metric("balanced-accuracy", balanced_accuracy, schemas=LABEL, range=SHARE, reads="counts"),
    Metric("precision", precision, schemas=CLASS_SCHEMAS, range=SHARE, reads="counts"),
    Metric("recall", recall, schemas=CLASS_SCHEMAS, range=SHARE, reads="counts"),
    Metric("f1", f1, schemas=CLASS_SCHEMAS, range=SHARE, reads="counts"),
    Metric("mcc", mcc, schemas=LABEL, range=(-1.0, 1.0), reads="counts"),
    Metric("log-loss", log_loss, schemas=LABEL, range=(0.0, MAX_LOG_LOSS)),
    Metric("brier", brier, schemas=LABEL, range=(0.0, 2.0), reads="rows"),
    Metric("top-k-accuracy", top_k_accuracy, schemas=LABEL, range=SHARE, reads="rows"),
    Metric("ece", ece, schemas=LABEL, range=SHARE),
    Metric("auroc", auroc, schemas=LABEL, range=SHARE),
    Metric("selection-rate", selection_rate, schemas=LABEL, range=SHARE, reads="rows"),
    Metric("true-positive-rate", true_positive_rate, schemas=LABEL, range=SHARE, reads="rows"),
    Metric("false-positive-rate", false_positive_rate, schemas=LABEL, range=SHARE, reads="rows"),
)
