"""What a measure may return besides a score a row: a statistic, scores with a range, a quantile; and its evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Statistic:
    """A number that is no mean of rows: a function of how often each row is counted.

    `of` maps counts, shape (..., cells), to the number, shape (...), NaN where it is undefined; it is called with many
    resamples at once, and counts need not be whole. `cells` gives each row's cell, -1 for a row that has no say; rows in
    one cell are alike to the statistic. Left out, every row is a cell of its own.

    Cells that no row is in are kinds of row that there might have been, such as the mistakes that a perfect model did
    not make: the interval allows for them. Where a statistic has none and is the same in every resample, it is taken to
    move as a mean of rows does from end to end of its contribution's `range`, and without a range has no interval.

    `undefined` is why it has no value on these rows, as the rest of `is undefined, since ...`; with `never`, it has none
    on any rows, and nobody is told to add some. `absent` are classes that no row has, so that the number says nothing
    of them: reports name them. A metric of groups may
    give scores a row in `shown`, by name: reports show their mean in every group beside the number. Where the number is
    made of how far apart groups lie at most in each of these rates, `spread` maps those distances, shape (rates,), to
    it, and where they are ratios (the smallest by the largest), `ratio` says so. The largest of many distances is too
    large on average: the judge then believes no more of it than every two groups show, corrected for their number.
    """

    of: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
    cells: npt.NDArray[np.int64] | None = None
    size: int = 0  # how many cells there are; needed with `cells`
    undefined: str = ""
    shown: Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.bool_]] = field(default_factory=dict)
    spread: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]] | None = None
    ratio: bool = False
    never: bool = False
    absent: Sequence[str] = ()


@dataclass(frozen=True)
class Scores:
    """A score a row, and from where to where a row's score can lie: the metric is their mean.

    `values` are NaN for a row that has no say. The interval allows for rows as bad as `high`, or `low`, that were not
    seen. Scores in an array by themselves have the `range` of their metric; a narrower one than that, such as what the
    surest answer would score if it were wrong, gives narrower intervals.
    """

    values: npt.NDArray[np.float64]
    low: float
    high: float


@dataclass(frozen=True)
class Quantile:
    """The smallest of the rows' values that at least this share of the rows does not exceed; 0.5 is the median.

    `values` has one a row or repetition, NaN where that has no say, and `share` lies between 0 and 1. Its interval has
    values that occurred for ends, and none where rows are too few to have one: at a confidence of 95 % it takes 6 rows
    for both ends of a median, 72 for that above of 0.95, and 368 for that of 0.99.
    """

    values: npt.NDArray[np.float64]
    share: float


@dataclass(frozen=True)
class Evidence:
    """What a person needs to believe a number, besides the number.

    `remarks` are sentences, shown where the check does not hold; `notes` are shown where it holds, too. `examples` are
    rows, the worst first, each with its `id` and whatever else there is to say of it. `details` are further plain values
    by name, for scripts that read the report.
    """

    remarks: Sequence[str] = ()
    notes: Sequence[str] = ()
    examples: Sequence[Mapping[str, Any]] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
