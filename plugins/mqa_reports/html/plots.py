"""Plots: what the page's script draws, as plain values, and the small plots of intervals, which need no script.

Each plot is of a table that stands next to it, so nothing is lost where there is no script.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from mqa_registry import make_visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mqa_registry import CalibrationBin, Number

MAX_BARS = 40
MAX_NAME = 40  # characters of a name on an axis
WIDTH, MARGIN = 200.0, 8.0  # of the small plot of an interval, in its own units


@dataclass(frozen=True)
class Plot:
    """A plot that the script draws: `kind` names its function there, and `data` are the values that it reads.

    `series` are what its colours stand for, in their order; empty where there is one colour.
    """

    kind: str
    title: str
    data: Mapping[str, Any]
    series: Sequence[str] = ()


class IntervalPlot(NamedTuple):
    """An interval on the scale that its number has in a check: positions from 0 to WIDTH, and open ends at these."""

    low: float
    estimate: float
    high: float
    limits: Sequence[float]


@dataclass(frozen=True)
class Scale:
    """A range of values, which an interval plot maps to its width."""

    low: float
    high: float

    @classmethod
    def of(cls, numbers: Iterable[Number], limits: Sequence[float]) -> Scale | None:
        """The range of some numbers with their intervals and bounds; None where it is no range."""
        ends = [value for number in numbers for value in (number.low, number.estimate, number.high)]
        values = [value for value in (*ends, *limits) if value is not None and math.isfinite(value)]
        return cls(min(values), max(values)) if values and min(values) < max(values) else None

    def place(self, value: float | None) -> float | None:
        """The position of a value; None where it is not finite."""
        if value is None or not math.isfinite(value):
            return None
        share = (value - self.low) / (self.high - self.low)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    def draw(self, number: Number, limits: Sequence[float]) -> IntervalPlot | None:
        """The plot of one number; None where it has no estimate."""
        estimate = self.place(number.estimate)
        if estimate is None:
            return None
        positions = [position for limit in limits if (position := self.place(limit)) is not None]
        low, high = self.place(number.low), self.place(number.high)
        if low is None and high is None:
            return IntervalPlot(estimate, estimate, estimate, positions)
        return IntervalPlot(0.0 if low is None else low, estimate, WIDTH if high is None else high, positions)


def draw_points(
    kind: str, title: str, points: Sequence[tuple[str, float | str, Number]], limits: Sequence[float]
) -> Plot | None:
    """Numbers with their intervals, each with its series and its severity or group; None for fewer than two positions.

    `kind` is `curves` for severities and `intervals` for groups.
    """
    rows = [
        {"series": _shorten(series), "at": _shorten(at) if isinstance(at, str) else at, **_interval(number)}
        for series, at, number in points
        if _finite(number.estimate) is not None
    ]
    if len({row["at"] for row in rows}) < 2:
        return None
    data = {"rows": rows, "limits": [limit for limit in limits if math.isfinite(limit)]}
    return Plot(kind, title, data, _name_series(rows))


def draw_bars(title: str, axis: str, points: Sequence[tuple[str, float]], allowed: float | None) -> Plot | None:
    """A bar for each named number; None for fewer than two of them. `allowed` is where a line is drawn."""
    rows = [{"at": _shorten(name), "value": value} for name, value in points[:MAX_BARS] if math.isfinite(value)]
    if len({row["at"] for row in rows}) < 2:
        return None
    return Plot("bars", title, {"rows": rows, "axis": _shorten(axis), "limits": [] if allowed is None else [allowed]})


def draw_histogram(title: str, edges: Sequence[float], counts: Sequence[float], unit: str) -> Plot:
    """How many values lie between each two edges."""
    rows = [{"low": edges[n], "high": edges[n + 1], "count": count} for n, count in enumerate(counts)]
    return Plot("histogram", title, {"rows": rows, "axis": _shorten(unit)})


def draw_calibration(calibrations: Sequence[tuple[str, Sequence[CalibrationBin]]]) -> Plot | None:
    """The reliability diagram of some backends; None where they give no probabilities."""
    rows = [
        {"series": _shorten(backend), "confidence": one.confidence, "accuracy": one.accuracy, "rows": one.rows}
        for backend, bins in calibrations
        for one in bins
    ]
    return Plot("calibration", "reliability diagram", {"rows": rows}, _name_series(rows)) if rows else None


def _name_series(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of several series; nothing where there is one."""
    names = list(dict.fromkeys(str(row["series"]) for row in rows))
    return names if len(names) > 1 else []


def _interval(number: Number) -> dict[str, float | None]:
    return {"estimate": _finite(number.estimate), "low": _finite(number.low), "high": _finite(number.high)}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _shorten(name: str) -> str:
    name = make_visible(name[: MAX_NAME + 1])
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
