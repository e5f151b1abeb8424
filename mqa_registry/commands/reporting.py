"""Reports of commands: what is asked of them, and how a person and a file get them."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from mqa_registry.errors import ExitCode
from mqa_registry.flag import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.text import Text

    from mqa_registry.findings import Exported
    from mqa_registry.reports import Report
    from mqa_registry.reports.console.text import TextBuilder

STDOUT = "-"


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What a command's report is to be. Each field is an option of the commands that take it, declared here alone."""

    json: Annotated[str | None, Flag(metavar="FILE", help="Write the report as JSON; - is standard output.")] = None
    no_examples: Annotated[bool, Flag(help="Keep rows' texts out of every report and the store's runs.")] = False
    force: Annotated[bool, Flag(help="Replace files that mqa did not write.")] = False
    verbose: Annotated[int, Flag(name="-v", count=True, help="Show every group and example.")] = 0
    quiet: Annotated[bool, Flag(name="-q", help="Show only the verdict, and why anything was not judged.")] = False
    debug: Annotated[bool, Flag(help="Show the traceback of every error.")] = False

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The files that are written."""
        return () if self.json in (None, STDOUT) else (Path(self.json),)

    @property
    def detail(self) -> int:
        """How much a person is shown: -1 is the verdict, and why anything was not judged."""
        return -1 if self.quiet else self.verbose


def show_report(report: Report, options: ReportOptions, extra: Mapping[str, Any] | None = None) -> ExitCode:
    """Write a report to the file that was asked for, then show it to a person; gives the report's exit code.

    `extra` are keys that a command adds to the file. A person reads on standard error where standard output is for the
    file. Whoever reads may leave when they like.
    """
    from mqa_registry.commands.exit_codes import print_error
    from mqa_registry.reports import to_json
    from mqa_registry.reports.console import print_report
    from mqa_registry.reports.console.text import open_console
    from mqa_registry.reports.output import discard_output, output, write_json

    again = f"`mqa judge {report.run}` shows it again"
    if options.json is not None:
        try:
            write_json({**to_json(report), **(extra or {})}, options.json)  # first: a reader may leave before the end
        except BrokenPipeError:
            discard_output()
            print_error("error: the reader of standard output left before the report was written", again)
            return ExitCode.NOT_TRUSTWORTHY
    if options.debug:
        _print_traces(report)
    try:
        print_report(report, open_console(to_stderr=options.json == STDOUT), verbose=options.detail)
        output().flush()
    except BrokenPipeError:
        discard_output()
        print_error(f"{report.verdict}: the rest of the report was not read", again)
    if report.note:
        print_error(f"error: {report.note}", report.hint)
    return report.exit_code


def _print_traces(report: Report) -> None:
    traces = (str(result.evidence["trace"]) for result in report.results if "trace" in result.evidence)
    for trace in dict.fromkeys(traces):
        print(trace, file=sys.stderr)


def show_export(exported: Exported, options: ReportOptions, about: Mapping[str, str] | None = None) -> ExitCode:
    """Write what was exported as JSON where that was asked for, then show it to a person; 1 where a finding is a problem.

    `about` are lines for a person before those of the backend's own summary.
    """
    from mqa_registry.reports.console.text import TextBuilder, open_console
    from mqa_registry.reports.output import write_json

    if options.json is not None:
        write_json({**exported.facts, "exported": [file.name for file in exported.files]}, options.json)
    shown = open_console(to_stderr=options.json == STDOUT, highlight=False)
    for line in _export_lines(exported, {**(about or {}), **exported.summary}, TextBuilder(shown)):
        shown.print(line, no_wrap=True, overflow="ignore", crop=False)
    unfit = any(finding.level == "problem" for finding in exported.findings)
    return ExitCode.FAILED if unfit else ExitCode.OK


def _export_lines(exported: Exported, summary: Mapping[str, str], builder: TextBuilder) -> Iterator[Text]:
    """What came out, what was found in it, and what that comes to."""
    from mqa_registry.naming import counted
    from mqa_registry.reports.console.findings import render_findings
    from mqa_registry.reports.console.text import MAX_NOTE_CELLS

    files = {file.name: f"{_size(file)} in {file.parent}" for file in exported.files}
    width = max(map(len, (*summary, *files)), default=0)
    for name, value in (*summary.items(), *files.items()):
        lead = builder.join("  ", builder.quote(f"{name:<{width}}", "dim"), "  ")
        yield from builder.wrap(
            builder.quote(value, cells=MAX_NOTE_CELLS), builder.width, lead=lead, indent=lead.cell_len
        )
    if exported.findings:
        yield builder.literal("")
        yield from render_findings(exported.findings, builder)
    yield builder.literal("")
    counts = Counter(finding.level for finding in exported.findings)
    found = ", ".join(counted(counts[level], level) for level in ("problem", "warning", "note") if counts[level])
    says, style = ("Exported, and not fit to ship", "bold red") if counts["problem"] else ("Exported", "bold green")
    yield builder.literal(f"{says}: {found or 'nothing to remark'}.", style)


def _size(file: Path) -> str:
    size = float(file.stat().st_size)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
