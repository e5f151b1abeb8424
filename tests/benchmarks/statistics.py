"""Data of which the true F1, area under the ROC curve, calibration error and quantiles are known, for simulations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
from scipy import special

from mqa_metrics.calibration import ece
from mqa_metrics.precision_recall import f1
from mqa_metrics.ranking import auroc
from mqa_registry import Predictions, Quantile

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

CLASSES = ("bad", "good")


@dataclass(frozen=True)
class Kind:
    """A statistic of one kind of data: `draw` gives it for so many rows, `truth` is its value for endlessly many.

    `least` says that it is bounded from below, as in practice what is better when larger is.
    """

    words: str
    truth: float
    draw: Callable[[np.random.Generator, int], Any]
    least: bool = True
    quick: bool = False


def predictions(chances: Floats) -> Predictions:
    """Predictions of two classes from the chance of the second."""
    codes = (chances > 0.5).astype(np.int64)
    pairs = pa.FixedSizeListArray.from_arrays(pa.array(np.stack([1 - chances, chances], axis=1).ravel()), 2)
    columns = {"id": _ids(len(chances)), "label": _names(codes), "probability": pairs.cast(pa.list_(pa.float64()))}
    return Predictions("label", pa.table(columns), CLASSES)


def targets(codes: Ints) -> Predictions:
    return Predictions("label", pa.table({"id": _ids(len(codes)), "label": _names(codes)}), CLASSES)


def _ids(rows: int) -> pa.Array:
    return pa.array(np.arange(rows)).cast(pa.string())


def _names(codes: Ints) -> pa.Array:
    return pa.array(CLASSES).take(pa.array(codes))


def _f1(share: float, found: float, false: float) -> Kind:
    def draw(rng: np.random.Generator, rows: int) -> Any:
        right = rng.random(rows) < share
        answered = rng.random(rows) < np.where(right, found, false)
        return f1(predictions(np.where(answered, 0.9, 0.1)), targets(right.astype(np.int64)))

    hits = share * found
    truth = 2 * hits / (hits + (1 - share) * false + share)
    return Kind(f"F1, {share:.0%} positive", truth, draw, quick=True)


def _auroc(share: float, apart: float) -> Kind:
    """Scores are normal, `apart` standard deviations between the classes."""

    def draw(rng: np.random.Generator, rows: int) -> Any:
        right = (rng.random(rows) < share).astype(np.int64)
        scores = rng.normal(size=rows) + apart * right
        return auroc(predictions(special.expit(scores)), targets(right))

    return Kind(f"AUROC, {share:.0%} positive", float(special.ndtr(apart / math.sqrt(2))), draw)


def _ece(over: float) -> Kind:
    """Confidence is even between 0.5 + `over` and 1, and too high by `over` everywhere."""

    def draw(rng: np.random.Generator, rows: int) -> Any:
        confidence = rng.uniform(0.5 + over, 1, rows)
        answered = rng.integers(2, size=rows)
        wrong = rng.random(rows) >= confidence - over
        return ece(predictions(np.where(answered == 1, confidence, 1 - confidence)), targets(answered ^ wrong))

    return Kind("ECE", over, draw, least=False)


def _quantile(words: str, share: float, shape: Callable[[Floats], Floats]) -> Kind:
    """Of times whose distribution has `shape` for its quantile function."""

    def draw(rng: np.random.Generator, rows: int) -> Any:
        return Quantile(shape(rng.random(rows)), share)

    truth = float(shape(np.array([share]))[0])
    return Kind(f"p{100 * share:.0f} of {words}", truth, draw, least=False, quick=True)


def _two_speeds(chances: Floats) -> Floats:
    """A machine that is three times as slow every other time: the median lies at the edge of a wide gap."""
    return np.where(chances <= 0.5, 4 + chances, 14 + 4 * chances)


def _heavy_tail(chances: Floats) -> Floats:
    """Pareto's with an infinite mean."""
    return 4 * (1 - chances) ** -1.1


KINDS = (_f1(0.3, 0.9, 0.05), _f1(0.5, 0.99, 0.01), _auroc(0.3, 1.8), _auroc(0.1, 3.0), _ece(0.08), _ece(0.02))
QUANTILES = tuple(
    _quantile(words, share, shape)
    for share in (0.5, 0.95)
    for words, shape in (("two speeds", _two_speeds), ("a heavy tail", _heavy_tail))
)
