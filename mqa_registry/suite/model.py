"""A suite after it was checked: every name in it is found, and every option is of its type."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mqa_registry.contributions import Comparison, Probe
from mqa_registry.expect import Expect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from mqa_registry.contributions import Contribution
    from mqa_registry.errors import Location
    from mqa_registry.suite.use import Use

Gate = Literal["interval", "point"]
IntervalKind = Literal["exact", "wilson", "jeffreys"]
RowLimit = int | float  # a whole number of rows, or a share of them as a fraction below 1

SWEPT = "severity"  # the one option of a perturbation that may be an array of its values
NO_BOUNDS = Expect()


@dataclass(frozen=True)
class Data:
    """One named data set: its source, and what the host does with the source's table.

    `columns` maps a role or field (`id`, `target`, `cluster`, `group`, `text`, ...) to the source's column of another name,
    `labels` a label of the targets, as text, to the class of the model that it means, or to an empty text for none.
    `sample` rows are drawn by the suite's seed, then the first `limit` are kept.
    """

    name: str
    source: Use
    columns: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    sample: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Against:
    """The reference view, by what differs from the check's own; None and False leave that part alone."""

    backend: str | None = None
    data: str | None = None
    unperturbed: bool = False

    def differs(self, backend: str, data: str, *, perturbed: bool) -> bool:
        """Whether it names another view than that of this backend and data set, with perturbed rows or not."""
        return self.backend not in {None, backend} or self.data not in {None, data} or (self.unperturbed and perturbed)


def default_against(first_backend: str, *, compares: bool, perturbed: bool) -> Against:
    """The reference view of a check that names none.

    A comparison holds a backend against the first one. A metric of perturbed rows is held against the same rows
    without the perturbation, any other against the first backend.
    """
    return Against(unperturbed=True) if perturbed and not compares else Against(backend=first_backend)


def takes_two_views(measure: Contribution | None) -> bool:
    """Whether a measure compares a view with a reference view by itself."""
    return isinstance(measure, Comparison) or (isinstance(measure, Probe) and measure.compares)


@dataclass(frozen=True)
class Severity:
    """One step of a check: the perturbations that a row goes through, in order, and how strong they are.

    Of a check that is a sweep, `swept` is the position of the perturbation whose severity changes from step to step.
    """

    perturb: tuple[Use, ...] = ()
    severity: float | None = None  # None: the check is no sweep
    swept: int = 0


@dataclass(frozen=True)
class Check:
    """One question.

    `expect` has the bounds by the number they are on: `value` for a metric or a comparison. `steps` has one entry, or
    one for every severity of a sweep; `on` are names of backends. Each view that it reads may lose `max_lost` rows, or so
    large a share of them.
    """

    name: str
    measure: Use
    expect: Mapping[str, Expect]
    data: str
    on: tuple[str, ...]
    steps: tuple[Severity, ...] = (Severity(),)
    by: Use | None = None
    against: Against | None = None
    tags: tuple[str, ...] = ()
    critical: bool = True
    gate: Gate = "interval"
    interval: IntervalKind = "exact"  # of a mean of rows that are right or wrong
    max_lost: RowLimit = 0
    composed: bool = field(
        default=False, compare=False
    )  # whether its perturbations stand in an array, of one or several
    location: Location | None = field(default=None, compare=False, repr=False)  # in a suite file

    @property
    def uses(self) -> tuple[Use, ...]:
        """The contributions that it names, but for backends and data sets."""
        perturb = (use for step in self.steps for use in step.perturb)
        return (self.measure, *([self.by] if self.by else []), *perturb)

    @property
    def value(self) -> Expect:
        """The bounds on the measure's main number."""
        return self.expect.get("value", NO_BOUNDS)

    @property
    def compares(self) -> bool:
        """Whether its measure takes two views."""
        return takes_two_views(self.measure.contribution)

    @property
    def needs_reference(self) -> bool:
        """Whether it is held against a reference view."""
        return self.compares or self.value.needs("reference")

    def reference(self, first_backend: str, *, perturbed: bool) -> Against:
        """The reference view of rows that are perturbed or not: the one it names, else the default."""
        return self.against or default_against(first_backend, compares=self.compares, perturbed=perturbed)

    def perturb_table(self) -> dict[str, Any] | list[dict[str, Any]] | None:
        """Its perturbation as a suite file has it: a table, an array of them, or None. A sweep has all its severities."""
        first = self.steps[0]
        tables = [use.as_table() for use in first.perturb]
        if tables and first.severity is not None:
            tables[first.swept][SWEPT] = [step.severity for step in self.steps]
        return tables if self.composed or len(tables) > 1 else tables[0] if tables else None


@dataclass(frozen=True)
class Waiver:
    """A known failure of one check, accepted up to and including the day `until`.

    `partial` says that the command line left out backends or rows, so that the check may hold here and not elsewhere.
    """

    check: str
    until: date
    reason: str
    partial: bool = False


@dataclass(frozen=True)
class ModelUse:
    """The model under test: its source and its task; `labels` maps names of its classes to other names for them."""

    source: Use
    task: Use
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """A whole suite. The first backend is the reference, the first data set the default.

    `execution` is the executor of a run, None where that is the host's own: no number depends on it.
    """

    name: str
    path: Path
    digest: str
    seed: int
    confidence: float
    model: ModelUse | None
    data: Mapping[str, Data]
    backends: Mapping[str, Use]
    checks: tuple[Check, ...]
    waivers: tuple[Waiver, ...] = ()
    confidence_reason: str = ""
    execution: Use | None = field(default=None, compare=False)

    @property
    def reference(self) -> str:
        """The name of the backend that the others are held against."""
        return next(iter(self.backends))
