"""How far the numbers of two predictions lie apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry import Predictions

    Floats: TypeAlias = npt.NDArray[np.float64]

LEAST = float(np.finfo(np.float64).eps)  # as for the log loss: no probability is taken to be nearer to 0
FARTHEST = 1.0 - math.log(LEAST)  # the divergence of two sure and opposite rows, sums that are not quite 1 included


def max_abs_diff(reference: Predictions, candidate: Predictions) -> float:
    """The largest distance between two numbers that should be the same.

    The numbers are probabilities, values, or the elements of vectors. Of all rows at once, so it has no interval. NaN
    where there are no rows, or a row has numbers on one side alone.
    """
    one, other = _numbers(reference), _numbers(candidate)
    _check_shapes(one, other)
    both_lack = np.isnan(one) & np.isnan(other)
    distances = np.abs(one - other)[~both_lack]
    return float(distances.max()) if distances.size else float("nan")


def mean_kl(reference: Predictions, candidate: Predictions) -> Floats:
    """The mean Kullback-Leibler divergence from the reference's probabilities.

    In nats. Per row the sum of p log(p / q) - p + q, p being the reference: the last two cancel where both sum to 1,
    and make every term at least 0 where they do not quite. 0 at best. No q is taken to be below 2.2e-16.
    """
    p, q = _probabilities(reference), _probabilities(candidate)
    _check_shapes(p, q)
    likely = p > 0
    ratio = np.divide(np.maximum(q, LEAST), p, out=np.ones_like(p), where=likely)
    close = np.abs(ratio - 1) < 0.5
    logarithm = np.where(close, np.log1p(np.where(close, ratio - 1, 0)), np.log(ratio))  # with all digits near 1
    terms = np.where(likely, np.maximum(p * (ratio - 1 - logarithm), 0), q - p)
    return np.asarray(terms.sum(axis=1))


def cosine(reference: Predictions, candidate: Predictions) -> Floats:
    """The mean cosine of the angle between the two vectors of a row.

    From -1 to 1, 1 for the same direction. A row with a vector of zeros has no say.
    """
    one, other = reference.values, candidate.values
    _check_shapes(one, other)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products = (one * other).sum(axis=1)
    return np.asarray(np.divide(products, lengths, out=np.full(len(products), np.nan), where=lengths > 0))


def _numbers(predictions: Predictions) -> Floats:
    return predictions.values if predictions.schema in ("value", "vector") else _probabilities(predictions)


def _probabilities(predictions: Predictions) -> Floats:
    if predictions.probabilities is None:
        raise DataError(
            "the predictions are labels alone, and this comparison needs probabilities",
            hint="hold the labels against each other with `parity/agreement`",
        )
    return predictions.probabilities


def _check_shapes(one: Floats, other: Floats) -> None:
    if one.shape != other.shape:
        raise DataError(f"a row has {one.shape[-1]} numbers in the reference, and {other.shape[-1]} in the candidate")
