"""The console report: what a person sees when a run is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.report.console.checks import items
from mqa_registry.report.console.closing import closing, verdict_line
from mqa_registry.report.console.digest import weakest
from mqa_registry.report.console.families import backends_of, families
from mqa_registry.report.console.findings import listed
from mqa_registry.report.console.header import header
from mqa_registry.report.console.layout import Entry, Layout, render
from mqa_registry.report.console.pen import Pen
from mqa_registry.report.console.tradeoff import tradeoff
from mqa_registry.report.console.unjudged import unjudged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.text import Text

    from mqa_registry.report.model import Report

__all__ = ["print_report"]


def print_report(report: Report, console: Console, *, verbose: int = 0) -> None:
    """Write the report to the console; `verbose` above 0 unfolds groups and examples.

    Below 0 it leaves the verdict, with the reason why anything was not judged, and warnings.
    It reads well at 80 columns, without colour and in ASCII. Nothing that comes from the data is read as markup or
    reaches the terminal as a control code.
    """
    pen = Pen(console, verbose)
    lines = _whole(report, pen) if verbose >= 0 else _short(report, pen)
    for line in lines:
        console.print(line, no_wrap=True, overflow="ignore", crop=False, highlight=False)


def _whole(report: Report, pen: Pen) -> Iterator[Text]:
    yield from header(report, pen)
    yield from _table(report, pen)
    yield from tradeoff(report, pen)
    yield from weakest(report, pen)
    if report.findings:
        yield pen.own("")
        yield from listed(report.findings, pen)
    yield from closing(report, pen)


def _short(report: Report, pen: Pen) -> Iterator[Text]:
    """The verdict, and what nobody should miss: why anything was not judged, and warnings."""
    yield from verdict_line(report, pen)
    yield from unjudged(report, pen)
    yield from listed([one for one in report.findings if one.level in {"warning", "problem"}], pen)


def _table(report: Report, pen: Pen) -> Iterator[Text]:
    told: set[str] = set()
    found = {family: [item for row in family.rows for item in items(row, pen, told)] for family in families(report)}
    entries = [item for all_items in found.values() for item in all_items if isinstance(item, Entry)]
    layout = Layout.fit(entries, backends_of(report), pen)
    for family, its_items in found.items():
        yield pen.own("")
        yield from layout.heading(family.name, pen)
        for item in its_items:
            yield from render(item, layout, pen)
