"""What was not judged, and why: told by the shortest report too, since nobody can mend what nobody names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.judging.result import Verdict
from mqa_registry.report.console.families import rows
from mqa_registry.report.console.pen import LONG, STYLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.text import Text

    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen
    from mqa_registry.report.model import Report

NOT_JUDGED: Mapping[Verdict, str] = {  # with what is said where nobody gave a reason
    Verdict.ERROR: "it crashed",
    Verdict.NOT_RUN: "it could not run as asked",
}


def unjudged(report: Report, pen: Pen) -> Iterator[Text]:
    """Every reason why a check has no answer, once, with the checks that have none for it."""
    for (verdict, note), (first, *others) in _by_reason(rows(report)).items():
        more = f" and {len(others):,} more" if others else ""
        lead = pen.line("  ", pen.own(verdict.value, STYLES[verdict]), "  ")
        why = pen.data(note or NOT_JUDGED[verdict], cells=LONG)
        yield from pen.wrapped(
            pen.line(pen.data(first.title), more, ": ", why), pen.width, lead=lead, indent=lead.cell_len
        )


def _by_reason(asked: Sequence[Row]) -> dict[tuple[Verdict, str], list[Row]]:
    """The checks that share a reason on any backend, in the order of the report."""
    found: dict[tuple[Verdict, str], list[Row]] = {}
    for row in asked:
        reasons = {(one.verdict, one.note) for one in row.results.values() if one.verdict in NOT_JUDGED}
        for reason in sorted(reasons):
            found.setdefault(reason, []).append(row)
    return found
