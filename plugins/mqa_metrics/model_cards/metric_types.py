"""The metrics of this plugin by the names that model cards have for them, which are those of the hub's own metrics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_metrics.metrics import METRICS

if TYPE_CHECKING:
    from mqa_registry import Metric

AVERAGES = ("binary", "macro", "micro", "weighted", "samples")
OPTIONAL_WORD = "score"  # of `f1_score`


@dataclass(frozen=True)
class CardMetric:
    """A metric as model cards know it.

    `type` is the hub's name and `title` the one for people; cards also write it as one of `aliases`. `options` are those
    that a card can state under `args`.
    """

    metric: Metric
    type: str
    title: str
    aliases: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    less_is_better: bool = False


_METRICS = {metric.name: metric for metric in METRICS}
_OF_CLASSES = ("average", "positive")
CARD_METRICS = (
    CardMetric(_METRICS["accuracy"], "accuracy", "Accuracy", ("acc",)),
    CardMetric(_METRICS["balanced-accuracy"], "balanced_accuracy", "Balanced accuracy"),
    CardMetric(_METRICS["precision"], "precision", "Precision", options=_OF_CLASSES),
    CardMetric(_METRICS["recall"], "recall", "Recall", ("sensitivity",), options=_OF_CLASSES),
    CardMetric(_METRICS["f1"], "f1", "F1", options=_OF_CLASSES),
    CardMetric(_METRICS["mcc"], "matthews_correlation", "Matthews correlation", ("mcc", "matthews_corrcoef")),
    CardMetric(_METRICS["auroc"], "roc_auc", "AUROC", ("auc", "auroc", "rocauc"), options=("positive",)),
    CardMetric(_METRICS["log-loss"], "log_loss", "Log loss", ("logloss",), less_is_better=True),
    CardMetric(_METRICS["brier"], "brier_score", "Brier score", ("brier",), less_is_better=True),
    CardMetric(
        _METRICS["ece"], "expected_calibration_error", "Calibration error", ("ece",), ("n_bins",), less_is_better=True
    ),
    CardMetric(_METRICS["hamming-loss"], "hamming_loss", "Hamming loss", ("hamming",), less_is_better=True),
    CardMetric(_METRICS["mae"], "mae", "Mean absolute error", ("mean_absolute_error",), less_is_better=True),
    CardMetric(_METRICS["mse"], "mse", "Mean squared error", ("mean_squared_error",), less_is_better=True),
    CardMetric(_METRICS["rmse"], "rmse", "Root mean squared error", ("root_mean_squared_error",), less_is_better=True),
    CardMetric(_METRICS["r2"], "r_squared", "R²", ("r2",)),
    CardMetric(_METRICS["pearson"], "pearsonr", "Pearson correlation", ("pearson", "pearson_correlation")),
    CardMetric(_METRICS["spearman"], "spearmanr", "Spearman correlation", ("spearman", "spearman_correlation")),
)
CARD_METRICS_BY_NAME = {one.metric.name: one for one in CARD_METRICS}
_BY_TYPE = {name: one for one in CARD_METRICS for name in (one.type, *one.aliases)}


def find_card_metric(metric_type: str) -> tuple[CardMetric | None, str]:
    """The metric of a type as a card writes it, and the average that the type names: `f1_macro` is F1, and `macro`."""
    words = list_words(metric_type)
    bare = [word for word in words if word not in AVERAGES]
    spellings = ("_".join(bare), "_".join(word for word in bare if word != OPTIONAL_WORD))
    metric = next((_BY_TYPE[one] for one in spellings if one in _BY_TYPE), None)
    return metric, next((word for word in words if word in AVERAGES), "")


def list_words(text: str) -> list[str]:
    """The words of a name, in lower case."""
    return re.findall(r"[a-z0-9]+", text.lower())
