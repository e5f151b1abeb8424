"""The summary of a report: what its checks come to together, where the model is weakest, and what a backend costs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.judging.result import Number, Verdict
from mqa_registry.naming import counted
from mqa_registry.reports.expectations import UNBOUNDED_VALUE, VALUE, NumberBounds, describe_bounds
from mqa_registry.reports.groups import RankedGroup, rank_groups
from mqa_registry.reports.number_format import format_count
from mqa_registry.reports.report import groups_of, list_backends, list_checks, overall_part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.result import Result
    from mqa_registry.reports.report import CheckResults, Report

COST, DAMAGE = "cost", "damage"  # tags of the checks that are columns of the trade-off
MAX_LOSSES, MAX_SPREADS = 3, 2
_MIN_WEAK_POINTS = 2  # the table of checks says it as well where there is one

NOT_JUDGED: Mapping[Verdict, str] = {  # with the reason that is given where the result has none
    Verdict.ERROR: "it crashed",
    Verdict.NOT_RUN: "it could not run as asked",
}
_CONCLUSIONS = {
    Verdict.PASS: "Every critical check was shown to hold: by this suite, the model may ship.",
    Verdict.FAIL: "The model is not good enough: do not ship it.",
    Verdict.INCONCLUSIVE: "Nothing failed, but these {0} do not settle every check: do not ship on them, add {0}.",
    Verdict.ERROR: "Not everything ran as asked: this run is no ground to ship on, nor to blame the model.",
    Verdict.NOT_RUN: "Nothing ran as asked: this run says nothing of the model.",
}
_CONCLUSION_WITHOUT_CHECKS = "No check ran: nothing is known of the model."
_CONCLUSION_BEYOND_ROWS = (
    "Nothing failed, but no rows would settle every check: do not ship on them, bound other numbers."
)
_CONCLUSION_OF_OVERDUE_WAIVERS = "Nothing but waivers that have had their day stands in the way: fix the suite."
_COUNTS = {
    Verdict.PASS: "{} held",
    Verdict.FAIL: "{} failed",
    Verdict.INCONCLUSIVE: "{} inconclusive",
    Verdict.ERROR: "{} crashed",
    Verdict.NOT_RUN: "{} not run",
}


@dataclass(frozen=True)
class Loss:
    """What a perturbation costs on one backend: by how much a number falls (`is_drop`) or rises, and to what."""

    check: str
    measure: str
    is_drop: bool
    change: Number
    value: Number | None


@dataclass(frozen=True)
class Spread:
    """The lowest and the highest group of a check on one backend, whose intervals do not overlap."""

    check: str
    measure: str
    lowest: RankedGroup
    highest: RankedGroup


@dataclass(frozen=True)
class WeakPoints:
    """The largest losses under perturbation and the widest spreads between groups, on one backend."""

    backend: str
    losses: tuple[Loss, ...]
    spreads: tuple[Spread, ...]


@dataclass(frozen=True)
class TradeOffColumn:
    """A check of the trade-off, and the bounds of the number that it is shown by."""

    check: CheckResults
    bounds: NumberBounds

    @property
    def has_groups(self) -> bool:
        """Whether it shows the worst group of the check."""
        return bool(groups_of(self.check.first_result))


def count_verdicts(checks: Sequence[CheckResults]) -> str:
    """How many checks came out how, as `3 checks: 2 held, 1 failed`; a check counts as on its worst backend."""
    counts = Counter((check.verdict, check.is_critical) for check in checks)
    parts = []
    for verdict, words in _COUNTS.items():
        critical, uncritical = counts[verdict, True], counts[verdict, False]
        if critical + uncritical:
            aside = f" ({format_count(uncritical)} of them not critical)" if critical else " (not critical)"
            needs_aside = uncritical > 0 and verdict is not Verdict.PASS
            parts.append(words.format(format_count(critical + uncritical)) + aside * needs_aside)
    if waived := sum(check.is_waived for check in checks):
        parts.append(f"{format_count(waived)} waived")
    if overdue := sum(check.is_overdue for check in checks):
        parts.append(f"{counted(overdue, 'waiver')} overdue")
    return f"{counted(len(checks), 'check')}: {', '.join(parts) or 'none ran'}"


_CONCLUSIONS_AGAINST = {
    Verdict.FAIL: "The checks hold, and it is worse than the run that it is held against: do not ship it.",
    Verdict.INCONCLUSIVE: "The checks hold, and these rows do not settle whether it is worse than the run that it is held "
    "against: add rows.",
}


def draw_conclusion(report: Report, checks: Sequence[CheckResults]) -> str:
    """What the verdict means for the release, and how far waivers decide it."""
    waived = sum(check.is_waived for check in checks)
    blocking = [check for check in checks if check.blocks_release]
    if not checks:
        return _CONCLUSION_WITHOUT_CHECKS
    if report.verdict is Verdict.PASS and waived:
        held = _CONCLUSIONS[Verdict.PASS].partition(":")[0]
        return f"{held}, but for {format_count(waived)} waived: by this suite, the model may ship."
    if report.against and report.against.verdict is report.verdict in _CONCLUSIONS_AGAINST and not blocking:
        return _CONCLUSIONS_AGAINST[report.verdict]
    if report.verdict is Verdict.FAIL and all(check.is_overdue and check.verdict is Verdict.PASS for check in blocking):
        return _CONCLUSION_OF_OVERDUE_WAIVERS
    if report.verdict is Verdict.INCONCLUSIVE:
        units = _list_missing_units(blocking)
        return _CONCLUSIONS[report.verdict].format(" and ".join(units)) if units else _CONCLUSION_BEYOND_ROWS
    return _CONCLUSIONS[report.verdict]


def group_unjudged(checks: Sequence[CheckResults]) -> dict[tuple[Verdict, str], list[CheckResults]]:
    """The checks that were not judged on some backend, by verdict and reason, in the order of the report."""
    by_reason: dict[tuple[Verdict, str], list[CheckResults]] = {}
    for check in checks:
        reasons = {(one.verdict, one.note) for one in check.results.values() if one.verdict in NOT_JUDGED}
        for verdict, note in sorted(reasons):
            by_reason.setdefault((verdict, note or NOT_JUDGED[verdict]), []).append(check)
    return by_reason


def find_weak_points(report: Report) -> WeakPoints | None:
    """The weak points on the first backend; None where there are fewer than two."""
    backend = next(iter(list_backends(report)), "")
    checks = [check for check in list_checks(report) if backend in check.results]
    losses = [loss for check in checks if (loss := _find_loss(check, backend))]
    spreads = [spread for check in checks if (spread := _find_spread(check, backend))]
    losses = sorted(losses, key=lambda loss: -(loss.change.estimate or 0.0))[:MAX_LOSSES]
    spreads = sorted(spreads, key=lambda spread: -_width(spread))[:MAX_SPREADS]
    if len(losses) + len(spreads) < _MIN_WEAK_POINTS:
        return None
    return WeakPoints(backend, tuple(losses), tuple(spreads))


def list_trade_off(report: Report) -> tuple[TradeOffColumn, ...]:
    """A column for each check with the tag `cost`, then one for each with `damage`.

    There are none without checks of both kinds, and none for a single backend.
    """
    sides = [[check for check in list_checks(report) if tag in check.first_result.tags] for tag in (COST, DAMAGE)]
    if not all(sides) or len(list_backends(report)) < 2:
        return ()
    return tuple(TradeOffColumn(check, _choose_bounds(check)) for side in sides for check in side)


def read_trade_off(column: TradeOffColumn, result: Result) -> tuple[Number | None, str]:
    """The number of one backend in a column, and the group that it is of, where the check has groups."""
    if groups_of(result) and (ranking := rank_groups(column.check, result.backend, UNBOUNDED_VALUE)):
        return ranking[0].number, ranking[0].name
    return overall_part(result).numbers.get(column.bounds.number), ""


def _list_missing_units(blocking: Sequence[CheckResults]) -> list[str]:
    """What more of would settle the open checks, `rows` first; nothing where no number of rows would."""
    is_open = [one for check in blocking for one in check.results.values() if one.verdict is Verdict.INCONCLUSIVE]
    units = {
        one.evidence.required_unit for one in is_open if not (one.evidence.never_settles or one.evidence.too_close)
    }
    return sorted(units, key=lambda unit: unit != "rows")


def _find_loss(check: CheckResults, backend: str) -> Loss | None:
    """What a perturbation costs, where the interval leaves out that it costs nothing."""
    numbers = overall_part(check.results[backend]).numbers
    for name in ("drop", "rise"):
        change = numbers.get(name)
        if change is not None and change.estimate is not None and change.low is not None and change.low > 0:
            return Loss(check.title, _name_measure(check), name == "drop", change, numbers.get(VALUE))
    return None


def _find_spread(check: CheckResults, backend: str) -> Spread | None:
    """The lowest and the highest group, where their intervals do not overlap."""
    ranking = rank_groups(check, backend, UNBOUNDED_VALUE)
    if not ranking:
        return None
    lowest, highest = ranking[0], ranking[-1]
    end, start = lowest.number.high, highest.number.low
    if end is None or start is None or end >= start:
        return None
    return Spread(check.title, _name_measure(check), lowest, highest)


def _width(spread: Spread) -> float:
    return (spread.highest.number.estimate or 0.0) - (spread.lowest.number.estimate or 0.0)


def _name_measure(check: CheckResults) -> str:
    """The measure without its plugin: `accuracy`."""
    return str(check.first_result.measure.get("use", "")).rpartition("/")[2]


def _choose_bounds(check: CheckResults) -> NumberBounds:
    """The first number that the check bounds, or the value where the result has no such number."""
    first = check.first_result
    bounds = next(iter(describe_bounds(first.expect, grouped=False)), UNBOUNDED_VALUE)
    return bounds if bounds.number in overall_part(first).numbers else UNBOUNDED_VALUE
