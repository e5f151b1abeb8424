"""The console report: what a person sees when a run is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.reports.console.checks import list_items
from mqa_registry.reports.console.comparison import render_comparison
from mqa_registry.reports.console.findings import render_findings
from mqa_registry.reports.console.header import render_header
from mqa_registry.reports.console.layout import Entry, Layout, render_item
from mqa_registry.reports.console.summary import (
    render_conclusion,
    render_short_verdict,
    render_trade_off,
    render_unjudged,
    render_weak_points,
)
from mqa_registry.reports.console.text import TextBuilder
from mqa_registry.reports.report import group_by_family, list_backends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.text import Text

    from mqa_registry.reports.report import Report

__all__ = ["print_report"]


def print_report(report: Report, console: Console, *, verbose: int = 0) -> None:
    """Write the report to the console; `verbose` above 0 adds all groups and examples.

    Below 0 it leaves the verdict, the reason why anything was not judged, and warnings.
    It reads well at 80 columns, without colour and in ASCII. Nothing that comes from the data is read as markup or
    reaches the terminal as a control code.
    """
    builder = TextBuilder(console, verbose)
    lines = _render_report(report, builder) if verbose >= 0 else _render_short_report(report, builder)
    for line in lines:
        console.print(line, no_wrap=True, overflow="ignore", crop=False, highlight=False)


def _render_report(report: Report, builder: TextBuilder) -> Iterator[Text]:
    yield from render_header(report, builder)
    yield from _render_checks(report, builder)
    yield from render_trade_off(report, builder)
    yield from render_weak_points(report, builder)
    if report.against:
        yield builder.literal("")
        yield from render_comparison(report.against, builder)
    if report.findings:
        yield builder.literal("")
        yield from render_findings(report.findings, builder)
    yield from render_conclusion(report, builder)


def _render_short_report(report: Report, builder: TextBuilder) -> Iterator[Text]:
    """The verdict, why anything was not judged, and warnings."""
    yield from render_short_verdict(report, builder)
    yield from render_unjudged(report, builder)
    if report.against:
        yield from render_comparison(report.against, builder)
    yield from render_findings([one for one in report.findings if one.level in {"warning", "problem"}], builder)


def _render_checks(report: Report, builder: TextBuilder) -> Iterator[Text]:
    """The checks by family, in a table of one layout."""
    printed: set[str] = set()
    items = {
        family: [item for check in family.checks for item in list_items(check, builder, printed)]
        for family in group_by_family(report)
    }
    entries = [item for family_items in items.values() for item in family_items if isinstance(item, Entry)]
    layout = Layout.fit(entries, list_backends(report), builder)
    for family, family_items in items.items():
        yield builder.literal("")
        yield from layout.heading(family.name, builder)
        for item in family_items:
            yield from render_item(item, layout, builder)
