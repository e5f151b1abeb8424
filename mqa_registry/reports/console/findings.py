"""Findings on the console, of `mqa doctor` and others: each with a symbol for its level, and below it what repairs it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mqa_registry.naming import counted
from mqa_registry.reports.console.summary import render_rule
from mqa_registry.reports.console.text import MAX_NOTE_CELLS, TextBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console
    from rich.text import Text

    from mqa_registry.findings import Finding

# In Unicode, in ASCII, and the style.
_SYMBOLS = {
    "ok": ("✓", "ok     ", "green"),
    "note": ("-", "note   ", "dim"),
    "warning": ("!", "warning", "bold yellow"),
    "problem": ("✗", "problem", "bold red"),
}
_MAX_SUBJECT_CELLS = 28
_MAX_EVIDENCE_LINES = 40
_INDENT = "    "  # of what is below a finding


def print_findings(
    environment: Mapping[str, Any], findings: Mapping[str, Sequence[Finding]], console: Console, *, verbose: int = 0
) -> None:
    """Write the machine and the findings to the console, by the diagnosis that made them; `verbose` adds the evidence."""
    builder = TextBuilder(console, verbose)
    for line in _render_diagnoses(environment, findings, builder):
        console.print(line, no_wrap=True, overflow="ignore", crop=False, highlight=False)


def render_findings(findings: Sequence[Finding], builder: TextBuilder) -> Iterator[Text]:
    """Findings one below the other."""
    width = _subject_width(findings, builder)
    for finding in findings:
        yield from _render_finding(finding, width, builder)


def _render_diagnoses(
    environment: Mapping[str, Any], findings: Mapping[str, Sequence[Finding]], builder: TextBuilder
) -> Iterator[Text]:
    yield from _render_machine(environment, builder)
    all_findings = [finding for its_findings in findings.values() for finding in its_findings]
    width = _subject_width(all_findings, builder)
    for diagnosis, its_findings in findings.items():
        if its_findings:
            yield builder.literal("")
            yield builder.quote(diagnosis, "bold", cells=builder.width)
        for finding in its_findings:
            yield from _render_finding(finding, width, builder)
    yield from _render_counts(all_findings, builder)


def _subject_width(findings: Sequence[Finding], builder: TextBuilder) -> int:
    """The cells of the widest topic, none of which takes more than a third of the line."""
    cells = min(_MAX_SUBJECT_CELLS, builder.width // 3)
    return max((builder.quote(finding.topic, cells=cells).cell_len for finding in findings), default=0)


def _render_machine(environment: Mapping[str, Any], builder: TextBuilder) -> Iterator[Text]:
    machine = environment["machine"]
    versions = {"mqa": environment["mqa"], "python": environment["python"], **environment["packages"]}
    entries = {
        "machine": f"{machine['system']}, {machine['cpu']}, {counted(machine['cores'] or 0, 'core')}",
        "GPUs": ", ".join(machine["gpus"]) or "none that a driver lists",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    yield builder.literal("What this machine can run", "bold")
    for name, text in entries.items():
        lead = builder.literal(f"  {name:<10}", "dim")
        yield from builder.wrap_after(lead, builder.quote(text, cells=MAX_NOTE_CELLS))


def _render_finding(finding: Finding, width: int, builder: TextBuilder) -> Iterator[Text]:
    in_unicode, in_ascii, style = _SYMBOLS[finding.level]
    symbol = builder.literal(in_ascii if builder.is_ascii else in_unicode, style)
    topic = builder.quote(finding.topic, "" if finding.level == "note" else "bold", cells=width)
    lead = builder.join("  ", symbol, " ", topic, " " * (width - topic.cell_len + 2))
    yield from builder.wrap_after(lead, builder.quote(finding.message, cells=MAX_NOTE_CELLS))
    if finding.fix:
        title = builder.join(_INDENT, builder.literal("fix: ", "bold"))  # before a line to copy
        yield from builder.wrap_after(title, builder.quote(finding.fix, cells=MAX_NOTE_CELLS))
    if builder.verbose > 0:
        bar = builder.join(_INDENT, builder.literal("| ", "dim"))
        for line in finding.evidence.splitlines()[-_MAX_EVIDENCE_LINES:]:
            yield from builder.wrap_after(bar, builder.quote(line, "dim", cells=MAX_NOTE_CELLS))


def _render_counts(findings: Sequence[Finding], builder: TextBuilder) -> Iterator[Text]:
    """A rule, the number of findings by level, and the exit code."""
    counts = Counter(finding.level for finding in findings)
    yield builder.literal("")
    yield render_rule(builder)
    texts = [
        counted(counts[level], level) for level in ("problem", "warning", "note") if counts[level] or level != "warning"
    ]
    conclusion = (
        "Mend them, or know that what they name cannot run here. Exit code 3." if counts["problem"] else "Exit code 0."
    )
    style = "bold red" if counts["problem"] else "bold green"
    text = builder.join(builder.literal(f"{', '.join(texts)}.", style), f" {conclusion}")
    yield from builder.wrap(text, builder.width)
