"""Data of which the true F1, area under the ROC curve, calibration error and others are known, for simulations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
from scipy import special

import mqa_metrics
from mqa_metrics.classification import balanced_accuracy, f1, mcc
from mqa_metrics.probability import brier, ece, log_loss
from mqa_metrics.ranking import auroc
from mqa_registry import Predictions, Quantile
from mqa_registry.judging.measurements import MeasureOutput
from mqa_registry.judging.verdicts import DecisionRule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import numpy.typing as npt

    from mqa_registry.judging import Verdict
    from mqa_registry.stats.estimates import Claim

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

CLASSES = ("bad", "good")


@dataclass(frozen=True)
class Kind:
    """A statistic of one kind of data: `draw` gives it for so many rows, `truth` is its value for endlessly many.

    `least` says that it is bounded from below, as in practice what is better when larger is.
    """

    title: str
    truth: float
    draw: Callable[[np.random.Generator, int], Any]
    least: bool = True
    quick: bool = False
    span: tuple[float, float] = (-math.inf, math.inf)


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


@dataclass(frozen=True)
class SimulatedRows:
    """Rows of two classes, `share` of the second, of which a model gets the share `wrong` wrong, each with the same `confidence`."""

    share: float
    wrong: float
    confidence: float = 0.99

    def draw(self, rng: np.random.Generator, rows: int, together: int = 1) -> tuple[Predictions, Predictions]:
        """Predictions and targets; so many rows `together` are wrong alike."""
        right = rng.random(rows) < self.share
        return self.of(right, right ^ np.repeat(rng.random(rows // together) < self.wrong, together))

    def of(self, right: Bools, answered: Bools) -> tuple[Predictions, Predictions]:
        """Predictions and targets, from whether each is the second class."""
        return predictions(np.where(answered, self.confidence, 1 - self.confidence)), targets(right.astype(np.int64))

    def changed(self, share: float) -> SimulatedRows:
        """The same of a model that gives the other answer to some of the rows."""
        return SimulatedRows(self.share, self.wrong * (1 - share) + (1 - self.wrong) * share, self.confidence)

    @property
    def table(self) -> tuple[float, float, float, float]:
        """The shares of rows that are rightly negative, wrongly positive, missed, and hit."""
        right, wrong = 1 - self.wrong, self.wrong
        return (1 - self.share) * right, (1 - self.share) * wrong, self.share * wrong, self.share * right


def flip_predictions(rng: np.random.Generator, answers: Predictions, changed: float) -> Predictions:
    """The same predictions, but that a share of the rows have the other answer."""
    assert answers.probabilities is not None
    chances = answers.probabilities[:, 1]
    return predictions(np.where(rng.random(len(chances)) < changed, 1 - chances, chances))


def measure_rows(name: str, answers: Predictions, right: Predictions) -> MeasureOutput:
    """A metric as the judge reads it, with the range that the plugin says it has."""
    metric, found = METRICS[name][0], {one.function: one for one in mqa_metrics.mqa_metrics()}
    return MeasureOutput.of_metric(metric(answers, right), found[metric].range)


def decide_claims(claims: Sequence[Claim], confidence: float) -> Verdict:
    """The verdict on a check with these claims, by the rule of the judge."""
    return DecisionRule.of(claims, confidence).decide(claims)


def _true_f1(rows: SimulatedRows) -> float:
    _, false, missed, hit = rows.table
    return 2 * hit / (2 * hit + false + missed)


def _true_mcc(rows: SimulatedRows) -> float:
    rejected, false, missed, hit = rows.table
    spread = (hit + false) * (hit + missed) * (rejected + false) * (rejected + missed)
    return (hit * rejected - false * missed) / math.sqrt(spread)


def _true_brier(rows: SimulatedRows) -> float:
    return (1 - rows.wrong) * (1 - rows.confidence) ** 2 + rows.wrong * rows.confidence**2


def _true_log_loss(rows: SimulatedRows) -> float:
    eps = float(np.finfo(np.float64).eps)
    right, wrong = (-math.log(min(max(chance, eps), 1 - eps)) for chance in (rows.confidence, 1 - rows.confidence))
    return (1 - rows.wrong) * right + rows.wrong * wrong


def _true_ece(rows: SimulatedRows) -> float:
    return abs(rows.confidence - (1 - rows.wrong))


# Metrics, what they are of such rows, and how sure the model is where that matters.
METRICS: dict[str, tuple[Callable[..., Any], Callable[[SimulatedRows], float], bool]] = {
    "F1": (f1, _true_f1, True),
    "balanced accuracy": (balanced_accuracy, lambda rows: 1 - rows.wrong, True),
    "MCC": (mcc, _true_mcc, True),
    "AUROC": (auroc, lambda rows: 1 - rows.wrong, True),  # sure answers tie with each other
    "Brier score": (brier, _true_brier, False),
    "log loss": (log_loss, _true_log_loss, False),
    "ECE": (ece, _true_ece, False),
}


def _edge(name: str, truth: float, share: float, confidence: float) -> Kind:
    """A metric near the end of its scale: of answers that are wrong as seldom as makes it so."""
    metric, of, least = METRICS[name]
    low, high = 0.0, 0.5
    for _ in range(100):
        middle = (low + high) / 2
        number = of(SimulatedRows(share, middle, confidence))
        low, high = (middle, high) if (number > truth if least else number < truth) else (low, middle)
    rows = SimulatedRows(share, 0.0 if of(SimulatedRows(share, 0.0, confidence)) == truth else low, confidence)

    def draw(rng: np.random.Generator, count: int) -> Any:
        return metric(*rows.draw(rng, count))

    words = f"{name}, {share:.0%} positive, {'perfect' if rows.wrong == 0 else f'{rows.wrong:.4%} wrong'}"
    return Kind(words, of(rows), draw, least, quick=name != "ECE")


def _sure_ece(wrong: float) -> Kind:
    """The calibration error of a model that is nearly confidence, and wrong more or less often than it says."""
    rows = SimulatedRows(0.5, wrong)

    def draw(rng: np.random.Generator, count: int) -> Any:
        return ece(*rows.draw(rng, count))

    return Kind(
        f"ECE, sure to {rows.confidence}, {wrong:.0%} wrong", _true_ece(rows), draw, least=False, span=(0.0, 1.0)
    )


EDGES = (
    *(_sure_ece(wrong) for wrong in (0.01, 0.02, 0.05)),
    *(
        _edge(name, end if METRICS[name][2] else 1 - end, share, confidence)
        for name in METRICS
        for end in (1.0, 0.999, 0.99, 0.95)
        for share, confidence in ((0.5, 1.0), *(((0.1, 1.0),) if METRICS[name][2] else ()))
    ),
)
KINDS = (_f1(0.3, 0.9, 0.05), _f1(0.5, 0.99, 0.01), _auroc(0.3, 1.8), _auroc(0.1, 3.0), _ece(0.08), _ece(0.02))
QUANTILES = tuple(
    _quantile(words, share, shape)
    for share in (0.5, 0.95)
    for words, shape in (("two speeds", _two_speeds), ("a heavy tail", _heavy_tail))
)
