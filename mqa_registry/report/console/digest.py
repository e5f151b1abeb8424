"""The digest: where the model is weakest, in a few lines, for whoever reads no table."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mqa_registry.report.bounds import VALUE, Bound
from mqa_registry.report.console.families import backends_of, rows, whole
from mqa_registry.report.console.ranking import ranked
from mqa_registry.report.numbers import spelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen
    from mqa_registry.report.model import Report

_MOST = (3, 2)  # losses and spreads that are told
_FEWEST = 2  # one weak point is no digest: the table says it as well
_NAME = 30


class _Point(NamedTuple):
    """One weak point: how large it is, the check that found it, and what it found."""

    size: float
    check: str
    words: Text


def weakest(report: Report, pen: Pen) -> Iterator[Text]:
    """The largest losses under perturbation and the widest spreads between groups, on the first backend."""
    backend = next(iter(backends_of(report)), "")
    asked = [row for row in rows(report) if backend in row.results]
    losses = [point for row in asked if (point := _loss(row, backend, pen))]
    spreads = [point for row in asked if (point := _spread(row, backend, pen))]
    points = [point for found, most in zip((losses, spreads), _MOST, strict=True) for point in _largest(found)[:most]]
    if len(points) < _FEWEST:
        return
    yield pen.own("")
    yield pen.line(pen.own("weakest points", "bold"), pen.own(" on ", "dim"), pen.data(backend, "dim"))
    names = [pen.data(point.check, cells=_NAME) for point in points]
    left = max(name.cell_len for name in names)
    for name, point in zip(names, points, strict=True):
        lead = pen.line("  ", name, " " * (left - name.cell_len + 2))
        yield from pen.wrapped(point.words, pen.width, lead=lead, indent=lead.cell_len)


def _largest(points: list[_Point]) -> list[_Point]:
    return sorted(points, key=lambda point: -point.size)


def _loss(row: Row, backend: str, pen: Pen) -> _Point | None:
    """What a perturbation costs, where it is certain that it costs something."""
    numbers = whole(row.results[backend]).numbers
    for name, verb in (("drop", "falls"), ("rise", "rises")):
        loss = numbers.get(name)
        if loss is not None and loss.estimate is not None and loss.low is not None and loss.low > 0:
            left = f" to {spelled(numbers[VALUE])[0]}" if VALUE in numbers else ""
            words = pen.line(_measure(row, pen), f" {verb} by {spelled(loss)[0]}{left}")
            return _Point(loss.estimate, row.title, words)
    return None


def _spread(row: Row, backend: str, pen: Pen) -> _Point | None:
    """The lowest and the highest group, where their intervals do not meet."""
    order = ranked(row, backend, Bound(VALUE, "", (), None))
    if not order:
        return None
    (lowest, low), (highest, high) = order[0], order[-1]
    if low.estimate is None or high.estimate is None or low.high is None or high.low is None or low.high >= high.low:
        return None
    at_worst = (_measure(row, pen), f" {spelled(low)[0]} for ", pen.data(lowest))
    at_best = (spelled(high)[0], " for ", pen.data(highest))
    return _Point(high.estimate - low.estimate, row.title, pen.line(*at_worst, ", ", *at_best))


def _measure(row: Row, pen: Pen) -> Text:
    """The measure without its plugin: `accuracy`."""
    return pen.data(str(row.first.measure.get("use", "")).rpartition("/")[2])
