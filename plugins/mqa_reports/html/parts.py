"""Parts of a check as tables: the severities of a sweep, and groups, with a plot of each of their numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from mqa_registry import describe_perturbation, format_estimate
from mqa_reports.html.plots import Plot, draw_points
from mqa_reports.html.sharing import share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry import NumberBounds, Part, Result, Verdict

MAX_GROUPS = 200  # of a check; the others are counted
MAX_DRAWN_GROUPS = 40
KINDS = {"severity": "curves", "group": "intervals"}  # of plots


class PartRow(NamedTuple):
    """A severity or a group on the backends that have the same numbers there; `cells` are by the table's columns."""

    at: str
    backends: str
    verdict: Verdict
    cells: Sequence[str]
    note: str


@dataclass(frozen=True)
class PartTable:
    """The severities or the groups of a check; `hidden` groups are left out."""

    columns: Sequence[str]
    rows: Sequence[PartRow]
    plots: Sequence[Plot]
    hidden: int = 0


class _Point(NamedTuple):
    """A part where it stands: at a severity, or under the name of a group; `cells` are those beside its numbers."""

    at: float | str
    backends: str
    part: Part
    cells: Sequence[str] = ()


format_once = lru_cache(maxsize=1 << 12)(format_estimate)  # a number stands in two tables, and on several backends


def last_part(result: Result) -> Part:
    """The numbers of all rows: of a sweep, those at its last severity."""
    return result.series[-1] if result.series else result


def make_series(results: Sequence[Result], bounds: Sequence[NumberBounds]) -> PartTable | None:
    """The severities of a sweep, with how far rows were perturbed; None where the check is none."""
    points: list[_Point] = []
    columns: list[str] = []
    for backends, steps in share([(result.backend, result.series) for result in results]):
        perturbation = describe_perturbation(steps)
        columns = columns or list(perturbation)
        empty = [""] * len(steps)
        counts = (
            zip(*(perturbation.get(name, empty) for name in columns), strict=True) if columns else [()] * len(steps)
        )
        points += [_Point(step.severity, backends, step, cells) for step, cells in zip(steps, counts, strict=True)]
    return _make_table("severity", points, bounds, columns=columns) if points else None


def make_groups(results: Sequence[Result], bounds: Sequence[NumberBounds]) -> PartTable | None:
    """The groups of a check, those with the lowest number first; of a sweep, those of its last severity."""
    points = [
        _Point(group, backends, part)
        for backends, groups in share([(result.backend, _last_groups(result)) for result in results])
        for group, part in groups.items()
    ]
    if not points:
        return None
    names = _choose_names(points, bounds)
    lowest: dict[str, float] = {}
    for point in points:
        group = str(point.at)
        lowest[group] = min(lowest.get(group, math.inf), _estimate(point.part, names))
    order = {group: position for position, group in enumerate(sorted(lowest, key=lambda group: (lowest[group], group)))}
    shown = sorted(
        (point for point in points if order[str(point.at)] < MAX_GROUPS), key=lambda point: order[str(point.at)]
    )
    return _make_table("group", shown, bounds, hidden=max(0, len(order) - MAX_GROUPS))


def _last_groups(result: Result) -> Mapping[str, Part]:
    return result.series[-1].groups if result.series else result.groups


def _estimate(part: Part, names: Sequence[str]) -> float:
    """The number by which a group is ranked; one that has none comes last."""
    number = part.numbers.get(names[0]) if names else None
    if number is None or number.estimate is None or not math.isfinite(number.estimate):
        return math.inf
    return number.estimate


def _choose_names(points: Sequence[_Point], bounds: Sequence[NumberBounds]) -> list[str]:
    """The numbers of some parts, those with bounds first."""
    present = dict.fromkeys(name for point in points for name in point.part.numbers)
    return list(dict.fromkeys([*(one.number for one in bounds if one.number in present), *present]))


def _make_table(
    axis: Literal["severity", "group"],
    points: Sequence[_Point],
    bounds: Sequence[NumberBounds],
    *,
    columns: Sequence[str] = (),
    hidden: int = 0,
) -> PartTable:
    """The table of some points, with a plot for each number; `columns` are those of their other cells."""
    limits = {one.number: one.limits for one in bounds}
    names = _choose_names(points, bounds)
    rows = [
        PartRow(
            point.at if isinstance(point.at, str) else f"{point.at:g}",
            point.backends,
            point.part.verdict,
            [*_format_numbers(point.part, names, limits), *point.cells],
            point.part.note,
        )
        for point in points
    ]
    drawn = list(dict.fromkeys(point.at for point in points))[:MAX_DRAWN_GROUPS]
    plots = []
    for name in names:
        numbers = [
            (point.backends, point.at, point.part.numbers[name])
            for point in points
            if name in point.part.numbers and point.at in drawn
        ]
        plots.append(draw_points(KINDS[axis], f"{name} by {axis}", numbers, limits.get(name, ())))
    return PartTable([*names, *columns], rows, [plot for plot in plots if plot is not None], hidden)


def _format_numbers(part: Part, names: Sequence[str], limits: Mapping[str, Sequence[float]]) -> list[str]:
    """Each number with its interval, the first with its rows; empty where the part lacks it."""
    cells = []
    for name in names:
        number = part.numbers.get(name)
        texts = [] if number is None else [*filter(None, format_once(number, limits.get(name, ())))]
        rows = [] if number is None or name != names[0] else [f"of {number.rows:,}"]
        cells.append(" ".join([*texts, *rows]))
    return cells
