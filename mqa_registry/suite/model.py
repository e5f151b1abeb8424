"""A suite after it was checked: every name is known to be there, every option to be of its type."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mqa_registry.boundary import Contributor, calling
from mqa_registry.options import options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path

    from mqa_registry.contributions import Contribution
    from mqa_registry.errors import Location
    from mqa_registry.plugins.catalog import Plugin

Gate = Literal["interval", "point"]
IntervalKind = Literal["exact", "wilson", "jeffreys"]


@dataclass(frozen=True)
class Use:
    """One contribution with its options.

    `given` are the options as the suite file has them, which is how reports repeat them; `options` are the same after
    validation, with paths made whole, which is how the function is called. `plugin` is who gives it, `at` where the
    suite names it.
    """

    name: str  # plugin/name
    contribution: Contribution = field(compare=False, repr=False)
    given: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    plugin: Plugin | None = field(default=None, compare=False, repr=False)
    at: Location | None = field(default=None, compare=False, repr=False)

    @property
    def who(self) -> Contributor:
        """The contribution as errors name it."""
        return Contributor(self.contribution.kind, self.name, self.contribution.function)

    def call(self, *arguments: Any, seconds: float | None = None) -> Any:
        """What the contribution's function gives for these arguments and the suite's options.

        A ContributionError where it raises what it must not, or takes longer than `seconds`, where those are not as is
        usual for its kind. What it gives is not looked at yet.
        """
        return self.call_part(self.contribution.function, *arguments, seconds=seconds)

    def call_part(self, part: Callable[..., Any], *arguments: Any, seconds: float | None = None) -> Any:
        """The same of another function of the contribution, which takes some of the options."""
        taken = self.options if part is self.contribution.function else self.options_for(part)
        with calling(self.who, seconds=seconds):
            return part(*arguments, **deepcopy(dict(taken)))  # whatever it does to them, the next call gets the suite's

    def options_for(self, part: Callable[..., Any]) -> dict[str, Any]:
        """Those of its options that another function of the contribution takes."""
        taken = set(options_of(part).names)
        return {name: value for name, value in self.options.items() if name in taken}

    def spelled(self) -> dict[str, Any]:
        """As a suite file would say it, with every option."""
        return {"use": self.name, **self.given}

    @property
    def key(self) -> str:
        """One string for this contribution with these options, equal for equal ones."""
        return json.dumps(self.spelled(), sort_keys=True, default=str)

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True)
class Data:
    """One named data set: its source, and what the host does with the source's table.

    `columns` maps a role or field (`id`, `target`, `cluster`, `text`, ...) to the source's column of another name,
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
    undisturbed: bool = False


@dataclass(frozen=True)
class Expect:
    """The bounds on one number of a check; at least one is given."""

    min: float | None = None
    max: float | None = None
    max_drop: float | None = None
    max_rise: float | None = None
    max_gap: float | None = None
    min_ratio: float | None = None
    min_rows: int = 30

    def bounds(self) -> dict[str, float]:
        """The bounds that are given, by their words in the suite file."""
        words = ("min", "max", "max_drop", "max_rise", "max_gap", "min_ratio")
        return {word: value for word in words if (value := getattr(self, word)) is not None}


@dataclass(frozen=True)
class Severity:
    """One step of a check: the perturbations that a row goes through, in order, and how strong they are."""

    perturb: tuple[Use, ...] = ()
    severity: float | None = None  # None: the check is no sweep


@dataclass(frozen=True)
class Check:
    """One question.

    `expect` has the bounds by the number they are on: `value` for a metric or a comparison. `steps` has one entry, or
    one for every severity of a sweep; `on` are names of backends.
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
    spelled: Mapping[str, Any] = field(default_factory=dict, compare=False)  # as the suite file says it


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
    """A whole suite. The first backend is the reference, the first data set the default."""

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

    @property
    def reference(self) -> str:
        """The name of the backend that the others are held against."""
        return next(iter(self.backends))
