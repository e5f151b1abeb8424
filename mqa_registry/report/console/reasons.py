"""Reasons: why a check does not hold, in the judge's words, and a row that shows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.judging.waivers import WaiverState
from mqa_registry.report.console.examples import examples
from mqa_registry.report.console.layout import Note
from mqa_registry.report.console.pen import LONG, STYLES
from mqa_registry.report.console.unjudged import NOT_JUDGED
from mqa_registry.report.numbers import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.judging.result import Result
    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen

_INDENT = "  "
_DEFAULTS = {
    Verdict.FAIL: "it lies beyond its bound",
    Verdict.INCONCLUSIVE: "the rows at hand settle it neither way",
    **NOT_JUDGED,
}
_WAIVED = {
    WaiverState.ACCEPTED: "waived until {}",
    WaiverState.EXPIRED: "FAIL: the waiver expired after {}; mend the check, or renew the waiver",
    WaiverState.UNNEEDED: "FAIL: the check holds without its waiver until {}; take that out of the suite",
}
# The judge's words for an estimate of all rows; of a group they go on with its name before the estimate.
_ESTIMATE = re.compile(
    r"(?P<number>\w+) is [-+\d.,e]+( \[[^]]*\])?, (?P<bound>[^;]*)(; about [\d,]+ \w+ would settle it)?"
)
# Counts of rows in the evidence.
_SILENT = {"missing": "without an answer", "unlabelled": "without a target"}
_CLASSES = 5  # that no row has, in words
_TOLD = {"changed": "changed", "declined": "declined", **_SILENT}


def reasons(row: Row, pen: Pen, told: set[str]) -> Iterator[Note]:
    """One reason for all backends that share it, then an example; nothing but notes under a check that holds."""
    broken = [result for result in row.results.values() if result.verdict is not Verdict.PASS]
    for together in _alike(broken, apart=pen.verbose > 0):
        yield _reason(together, row, pen, told)
    shown = broken or (list(row.results.values()) if pen.verbose > 0 else [])
    yield from _waiver(row, pen)
    yield from _sentences("remarks", shown, pen)
    yield from _sentences("notes", list(row.results.values()), pen)
    yield from _absent(row, pen)
    yield from _counts(row, pen, shown=bool(shown))
    yield from examples(shown, pen, told)


def _alike(broken: Sequence[Result], *, apart: bool) -> list[list[Result]]:
    """Results with one verdict and one reason. Estimates of all rows may differ: each stands in its own cell.

    A group's estimate need not stand in any cell, and digits elsewhere are names, so these are part of the reason.
    """
    found: dict[object, list[Result]] = {}
    for result in broken:
        estimate = None if apart else _ESTIMATE.fullmatch(result.note)
        note = result.note if estimate is None else (estimate["number"], estimate["bound"])
        found.setdefault((result.verdict, note), []).append(result)
    return list(found.values())


def _reason(together: Sequence[Result], row: Row, pen: Pen, told: set[str]) -> Note:
    first = together[0]
    names = [pen.data(result.backend) for result in together]
    where = pen.line(" on ", Text(" and ").join(names)) if len(together) < len(row.results) else Text()
    weight = "" if row.critical else ", not critical"
    lead = pen.line(pen.own(first.verdict.value, STYLES[first.verdict]), where, weight, ": ")
    if first.verdict in NOT_JUDGED and first.note in told:  # what befalls a backend befalls all its checks
        return Note(pen.line(lead, "as above"), Text(_INDENT))
    told.add(first.note)
    why = pen.data(first.note or _DEFAULTS[first.verdict], cells=LONG)
    return Note(pen.line(lead, why, _settled(together)), Text(_INDENT))


def _waiver(row: Row, pen: Pen) -> Iterator[Note]:
    """That a failure is known and accepted, or that this has come to its end."""
    waiver = row.first.waiver
    if not waiver:
        return
    words = pen.own(_WAIVED[waiver["state"]].format(waiver["until"]), "bold red" if row.overdue else "bold")
    yield Note(pen.line(words, ": ", pen.data(waiver["reason"], cells=LONG)), Text(_INDENT))


def _settled(together: Sequence[Result]) -> str:
    """How many rows would settle it, or what else does, where the judge knows and its note does not say."""
    most = max(_whole(result.evidence.get("rows_to_settle")) for result in together)
    said = str(most) in together[0].note.replace(",", "")
    unit = together[0].evidence.get("settled_by", "rows")
    return f"; about {count(most)} {unit} would settle it" if most and not said else ""


def _absent(row: Row, pen: Pen) -> Iterator[Note]:
    """Classes that no row has, whatever the verdict: a number that holds holds for the others alone."""
    results = row.results.values()
    named = dict.fromkeys(str(name) for one in results for name in one.evidence.get("absent") or ())
    told = [one.note for one in results if one.verdict is not Verdict.PASS]
    named = {name: None for name in named if not any(f"no row is `{name}`" in note for note in told)}
    if named:
        shown = [pen.data(f"`{name}`") for name in list(named)[:_CLASSES]]
        more = f" and {len(named) - _CLASSES:,} more" if len(named) > _CLASSES else ""
        noun = "no row is of class " if len(named) == 1 else "no row is of the classes "
        yield Note(pen.line(noun, Text(", ").join(shown), more), Text(_INDENT))


def _counts(row: Row, pen: Pen, *, shown: bool) -> Iterator[Note]:
    """What became of the rows; those that have no say are always told, and where few were perturbed at all, so is that.

    A sweep has its own lines for how far rows were perturbed.
    """
    evidence = [result.evidence for result in row.results.values()]
    weak = any(_few_changed(result) for result in row.results.values())
    named = _TOLD if (shown or weak) and not row.first.series else _SILENT
    found = {word: max(_whole(one.get(key)) for one in evidence) for key, word in named.items()}
    words = [f"{count(rows)} {word}" for word, rows in found.items() if rows]
    edits = max((each for one in evidence if isinstance(each := one.get("edits"), float)), default=0.0)
    if edits and found.get("changed"):
        words[0] += f" by {edits:.1f} edits each"
    if words:
        yield Note(pen.own(f"rows: {', '.join(words)}", "dim"), Text(_INDENT))


def _few_changed(result: Result) -> bool:
    """Whether a perturbation left most rows as they were, so that the number says little of it."""
    rows = max((number.rows for number in result.numbers.values()), default=0)
    return 0 < 2 * _whole(result.evidence.get("changed")) < rows


def _sentences(key: str, results: Sequence[Result], pen: Pen) -> Iterator[Note]:
    """What a measure says of what it saw, once; behind its backend, where others have something else to say."""
    said: dict[str, list[Result]] = {}
    for result in results:
        for remark in result.evidence.get(key) or ():
            said.setdefault(str(remark), []).append(result)
    for remark, by in said.items():
        names = [pen.data(result.backend) for result in by if result.backend]
        where = pen.line(Text(" and ").join(names), ": ") if names and len(by) < len(results) else Text()
        yield Note(pen.line(where, pen.data(remark, cells=LONG)), Text(_INDENT))


def _whole(number: object) -> int:
    return number if isinstance(number, int) else 0
