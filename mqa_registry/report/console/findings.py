"""Findings on the console, of `mqa doctor` and others: each with its sign, and below it the line that mends it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mqa_registry.naming import counted
from mqa_registry.report.console.pen import LONG, Pen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console
    from rich.text import Text

    from mqa_registry.findings import Finding

# In Unicode, in ASCII, and the style.
_SIGNS = {
    "ok": ("✓", "ok     ", "green"),
    "note": ("-", "note   ", "dim"),
    "warning": ("!", "warning", "bold yellow"),
    "problem": ("✗", "problem", "bold red"),
}
_SUBJECT = 28  # cells that a subject may take
_MARGIN = 4  # blanks before what mends it, and before evidence
_HEARD = 40  # lines of evidence that are shown at most


def print_findings(
    environment: Mapping[str, Any], found: Mapping[str, Sequence[Finding]], console: Console, *, verbose: int = 0
) -> None:
    """Write the findings to the console, by the diagnosis that made them; `verbose` shows the evidence too."""
    pen = Pen(console, verbose)
    for line in _lines(environment, found, pen):
        console.print(line, no_wrap=True, overflow="ignore", crop=False, highlight=False)


def _lines(environment: Mapping[str, Any], found: Mapping[str, Sequence[Finding]], pen: Pen) -> Iterator[Text]:
    yield from _header(environment, pen)
    every = [finding for findings in found.values() for finding in findings]
    left = _left(every, pen)
    for diagnosis, findings in found.items():
        if findings:
            yield pen.own("")
            yield pen.data(diagnosis, "bold", cells=pen.width)
        for finding in findings:
            yield from _finding(finding, left, pen)
    yield from _closing(every, pen)


def listed(findings: Sequence[Finding], pen: Pen) -> Iterator[Text]:
    """Findings one below the other."""
    left = _left(findings, pen)
    for finding in findings:
        yield from _finding(finding, left, pen)


def _left(findings: Sequence[Finding], pen: Pen) -> int:
    """The cells that the subjects take."""
    most = min(_SUBJECT, pen.width // 3)
    return max((pen.data(finding.subject, cells=most).cell_len for finding in findings), default=0)


def _header(environment: Mapping[str, Any], pen: Pen) -> Iterator[Text]:
    machine = environment["machine"]
    own = {"mqa": environment["mqa"], "python": environment["python"]}
    entries = {
        "machine": f"{machine['system']}, {machine['cpu']}, {counted(machine['cores'] or 0, 'core')}",
        "GPUs": ", ".join(machine["gpus"]) or "none that a driver lists",
        "versions": ", ".join(f"{name} {version}" for name, version in (own | environment["packages"]).items()),
    }
    yield pen.own("What this machine can run", "bold")
    for name, words in entries.items():
        lead = pen.own(f"  {name:<10}", "dim")
        yield from pen.wrapped(pen.data(words, cells=LONG), pen.width, lead=lead, indent=lead.cell_len)


def _finding(finding: Finding, left: int, pen: Pen) -> Iterator[Text]:
    sign, spelled, style = _SIGNS[finding.level]
    subject = pen.data(finding.subject, "" if finding.level == "note" else "bold", cells=left)
    mark = pen.own(spelled if pen.ascii_only else sign, style)
    lead = pen.line("  ", mark, " ", subject, " " * (left - subject.cell_len + 2))
    yield from pen.wrapped(pen.data(finding.message, cells=LONG), pen.width, lead=lead, indent=lead.cell_len)
    if finding.mend:
        yield from _below(pen.data(finding.mend, cells=LONG), pen.own("mend: ", "bold"), _MARGIN, pen)  # a line to copy
    if pen.verbose > 0:
        for line in finding.evidence.splitlines()[-_HEARD:]:
            yield from _below(pen.data(line, "dim", cells=LONG), pen.own("| ", "dim"), _MARGIN, pen)


def _below(text: Text, title: Text, margin: int, pen: Pen) -> list[Text]:
    lead = pen.line(" " * margin, title)
    return pen.wrapped(text, pen.width, lead=lead, indent=lead.cell_len)


def _closing(findings: Sequence[Finding], pen: Pen) -> Iterator[Text]:
    """A rule, and what it comes to."""
    counts = Counter(finding.level for finding in findings)
    yield pen.own("")
    yield pen.own("─" * min(pen.width, 100), "dim")
    told = [
        counted(counts[level], level) for level in ("problem", "warning", "note") if counts[level] or level != "warning"
    ]
    says = (
        "Mend them, or know that what they name cannot run here. Exit code 3." if counts["problem"] else "Exit code 0."
    )
    style = "bold red" if counts["problem"] else "bold green"
    yield from pen.wrapped(pen.line(pen.own(f"{', '.join(told)}.", style), f" {says}"), pen.width)
