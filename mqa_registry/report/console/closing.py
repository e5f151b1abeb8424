"""The closing: the verdict, what it counts, and what it means for the release."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from mqa_registry.judging.result import Verdict
from mqa_registry.naming import counted
from mqa_registry.report.console.families import rows
from mqa_registry.report.console.pen import LONG, STYLES
from mqa_registry.report.numbers import count, duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.report.console.families import Row
    from mqa_registry.report.console.pen import Pen
    from mqa_registry.report.model import Report

_NAMED = 5  # checks that the closing lists by name
_SAYS = {
    Verdict.PASS: "Every critical check was shown to hold: by this suite, the model may ship.",
    Verdict.FAIL: "The model is not good enough: do not ship it.",
    Verdict.INCONCLUSIVE: "Nothing failed, but these {0} do not settle every check: do not ship on them, add {0}.",
    Verdict.ERROR: "Not everything ran as asked: this run is no ground to ship on, nor to blame the model.",
    Verdict.NOT_RUN: "Nothing ran as asked: this run says nothing of the model.",
}
_NOTHING = "No check ran: nothing is known of the model."
_UNBOUND = "Nothing failed, but no rows would settle every check: do not ship on them, bound other numbers."
_OVERDUE = "Nothing but waivers that have had their day stands in the way: mend the suite."
_COUNTS = {
    Verdict.PASS: "{} held",
    Verdict.FAIL: "{} failed",
    Verdict.INCONCLUSIVE: "{} inconclusive",
    Verdict.ERROR: "{} crashed",
    Verdict.NOT_RUN: "{} not run",
}


_WORK = {
    "predicted": ("row predicted", "rows predicted"),
    "found": ("found in the store", "found in the store"),
    "passes": ("forward pass", "forward passes"),
}


def verdict_line(report: Report, pen: Pen) -> list[Text]:
    """The verdict with its counts, as `-q` shows it."""
    lead = pen.line(_word(report, pen), "  ", pen.data(report.suite.get("name", "")), ": ")
    return pen.wrapped(pen.line(lead, _counts(rows(report)), f" (exit code {int(report.exit_code)})"), pen.width)


def closing(report: Report, pen: Pen) -> Iterator[Text]:
    """A rule, what the run took, the verdict with its counts, and a sentence for the release."""
    asked = rows(report)
    yield pen.own("")
    yield pen.own("─" * min(pen.width, 100), "dim")
    lead = pen.line(_word(report, pen), "  ")
    says = pen.line(_says(report, asked, pen), f" Exit code {int(report.exit_code)}.")
    blocks = (Text(_counts(asked)), *_culprits(asked, pen), says, pen.data(_took(report), "dim", cells=400))
    for number, block in enumerate(blocks):
        yield from pen.wrapped(
            block, pen.width, lead=Text(" " * lead.cell_len) if number else lead, indent=lead.cell_len
        )


def _says(report: Report, asked: Sequence[Row], pen: Pen) -> Text:
    """What befell the run as a whole, else what the verdict means for the release."""
    if report.note:
        return pen.line(pen.data(report.note, cells=LONG), ".")
    return pen.own(_means(report, asked))


def _means(report: Report, asked: Sequence[Row]) -> str:
    """What the verdict means for the release, and what waivers have to do with it."""
    waived = sum(row.waived for row in asked)
    decisive = [row for row in asked if row.decisive]
    if not asked:
        return _NOTHING
    if report.verdict is Verdict.PASS and waived:
        return f"{_SAYS[Verdict.PASS].partition(':')[0]}, but for {count(waived)} waived: by this suite, the model may ship."
    if report.verdict is Verdict.FAIL and all(row.overdue and row.verdict is Verdict.PASS for row in decisive):
        return _OVERDUE
    if report.verdict is Verdict.INCONCLUSIVE:
        wanted = _wanted(decisive)
        return _SAYS[report.verdict].format(" and ".join(wanted)) if wanted else _UNBOUND
    return _SAYS[report.verdict]


def _wanted(decisive: Sequence[Row]) -> list[str]:
    """What more of would settle what is open, `rows` first; nothing where no rows whatever would."""
    is_open = [one for row in decisive for one in row.results.values() if one.verdict is Verdict.INCONCLUSIVE]
    evidence = [one.evidence for one in is_open if not one.evidence.get("beyond_rows")]
    return sorted({str(one.get("settled_by", "rows")) for one in evidence}, key=lambda unit: unit != "rows")


def _word(report: Report, pen: Pen) -> Text:
    return pen.own(report.verdict.value, f"bold {STYLES[report.verdict]}")


def _counts(asked: Sequence[Row]) -> str:
    """How many checks came out how; a check is what it is on its worst backend."""
    found = Counter((row.verdict, row.critical) for row in asked)
    parts = []
    for verdict, words in _COUNTS.items():
        critical, spared = found[verdict, True], found[verdict, False]
        if critical + spared:
            aside = f" ({count(spared)} of them not critical)" if critical else " (not critical)"
            parts.append(words.format(count(critical + spared)) + aside * (spared > 0 and verdict is not Verdict.PASS))
    if waived := sum(row.waived for row in asked):
        parts.append(f"{count(waived)} waived")
    if overdue := sum(row.overdue for row in asked):
        parts.append(f"{counted(overdue, 'waiver')} overdue")
    return f"{counted(len(asked), 'check')}: {', '.join(parts) or 'none ran'}"


def _culprits(asked: Sequence[Row], pen: Pen) -> Iterator[Text]:
    """The critical checks that do not hold, and those with a waiver that is overdue, by name."""
    names = [row.title for row in asked if row.decisive]
    if names:
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        listed = Text(", ").join([pen.data(name) for name in names[:_NAMED]])
        yield pen.line(pen.own("see ", "dim"), listed, pen.own(more, "dim"))


def _took(report: Report) -> str:
    """The run's time, and its work summed over the backends."""
    totals: Counter[str] = Counter()
    for work in (report.work or {}).values():
        totals.update(work)
    done = [counted(total, *_WORK.get(name, (name, name))) for name, total in totals.items() if total]
    return ", ".join([f"run {report.run}", duration(report.seconds), *done])
