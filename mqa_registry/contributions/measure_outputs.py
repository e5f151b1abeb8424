"""What a measure may return other than a score for each row, such as a statistic or a quantile; and its evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions.versions import VersionedRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Statistic(VersionedRecord):
    """A number that is no mean of rows: a function of how often each row is counted.

    `compute` maps counts, shape (..., bins), to the number, shape (...), NaN where it is undefined. It is called with many
    resamples at once, and counts need not be whole. `bins` has the bin of each row, shape (rows,), -1 for a row that is
    ignored, and `n_bins` is how many bins there are: rows of one bin are alike to the statistic. Without `bins`, every
    row is a bin, and `n_bins` is left out.

    Bins without rows are kinds of row that might have been observed, such as the mistakes that a perfect model did not
    make: the interval allows for them. Where a statistic has none and is the same in every resample, it is taken to
    move as a mean of rows does from end to end of its contribution's `range`, and without a range has no interval.

    `undefined` is why it has no value on these rows, as the rest of `is undefined, since ...`. With `never_defined`, it
    has none on any rows, and no report suggests to add some. `absent` are classes without rows, which the number says
    nothing about: reports name them.

    A metric of groups may give scores a row in `per_group`, by the name of the rate that they are: reports show their
    mean in every group. Where the number is made of the largest differences of these rates between two groups, `pairwise`
    maps such differences, shape (rates,), to the number; with `ratio`, they are ratios, the smallest by the largest. The
    largest of many differences is too large on average: the judge then believes no more of it than every two groups
    show, corrected for their number.
    """

    compute: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
    bins: npt.NDArray[np.int64] | None = None
    n_bins: int = 0
    undefined: str = ""
    per_group: Mapping[str, npt.NDArray[np.float64] | npt.NDArray[np.bool_]] = field(default_factory=dict)
    pairwise: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]] | None = None
    ratio: bool = False
    never_defined: bool = False
    absent: Sequence[str] = ()


@dataclass(frozen=True)
class Scores:
    """A score a row, and the range of a row's score: the metric is their mean.

    `values` are NaN for a row that is ignored. The interval allows for rows as bad as `high`, or `low`, that were not
    observed. Scores in a plain array have the `range` of their metric. A narrower range than that, such as what the
    surest prediction would score if it were wrong, gives narrower intervals.
    """

    values: npt.NDArray[np.float64]
    low: float
    high: float


@dataclass(frozen=True)
class Quantile:
    """The smallest of the rows' values that at least this share of the rows does not exceed; 0.5 is the median.

    `values` has one a row or repetition, NaN where that is ignored, and `share` lies between 0 and 1. The ends of its
    interval are values that occurred, and an end is open where there are too few rows: at a confidence of 95 % it takes
    6 rows for both ends of a median, 72 for the upper end of 0.95, and 368 for that of 0.99.
    """

    values: npt.NDArray[np.float64]
    share: float


@dataclass(frozen=True)
class Shortfall:
    """How far another number of the same probe falls short of what was claimed of it: the claim less that number.

    `number` is the other number's name, and its interval is the one that this has, mirrored. Where `less_is_better`, it is
    the number less the claim. Below 0, the number is better than claimed.

    A bound on it holds where the whole interval lies inside, as any bound does. One that does not hold fails where the
    whole interval lies beyond 0: what was claimed then lies outside of the measured interval.
    """

    number: str
    claimed: float
    less_is_better: bool = False


@dataclass(frozen=True)
class ExampleRow:
    """One row of the data, and what was predicted for it. What is unknown, or says nothing here, is None or empty.

    `id` is the row's. `fields` are its texts and other fields as the data have them, `perturbed` those that the model saw
    where these differ. `prediction` is the one that is judged, and `reference` the one that it is compared with: of
    another backend, or before an edit. Each is a plain value, or a table of `label` and `probability`; `probability` is
    that of a `prediction` which is a plain value, and `margin` how far the next class is from it. `target` is the row's
    target. `details` are further plain values.

    `truncated` belongs to report files, where long texts are cut: by the path of a text, such as `fields.text`, its length
    in `characters` and its `sha256`. A plugin leaves it out.
    """

    id: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    perturbed: Mapping[str, Any] = field(default_factory=dict)
    target: Any = None
    prediction: Any = None
    probability: float | None = None
    reference: Any = None
    margin: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    truncated: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """What a person needs to believe a number, besides the number.

    `remarks` are sentences, shown where the check does not hold; `notes` are shown where it holds, too. `examples` are
    rows, the worst first; words of rows may stand here alone, since all else is kept with `--no-examples`. `details` are
    further plain values by name, for scripts that read the report.
    """

    remarks: Sequence[str] = ()
    notes: Sequence[str] = ()
    examples: Sequence[ExampleRow] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
