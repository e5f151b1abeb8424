"""What the predictions of some rows look like as a whole, next to their targets: the records that a schema makes of them.

No verdict depends on them: they are what a person looks at after one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ConfusionMatrix:
    """How often rows of one class were predicted as another: `counts` has a row a target and a column a prediction.

    Of many classes, those that are confused most are in `classes`, and the last row and column of `counts` stand for the
    `joined` others together.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    joined: int = 0


@dataclass(frozen=True)
class CalibrationBin:
    """The rows whose highest probability is above `low` and at most `high`.

    `confidence` is the mean of that probability, `accuracy` the share of the rows whose prediction is right.
    """

    low: float
    high: float
    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class LabelCounts:
    """How often one label, or a span of one type, is right: `right` of the `targets` and of the `predicted`.

    Of a schema with any number of labels a row these are rows, of spans they are spans with the same start, end and label, and of
    masks they are pixels.
    """

    label: str
    targets: int
    predicted: int
    right: int


@dataclass(frozen=True)
class Distribution:
    """Some numbers: the smallest, the quartiles, the largest, the mean and the standard deviation."""

    low: float
    first_quartile: float
    median: float
    third_quartile: float
    high: float
    mean: float
    deviation: float


@dataclass(frozen=True)
class ValueSummary:
    """The numbers that were predicted, and their targets; `errors` are the former less the latter, row by row."""

    predictions: Distribution
    targets: Distribution
    errors: Distribution


@dataclass(frozen=True)
class PredictionSummary:
    """What a schema says of predictions and their targets; what it has no word for is left out."""

    confusion: ConfusionMatrix | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    labels: tuple[LabelCounts, ...] = ()
    values: ValueSummary | None = None
