"""What the judge says: numbers with intervals, and a verdict for every part of a check."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(StrEnum):
    """What one check comes to."""

    PASS = "PASS"  # shown to hold
    FAIL = "FAIL"  # shown not to hold
    INCONCLUSIVE = "INCONCLUSIVE"  # the rows at hand settle it neither way
    ERROR = "ERROR"  # the check or a backend crashed, or the reference gave NaN
    NOT_RUN = "NOT-RUN"  # it could not run as the suite wants it


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


@dataclass(frozen=True)
class Part:
    """Numbers that were judged together: a group, a severity, or the whole. `note` is the reason for the verdict."""

    verdict: Verdict
    numbers: Mapping[str, Number] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Step(Part):
    """One severity of a sweep; `evidence` says how far its rows were really perturbed."""

    severity: float = 0.0
    groups: Mapping[str, Part] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result(Part):
    """One check on one backend.

    The measure's main number is `value`; `drop`, `rise`, `gap` and `ratio` are what the expectation derived. `evidence`
    is what a person needs to believe it; texts of rows are under its key `examples` alone, a list of mappings.
    `waiver` has `until`, `reason` and `state` where the suite accepts a failure of the check.
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
    evidence: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    waiver: Mapping[str, Any] | None = None
