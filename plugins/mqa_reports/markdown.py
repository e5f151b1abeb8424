"""Markdown: a comment on a pull request, and the summary of a step of a pipeline.

Nothing that comes from the data is read as Markdown, as HTML, or as a link, a mention or a reference to an issue: it
stands in code spans, where none of these is read.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from mqa_registry import (
    Verdict,
    blocks_release,
    count_lost_rows,
    count_verdicts,
    counted,
    describe_bounds,
    draw_conclusion,
    explain_comparison,
    explain_result,
    format_with_interval,
    list_checks,
    make_visible,
    verdict_on,
)
from mqa_reports.descriptions import list_digests, list_examples, name_backend

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mqa_registry import Part, Report, Result

MAX_BYTES = 65_536  # of a comment on GitHub, which counts characters
HEADER = "<!-- report of mqa as Markdown -->"
SIGNS = {
    Verdict.PASS: "✅",
    Verdict.FAIL: "❌",
    Verdict.INCONCLUSIVE: "❔",
    Verdict.ERROR: "💥",
    Verdict.NOT_RUN: "🚫",
}
_MAX_NAME, _MAX_REASON, _MAX_LINE = 120, 600, 600  # characters
_RESERVED = 1_500  # bytes for what a section says of the rows that it leaves out, and for the end of the page
# A sentence of these characters alone is no markup of any kind; brackets are escaped.
_PLAIN = re.compile(r"([A-Za-z0-9 ,.;()\[\]%≥≤=…'-]|: )*")
_REFERENCE = re.compile(
    r"[A-Za-z]-\d|\b[0-9a-f]{7,}\b|www\.|[A-Za-z0-9]\.[A-Za-z]{2}|\]\s*\("
)  # an issue, commit, host or link


class Section(NamedTuple):
    """A part of the page: what comes before its items and after them, and its items, of which the last may be left out."""

    before: Sequence[str]
    items: Sequence[str]
    after: Sequence[str] = ()


def render_markdown(report: Report) -> str:
    """A report as Markdown of at most 65,536 bytes, and so characters; what does not fit is counted."""
    checks = list_checks(report)
    broken = sorted((one for one in report.results if _needs_reason(one)), key=lambda one: not blocks_release(one))
    note = f"{prose(report.note)} " if report.note else ""
    comparison = explain_comparison(report.against) if report.against else ()
    head = [
        HEADER,
        f"## {SIGNS[report.verdict]} {report.verdict}: {code(report.suite.name)}",
        "",
        f"{count_verdicts(checks)}. {note}{draw_conclusion(report, checks)} Exit code {int(report.exit_code)}.",
        "",
    ]
    sections = [
        Section(
            ["| verdict | check | numbers | reason |", "|---|---|---|---|"],
            [_make_reason_row(result) for result in broken],
            [""],
        ),
        Section([], [f"- {prose(sentence)}" for sentence in comparison], [""]),
        Section(
            ["<details><summary>How to repeat it</summary>", ""],
            [*_list_commands(report), "", *_list_identity(report)],
            ["", "</details>", ""],
        ),
        Section(
            ["<details><summary>All results</summary>", "", "| verdict | check | numbers |", "|---|---|---|"],
            [_make_row(result) for result in report.results],
            ["", "</details>", ""],
        ),
        Section(
            ["<details><summary>Rows that show it</summary>", ""],
            [block for result in broken if (block := _make_example_block(result))],
            ["</details>", ""],
        ),
    ]
    lines = head
    for section in sections:
        if section.items:
            lines = [*lines, *_fit(section, MAX_BYTES - _RESERVED - _size(lines))]
    return "\n".join(lines)


def code(text: object, most: int = _MAX_NAME) -> str:
    """A text of the data as a code span of one line, for a cell of a table too."""
    visible = make_visible(text)
    visible = visible if len(visible) <= most else f"{visible[:most]}…"
    # A `|` divides cells even in a code span, and whether a backslash before it helps depends on those before that.
    return "&#124;".join(_span(part) for part in visible.split("|"))


def prose(sentence: str) -> str:
    """A sentence of the judge, which may quote data: as it is where it can be no markup, else as a code span."""
    shortened = sentence if len(sentence) <= _MAX_REASON else f"{sentence[:_MAX_REASON]}…"
    if not _PLAIN.fullmatch(shortened) or _REFERENCE.search(shortened):
        return code(sentence, _MAX_REASON)
    return shortened.replace("[", r"\[").replace("]", r"\]")


def _span(text: str) -> str:
    if not text:
        return ""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def _needs_reason(result: Result) -> bool:
    return result.verdict is not Verdict.PASS or blocks_release(result)


def _make_reason_row(result: Result) -> str:
    """A row of the table of what does not hold."""
    reasons = explain_result(result)
    return f"| {_name_verdict(result)} | {code(name_backend(result))} | {_format_numbers(result)} | {_join(reasons)} |"


def _make_row(result: Result) -> str:
    return f"| {_name_verdict(result)} | {code(name_backend(result))} | {_format_numbers(result)} |"


def _join(sentences: Iterable[str]) -> str:
    return "<br>".join(prose(sentence) for sentence in list(sentences)[:5])


def _name_verdict(result: Result) -> str:
    """The verdict, and why it does not count where it does not."""
    if blocks_release(result):  # a check that holds with a waiver that has had its day does, too
        verdict = Verdict.FAIL if result.verdict is Verdict.PASS else result.verdict
        return f"{SIGNS[verdict]} {verdict}"
    if result.verdict is Verdict.PASS:
        lost = count_lost_rows(result)
        return f"{SIGNS[result.verdict]} {result.verdict}" + (f", {counted(lost, 'row')} lost" if lost else "")
    return f"⚠️ {result.verdict}, {'waived' if result.critical else 'not critical'}"


def _format_numbers(result: Result) -> str:
    """The judged numbers with their intervals and bounds: of a sweep, at the first severity where each is worst."""
    cells = []
    for bounds in describe_bounds(result.expect, grouped=bool(result.groups)):
        verdict = verdict_on(result, bounds.number)
        steps = (step for step in result.series if verdict_on(step, bounds.number) is verdict)
        part: Part = next(steps, result)
        number = part.numbers.get(bounds.number)
        if number is not None:
            estimate = format_with_interval(number, bounds.limits)
            cells.append(code(f"{estimate}, {bounds.text}"))
    return "<br>".join(cells)


def _make_example_block(result: Result) -> str:
    """The examples of a result as a block of code under its name; empty where the report has none."""
    lines = list_examples(result)
    if not lines:
        return ""
    return f"{code(name_backend(result))}\n\n{_block(lines)}\n"


def _list_commands(report: Report) -> list[str]:
    path = shlex.quote(make_visible(report.suite.path))
    return [_block([f"mqa run {path}", f"mqa report {shlex.quote(make_visible(report.run))}"], "console")]


def _block(lines: Iterable[str], language: str = "text") -> str:
    """Lines as a block of code, in a fence that is longer than any in them."""
    text = "\n".join(line if len(line) <= _MAX_LINE else f"{line[:_MAX_LINE]}…" for line in lines)
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _list_identity(report: Report) -> list[str]:
    return [f"- {code(name)}: {code(value)}" for name, value in list_digests(report).items()]


def _fit(section: Section, budget: int) -> list[str]:
    """The lines of a section with as many of its items as the budget, in bytes, has room for, and the number of the others."""
    budget -= _size(section.before) + _size(section.after)
    kept: list[str] = []
    for item in section.items:
        budget -= _size([item])
        if budget < 0:
            break
        kept.append(item)
    left = len(section.items) - len(kept)
    more = ["", f"… and {left:,} more: `mqa report` shows them, and `--json` has them."] if left else []
    return [*section.before, *kept, *more, *section.after] if kept else more


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode("utf-8", "backslashreplace")) + 1 for line in lines)
