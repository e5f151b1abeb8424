"""What the judge says: numbers with intervals, and a verdict for every part of a check."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.contributions import ExampleRow
    from mqa_registry.judging.waivers import AppliedWaiver
    from mqa_registry.observations import ViewLoss

MAX_SHOWN_GROUPS = 20  # measures of groups that a report of a comparison names


class Verdict(StrEnum):
    """What one check comes to."""

    PASS = "PASS"  # shown to hold
    FAIL = "FAIL"  # shown not to hold
    INCONCLUSIVE = "INCONCLUSIVE"  # the rows at hand settle it neither way
    ERROR = "ERROR"  # the check or a backend crashed, or the reference gave NaN
    NOT_RUN = "NOT-RUN"  # it could not run as the suite wants it


@dataclass(frozen=True)
class CheckLocation:
    """Where a suite file has a check: the file as the run named it, and line and column, both counted from 1."""

    file: str
    line: int
    column: int


class Interval(NamedTuple):
    """A confidence interval; an end is infinite where it is open."""

    low: float
    high: float


@dataclass(frozen=True)
class Number:
    """An estimate with its confidence interval; `low` and `high` are None where there is no interval.

    `rows` is how many rows counted. `method` names the interval (`exact`, `tango`, `bca`, ...) or says `none`.
    `estimate` is None where the number is undefined. `corrected` is the interval after correction for many parts.
    `verdict` is what the bounds on this number alone come to; None where nothing is expected of it.
    """

    estimate: float | None
    low: float | None
    high: float | None
    rows: int
    method: str
    corrected: tuple[float, float] | None = None
    verdict: Verdict | None = None

    @property
    def interval(self) -> Interval | None:
        """Its confidence interval; None where there is none."""
        if self.low is None and self.high is None:
            return None
        return Interval(-math.inf if self.low is None else self.low, math.inf if self.high is None else self.high)


@dataclass(frozen=True)
class Part:
    """Numbers that were judged together: a group, a severity, or the whole. `note` is the reason for the verdict."""

    verdict: Verdict
    numbers: Mapping[str, Number] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class McNemarTest:
    """Rows that one side predicts right and the other wrong, and McNemar's exact p-value.

    `negative_flips` are right before, or on the reference, and wrong now; `positive_flips` the other way round.
    `p_value` is None where rows are in clusters, since those are not drawn one by one.
    """

    negative_flips: int
    positive_flips: int
    p_value: float | None = None


@dataclass(frozen=True)
class SweepSummary:
    """What the severities of a sweep come to together on one backend; what is unknown is None.

    `passes_through` is the highest severity up to which every one was shown to hold, `break_point` the lowest that was
    shown not to. `clean_value` is the measure of the unperturbed rows. `corruption_error` is the mean over severities of
    one less the value, or of the value where less is better. `clean_error_ratio` is that by the error of the unperturbed
    rows, and `relative_corruption_error` that by the same of other backends, by their names, after Hendrycks and
    Dietterich (2019, https://arxiv.org/abs/1903.12261). At the severities `non_monotonic_at` the value is better than at
    the one before.
    """

    passes_through: float | None
    break_point: float | None
    clean_value: float | None
    corruption_error: float | None
    clean_error_ratio: float | None
    non_monotonic_at: tuple[float, ...]
    relative_corruption_error: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StepEvidence:
    """How far the rows of one severity were perturbed: how many changed, by how many edits, and how many were declined.

    `mean_edits` is the mean edit distance of a changed row in characters; None where rows have no text. `lost` are others.
    """

    rows: int
    changed: int
    declined: int
    mean_edits: float | None = None
    lost: int = 0


@dataclass(frozen=True)
class ResultEvidence:
    """What a person needs to believe a verdict, besides the numbers. What says nothing has the value it has by default.

    Of the rows, `missing_predictions` have no finite prediction, and `missing_targets` no target where the measure needs
    one; a perturbation `declined` some and `changed` others, by `mean_edits` characters each. `clusters` is how many
    there are; `unpaired` says that the reference has other rows. `absent_classes` are classes that no row has; `lost` has
    the views that lost rows, which no number counts.
    `required_rows` of the unit `required_unit` would settle an open check; `never_settles`: no number would; `too_close`:
    more than anybody gathers. `traceback` is that of a crash. `remarks` are sentences on a check that does not hold,
    `notes` on any. Texts of rows are in `examples` alone. `details` are what a plugin says beyond that, by its own names.
    """

    missing_predictions: int = 0
    missing_targets: int = 0
    declined: int = 0
    changed: int | None = None
    mean_edits: float | None = None
    unpaired: bool = False
    clusters: int | None = None
    absent_classes: tuple[str, ...] = ()
    lost: tuple[ViewLoss, ...] = ()
    mcnemar: McNemarTest | None = None
    sweep: SweepSummary | None = None
    required_rows: int | None = None
    required_unit: str = "rows"
    never_settles: bool = False
    too_close: bool = False
    traceback: str = ""
    remarks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    examples: tuple[ExampleRow, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step(Part):
    """One severity of a sweep; `evidence` says how far its rows were really perturbed, None where that is unknown."""

    severity: float = 0.0
    groups: Mapping[str, Part] = field(default_factory=dict)
    evidence: StepEvidence | None = None


@dataclass(frozen=True)
class Result(Part):
    """One check on one backend.

    The measure's main number is `value`; `drop`, `rise`, `gap` and `ratio` are what the expectation derived. `waiver` is
    there where the suite accepts a failure of the check, `location` where a file has the check.
    """

    check: str = ""
    measure: Mapping[str, Any] = field(default_factory=dict)
    definition: str = ""
    data: str = ""
    backend: str = ""
    perturb: Any = None
    by: Mapping[str, Any] | None = None
    against: Mapping[str, Any] | None = None
    expect: Mapping[str, Any] = field(default_factory=dict)
    critical: bool = True
    tags: tuple[str, ...] = ()
    groups: Mapping[str, Part] = field(default_factory=dict)
    series: tuple[Step, ...] = ()
    evidence: ResultEvidence = field(default_factory=ResultEvidence)
    seconds: float = 0.0
    waiver: AppliedWaiver | None = None
    location: CheckLocation | None = None


@dataclass(frozen=True)
class Change:
    """What a measure was in one run and is in a later one, on the same rows of a backend, perturbed or not.

    The rows are those of a `group` that the slice `by` makes of the data of the later run, or all where it is empty. A
    measure that makes one number of groups has `by` alone.
    `change` is how much worse it is now: the drop where more is better, the rise where less is. The verdict is on that
    alone: FAIL is shown to be worse, PASS shown not to be, INCONCLUSIVE neither. `check` is one that has the measure.
    """

    check: str
    measure: Mapping[str, Any]
    data: str
    backend: str
    perturb: tuple[Mapping[str, Any], ...] = ()
    severity: float | None = None
    verdict: Verdict = Verdict.NOT_RUN
    before: Number | None = None
    now: Number | None = None
    change: Number | None = None
    note: str = ""
    by: Mapping[str, Any] | None = None
    group: str = ""


@dataclass(frozen=True)
class GroupFlips:
    """The same as `Flips` of the rows of one group that the slice `by` makes, without examples."""

    by: Mapping[str, Any]
    group: str
    test: McNemarTest
    share: Number


@dataclass(frozen=True)
class Flips:
    """The rows of a backend that were predicted right in one run and are wrong in a later one, and the other way round.

    `share` is that of the newly wrong among all rows, with Clopper and Pearson's interval. `examples` are the newly wrong
    rows, those with the surest predictions first: at most 100, each with the earlier prediction as its `reference`.
    `groups` are those in which some measure is shown to be worse.
    """

    data: str
    backend: str
    perturb: tuple[Mapping[str, Any], ...]
    test: McNemarTest
    share: Number
    examples: tuple[ExampleRow, ...] = ()
    groups: tuple[GroupFlips, ...] = ()


@dataclass(frozen=True)
class VerdictChange:
    """A check whose verdict on a backend is another than in an earlier run."""

    check: str
    backend: str
    before: Verdict
    now: Verdict


@dataclass(frozen=True)
class RunComparison:
    """How a run differs from an earlier one, its reference, on the same rows.

    `run` is the id of the later one, empty in reports of earlier versions. `max_drop` is how much worse a measure may be;
    None where none may be shown to be worse. The verdict is FAIL where one is; with `max_drop`, INCONCLUSIVE where that is
    open. `left_out` says what could not be compared, and why.
    """

    reference: str
    started: str
    verdict: Verdict
    max_drop: float | None = None
    confidence: float = 0.95
    changes: tuple[Change, ...] = ()
    flips: tuple[Flips, ...] = ()
    verdict_changes: tuple[VerdictChange, ...] = ()
    left_out: tuple[str, ...] = ()
    run: str = ""

    def counts(self, change: Change) -> bool:
        """Whether a change keeps the verdict from being PASS, or could not be judged.

        That it is open whether a measure is worse counts only with `max_drop`.
        """
        is_open = change.verdict is Verdict.INCONCLUSIVE and self.max_drop is None
        return change.verdict is not Verdict.PASS and not is_open

    @property
    def shown_changes(self) -> tuple[Change, ...]:
        """The changes that reports name: those that count, of groups at most 20, those shown to be worse first."""
        counted = [one for one in self.changes if self.counts(one)]
        groups = sorted((one for one in counted if one.group), key=lambda one: one.verdict is not Verdict.FAIL)
        return (*(one for one in counted if not one.group), *groups[:MAX_SHOWN_GROUPS])

    @property
    def unshown_groups(self) -> int:
        """How many more measures of groups count."""
        return sum(map(self.counts, self.changes)) - len(self.shown_changes)
