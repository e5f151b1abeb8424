"""Comparisons of two predictions of the same rows: whether they agree, and how far their scores lie apart.

Scores are probabilities, values and vectors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, TypeAlias

import numpy as np
from annotated_types import Ge, Le

from mqa_parity.decisions import OPERATING_SCORE, DecisionRule, same_decisions
from mqa_parity.mask_flips import MAX_PIXELS
from mqa_registry import DataError, positive_class

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

Score: TypeAlias = Annotated[float, Ge(0), Le(1)]
Depth: TypeAlias = Annotated[int, Ge(1)]
MIN_PROBABILITY = float(np.finfo(np.float64).eps)  # smaller ones are raised to this, as in the log loss
LARGEST_KL = 1.0 - math.log(MIN_PROBABILITY)  # of two certain and opposite rows whose sums are not quite 1


def agreement(
    reference: Predictions,
    candidate: Predictions,
    *,
    threshold: Score = OPERATING_SCORE,
    k: Depth | None = None,
    max_pixels: Score = MAX_PIXELS,
) -> Bools:
    """The share of rows with the same prediction.

    From 0 to 1. It compares the label, the set of labels or of spans, the text or the answer to the letter, the likeliest token
    behind every mask, the whole order of a ranking or, with `k`, which are its first `k`, in any order. Scores and probabilities do
    not matter, nor do the order of labels and spans and where an answer stands. Of boxes and instances, it compares those with
    a score of `threshold` or more: each has a counterpart of its label with an IoU of 0.5 or more. Masks are the same where the share of
    pixels with another label is `max_pixels` at most.

    A report has under `flips` the `count` of the other rows and, where margins are known, how many of them are `ties` and how
    many are `damage`, with `largest_tie`, `largest_margin` and the `tie_limit`. A margin is how sure the reference was: of a
    label its probability minus the second highest, of several labels, of boxes and of instances how far the one that flipped was from its
    threshold, of spans and masked tokens how sure the surest token was that flipped, of an answer how much likelier it was than
    the other, of a ranking how far the scores of two that changed places were apart, in standard deviations of the scores of a
    row, of masks the share of pixels that changed away from borders. A flip is a tie where rows next to it, which did not flip,
    commonly move by as much. Each flip among the examples has its `margin` and whether it is a `tie`.
    """
    return same_decisions(reference, candidate, DecisionRule(threshold, k, max_pixels))


def max_abs_diff(reference: Predictions, candidate: Predictions) -> float:
    """The largest distance between two numbers that should be the same.

    The numbers are probabilities, values, or the elements of vectors. It is one number over all rows, so it has no
    interval. NaN where there are no rows, or where a row has numbers on one side only.
    """
    one, other = _require_numbers(reference), _require_numbers(candidate)
    _require_equal_shapes(one, other)
    both_missing = np.isnan(one) & np.isnan(other)
    distances = np.abs(one - other)[~both_missing]
    return float(distances.max()) if distances.size else float("nan")


def mean_kl(reference: Predictions, candidate: Predictions) -> Floats:
    """The mean Kullback-Leibler divergence from the reference's probabilities.

    In nats. Per row the sum of p log(p / q) - p + q, where p is the reference: the last two terms cancel where both sum
    to 1, and keep every term at 0 or more where they do not quite. 0 at best. A q below 2.2e-16 counts as that.
    """
    p, q = _require_probabilities(reference), _require_probabilities(candidate)
    _require_equal_shapes(p, q)
    likely = p > 0
    ratio = np.divide(np.maximum(q, MIN_PROBABILITY), p, out=np.ones_like(p), where=likely)
    close = np.abs(ratio - 1) < 0.5
    logarithm = np.where(close, np.log1p(np.where(close, ratio - 1, 0)), np.log(ratio))  # with all digits near 1
    terms = np.where(likely, np.maximum(p * (ratio - 1 - logarithm), 0), q - p)
    return np.asarray(terms.sum(axis=1))


def cosine(reference: Predictions, candidate: Predictions) -> Floats:
    """The mean cosine of the angle between the two vectors of a row.

    From -1 to 1, 1 for the same direction. A row with a vector of zeros is ignored.
    """
    one, other = reference.values, candidate.values
    _require_equal_shapes(one, other)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products = (one * other).sum(axis=1)
    return np.asarray(np.divide(products, lengths, out=np.full(len(products), np.nan), where=lengths > 0))


def score_shift(reference: Predictions, candidate: Predictions, *, positive: str | None = None) -> Floats:
    """The mean by which the probability of a class rises from the reference.

    From -1 to 1, signed: per row the candidate's probability minus the reference's, so rises and falls cancel.
    `positive` is the class, the second of two unless it is named. For the schema `value` it is the number itself. A row
    with a number on one side only is ignored.
    """
    if reference.schema == "value":
        return np.asarray(candidate.values - reference.values)
    code = positive_class(reference.classes, positive)
    hint = "count how often the prediction changes with `parity/flip-rate`"
    before, after = _require_probabilities(reference, hint), _require_probabilities(candidate, hint)
    return np.asarray(after[:, positive_class(candidate.classes, reference.classes[code])] - before[:, code])


def _require_numbers(predictions: Predictions) -> Floats:
    return predictions.values if predictions.schema in ("value", "vector") else _require_probabilities(predictions)


def _require_probabilities(
    predictions: Predictions, hint: str = "compare the labels with `parity/agreement`"
) -> Floats:
    if predictions.probabilities is None:
        raise DataError("the predictions are labels alone, and this comparison needs probabilities", hint=hint)
    return predictions.probabilities


def _require_equal_shapes(one: Floats, other: Floats) -> None:
    if one.shape != other.shape:
        raise DataError(f"a row has {one.shape[-1]} numbers in the reference, and {other.shape[-1]} in the candidate")
