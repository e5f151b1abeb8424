"""Reports of commands, as a person sees them."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from mqa_registry.cli.report_files import publish_report, write_reports
from mqa_registry.errors import ExitCode

COMPARISON_FORMAT = 1  # of the JSON file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.text import Text

    from mqa_registry.cli.report_files import ReportOptions
    from mqa_registry.errors import MqaError
    from mqa_registry.findings import Exported
    from mqa_registry.judging import Verdict
    from mqa_registry.judging.result import RunComparison
    from mqa_registry.reports import Report
    from mqa_registry.reports.console.progress import RecordedProgress
    from mqa_registry.reports.console.text import TextBuilder


@contextmanager
def show_progress(detail: int) -> Iterator[RecordedProgress]:
    """The progress of a run on standard error, in which no data is a command of the environment either."""
    from mqa_registry.cli.environment_reports import EnvironmentReports
    from mqa_registry.reports.console.progress import open_progress

    with ExitStack() as stack:
        if detail > 0:  # verdicts, and why
            stack.enter_context(EnvironmentReports.find(to_stderr=True).fence())
        yield stack.enter_context(open_progress(sys.stderr, detail=detail))


def show_report(report: Report, options: ReportOptions, extra: Mapping[str, Any] | None = None) -> ExitCode:
    """Write a report to the files of the options, show it to a person and as the environment asks, and add it to trackers.

    Returns the report's exit code.

    `extra` are keys that a command adds to the JSON file. A person reads on standard error where standard output is for a
    file. A reader of either may leave before the end. A file that cannot be written, or a tracker that cannot be reached,
    is an error that is shown: the verdict is shown before it, and the exit code stays the verdict's.
    """
    from mqa_registry.cli.environment_reports import EnvironmentReports
    from mqa_registry.cli.exit_codes import print_error
    from mqa_registry.reports import to_json
    from mqa_registry.reports.console import print_report
    from mqa_registry.reports.console.text import open_console
    from mqa_registry.reports.output import output

    hint = f"`mqa report {report.run}` shows it again"
    environment = EnvironmentReports.find(to_stderr=options.takes_stdout)
    environment.append_to_files(report)
    try:
        # First: a reader may leave before the end.
        errors = write_reports(report, options, lambda: {**to_json(report), **(extra or {})})
    except BrokenPipeError:
        return _explain_lost_output(hint)
    if options.debug:
        _print_traces(report)
    with _keep_verdict(report.verdict, hint):
        with environment.fence():
            print_report(report, open_console(to_stderr=options.takes_stdout), verbose=options.detail)
            output().flush()
        environment.print(report)
    if report.note:
        print_error(f"error: {report.note}", report.hint)
    _print_errors([*errors, *environment.errors])
    _print_errors(publish_report(report, options))  # last: a server may be slow to answer
    return report.exit_code


def show_comparison(comparison: RunComparison, options: ReportOptions) -> ExitCode:
    """Write a comparison of two runs to the files of the options, then show it to a person; returns its exit code.

    What goes wrong is shown as by `show_report`.
    """
    from mqa_registry.cli.environment_reports import EnvironmentReports
    from mqa_registry.judging import Verdict
    from mqa_registry.reports.console.comparison import print_comparison
    from mqa_registry.reports.console.text import open_console
    from mqa_registry.reports.json_report import comparison_to_json
    from mqa_registry.reports.output import output

    hint = "run the command again: it reads what the runs have kept"
    environment = EnvironmentReports.find(to_stderr=options.takes_stdout)
    try:
        errors = write_reports(
            comparison, options, lambda: {"format": COMPARISON_FORMAT, "comparison": comparison_to_json(comparison)}
        )
    except BrokenPipeError:
        return _explain_lost_output(hint)
    with _keep_verdict(comparison.verdict, hint), environment.fence():
        print_comparison(comparison, open_console(to_stderr=options.takes_stdout), verbose=options.detail)
        output().flush()
    _print_errors([*errors, *environment.errors])
    codes = {Verdict.FAIL: ExitCode.FAILED, Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE}
    return codes.get(comparison.verdict, ExitCode.OK)


@contextmanager
def _keep_verdict(verdict: Verdict, hint: str) -> Iterator[None]:
    """Say the verdict on standard error where what is printed here is not read, or not written, to its end."""
    from mqa_registry.cli.exit_codes import print_error
    from mqa_registry.reports.output import OutputError, discard_output

    try:
        yield
    except BrokenPipeError:
        discard_output()
        print_error(f"{verdict}: the rest of the report was not read", hint)
    except OutputError:
        print_error(f"{verdict}: the report was not printed to its end", hint)
        raise


def _explain_lost_output(hint: str) -> ExitCode:
    """Say that the reader of standard output left before a file was written to it."""
    from mqa_registry.cli.exit_codes import print_error
    from mqa_registry.reports.output import discard_output

    discard_output()
    print_error("error: the reader of standard output left before the report was written", hint)
    return ExitCode.NOT_TRUSTWORTHY


def _print_errors(errors: Iterable[MqaError]) -> None:
    from mqa_registry.cli.exit_codes import print_error

    for error in errors:
        print_error(f"error: {error.message}", error.hint)


def _print_traces(report: Report) -> None:
    tracebacks = (result.evidence.traceback for result in report.results)
    for traceback in dict.fromkeys(filter(None, tracebacks)):
        print(traceback, file=sys.stderr)


def show_export(exported: Exported, options: ReportOptions) -> ExitCode:
    """Write the facts of an export to the file of `--json`, then show them to a person; 1 where a finding is a problem."""
    from mqa_registry.reports.console.text import TextBuilder, open_console
    from mqa_registry.reports.output import write_json

    if options.json is not None:
        write_json({**exported.facts, "exported": [file.name for file in exported.files]}, options.json)
    screen = open_console(to_stderr=options.takes_stdout, highlight=False)
    for line in _export_lines(exported, TextBuilder(screen)):
        screen.print(line, no_wrap=True, overflow="ignore", crop=False)
    has_problem = any(finding.level == "problem" for finding in exported.findings)
    return ExitCode.FAILED if has_problem else ExitCode.OK


def _export_lines(exported: Exported, builder: TextBuilder) -> Iterator[Text]:
    """Lines of the summary and the files, of the findings, and of the conclusion."""
    from mqa_registry.naming import counted
    from mqa_registry.reports.console.findings import render_findings
    from mqa_registry.reports.console.text import MAX_NOTE_CELLS
    from mqa_registry.reports.number_format import format_bytes

    files = {file.name: f"{format_bytes(file.stat().st_size)} in {file.parent}" for file in exported.files}
    width = max(map(len, (*exported.summary, *files)), default=0)
    for name, value in (*exported.summary.items(), *files.items()):
        lead = builder.join("  ", builder.quote(f"{name:<{width}}", "dim"), "  ")
        yield from builder.wrap(
            builder.quote(value, cells=MAX_NOTE_CELLS), builder.width, lead=lead, indent=lead.cell_len
        )
    if exported.findings:
        yield builder.literal("")
        yield from render_findings(exported.findings, builder)
    yield builder.literal("")
    counts = Counter(finding.level for finding in exported.findings)
    listing = ", ".join(counted(counts[level], level) for level in ("problem", "warning", "note") if counts[level])
    conclusion, style = (
        ("Exported, and not fit to ship", "bold red") if counts["problem"] else ("Exported", "bold green")
    )
    yield builder.literal(f"{conclusion}: {listing or 'nothing to remark'}.", style)
