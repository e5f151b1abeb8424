"""Metrics of rows with several labels: how many labels are wrong, and whether those of a row are scored above the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_metrics.confusion_matrix import divide
from mqa_metrics.probability import require_probabilities
from mqa_registry import DataError

if TYPE_CHECKING:
    from mqa_metrics.confusion_matrix import Bools, Floats
    from mqa_registry import Predictions, Targets


def hamming_loss(predictions: Predictions, targets: Targets) -> Floats:
    """The mean share of the labels that are wrong for a row.

    From 0 to 1: a label is wrong where it is given and the row has it not, or the other way round. It is small where rows
    have few of many labels, whatever is given: read it beside `metrics/f1`. So scikit-learn.
    """
    if not predictions.classes:
        raise DataError("there are no labels to count", hint="a replay names them: `classes = [...]`")
    return np.asarray((predictions.indicator != targets.indicator).mean(axis=1))


def ranking_loss(predictions: Predictions, targets: Targets) -> Floats:
    """The mean share of pairs of labels, one that a row has and one that it has not, that are scored the wrong way round.

    From 0 to 1, 0 at best; equal scores count as wrong. It needs probabilities. A row with no label, or with all, has no
    such pair and is ignored; scikit-learn's `label_ranking_loss` counts it as 0. Tsoumakas et al. 2010,
    https://doi.org/10.1007/978-0-387-09823-4_34, section 7.
    """
    probabilities, has_label = require_probabilities(predictions), targets.indicator
    among_all, among_own = _rank_labels(probabilities, has_label)
    n_own = has_label.sum(axis=1)
    wrong = np.where(has_label, among_all - among_own, 0.0).sum(axis=1)
    return divide(wrong, (n_own * (has_label.shape[1] - n_own)).astype(np.float64))


def label_ranking_average_precision(predictions: Predictions, targets: Targets) -> Floats:
    """The mean share, over the labels of a row, of labels that the row has among those scored as high or higher.

    From 0 to 1, 1 where the labels of a row are scored above all others. It needs probabilities. A row with no label, or
    with all, is ignored; scikit-learn counts it as 1. Schapire and Singer 2000, https://doi.org/10.1023/A:1007649029923.
    """
    probabilities, has_label = require_probabilities(predictions), targets.indicator
    among_all, among_own = _rank_labels(probabilities, has_label)
    n_own = has_label.sum(axis=1)
    precision = np.where(has_label, among_own / among_all, 0.0).sum(axis=1)
    return np.where(n_own < has_label.shape[1], divide(precision, n_own.astype(np.float64)), np.nan)


def sample_scores(name: str, predicted: Bools, actual: Bools) -> Floats:
    """Precision, recall or F1 of the labels of each row, both of shape (rows, labels).

    A row that has no label and is given none is NaN. Where another would divide by zero it is 0, as in scikit-learn.
    """
    hits = (predicted & actual).sum(axis=1).astype(np.float64)
    n_predicted, n_actual = predicted.sum(axis=1), actual.sum(axis=1)
    numerators = {"precision": hits, "recall": hits, "f1": 2 * hits}
    denominators = {"precision": n_predicted, "recall": n_actual, "f1": n_predicted + n_actual}
    scores = np.nan_to_num(divide(numerators[name], denominators[name].astype(np.float64)))
    return np.where(n_predicted + n_actual > 0, scores, np.nan)


def _rank_labels(probabilities: Floats, has_label: Bools) -> tuple[Floats, Floats]:
    """For each label of a row, how many labels are scored as high or higher: of all, and of those that the row has.

    Both of shape (rows, labels); the second means nothing for a label that the row has not.
    """
    from scipy.stats import rankdata  # a fifth of a second to import

    among_all = rankdata(-probabilities, method="max", axis=1)
    among_own = rankdata(np.where(has_label, -probabilities, np.inf), method="max", axis=1)
    return np.asarray(among_all, np.float64), np.asarray(among_own, np.float64)
