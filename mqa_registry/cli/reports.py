"""Reports of commands: their options, whether their files can be written, and how a file and a person get them."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

from mqa_registry.errors import ExitCode, UsageError
from mqa_registry.process import CLOSED_STREAMS
from mqa_registry.reports.output import explain_file_errors
from mqa_registry.run_options import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.text import Text

    from mqa_registry.findings import Exported
    from mqa_registry.reports import Report
    from mqa_registry.reports.console.text import TextBuilder

STDOUT = "-"
STDOUT_NUMBER = 1
# By these keys a JSON file is a report of mqa: on a run, a machine or an export. A stamp has none of these sets.
_REPORT_KEYS = (
    {"run", "verdict", "results"},
    {"exit_code", "environment", "findings"},
    {"sha256", "recipe", "exported"},
)


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of a report. Each field is an option of the commands that take it, declared here alone."""

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
        """The level of detail for a person: -1 is the verdict, and why anything was not judged."""
        return -1 if self.quiet else self.verbose


def show_report(report: Report, options: ReportOptions, extra: Mapping[str, Any] | None = None) -> ExitCode:
    """Write a report to the file of `--json`, then show it to a person; returns the report's exit code.

    `extra` are keys that a command adds to the file. A person reads on standard error where standard output is for the
    file. A reader of either may leave before the end.
    """
    from mqa_registry.cli.exit_codes import print_error
    from mqa_registry.reports import to_json
    from mqa_registry.reports.console import print_report
    from mqa_registry.reports.console.text import open_console
    from mqa_registry.reports.output import discard_output, output, write_json

    hint = f"`mqa judge {report.run}` shows it again"
    if options.json is not None:
        try:
            write_json({**to_json(report), **(extra or {})}, options.json)  # first: a reader may leave before the end
        except BrokenPipeError:
            discard_output()
            print_error("error: the reader of standard output left before the report was written", hint)
            return ExitCode.NOT_TRUSTWORTHY
    if options.debug:
        _print_traces(report)
    try:
        print_report(report, open_console(to_stderr=options.json == STDOUT), verbose=options.detail)
        output().flush()
    except BrokenPipeError:
        discard_output()
        print_error(f"{report.verdict}: the rest of the report was not read", hint)
    if report.note:
        print_error(f"error: {report.note}", report.hint)
    return report.exit_code


def _print_traces(report: Report) -> None:
    tracebacks = (result.evidence.traceback for result in report.results)
    for traceback in dict.fromkeys(filter(None, tracebacks)):
        print(traceback, file=sys.stderr)


def show_export(exported: Exported, options: ReportOptions, about: Mapping[str, str] | None = None) -> ExitCode:
    """Write the facts of an export to the file of `--json`, then show them to a person; 1 where a finding is a problem.

    `about` are lines for a person, shown before those of the backend's summary.
    """
    from mqa_registry.reports.console.text import TextBuilder, open_console
    from mqa_registry.reports.output import write_json

    if options.json is not None:
        write_json({**exported.facts, "exported": [file.name for file in exported.files]}, options.json)
    screen = open_console(to_stderr=options.json == STDOUT, highlight=False)
    for line in _export_lines(exported, {**(about or {}), **exported.summary}, TextBuilder(screen)):
        screen.print(line, no_wrap=True, overflow="ignore", crop=False)
    has_problem = any(finding.level == "problem" for finding in exported.findings)
    return ExitCode.FAILED if has_problem else ExitCode.OK


def _export_lines(exported: Exported, summary: Mapping[str, str], builder: TextBuilder) -> Iterator[Text]:
    """Lines of the summary and the files, of the findings, and of the conclusion."""
    from mqa_registry.naming import counted
    from mqa_registry.reports.console.findings import render_findings
    from mqa_registry.reports.console.text import MAX_NOTE_CELLS

    files = {file.name: f"{_file_size(file)} in {file.parent}" for file in exported.files}
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
    listing = ", ".join(counted(counts[level], level) for level in ("problem", "warning", "note") if counts[level])
    conclusion, style = (
        ("Exported, and not fit to ship", "bold red") if counts["problem"] else ("Exported", "bold green")
    )
    yield builder.literal(f"{conclusion}: {listing or 'nothing to remark'}.", style)


def _file_size(file: Path) -> str:
    """The size of a file with a unit of powers of 1000."""
    size = float(file.stat().st_size)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def check_report(file: str | None, *, force: bool = False) -> None:
    """Check that a report can be written to a file, before anything takes long; a UsageError where not.

    It may replace an earlier report of mqa, with `force` any file. For `-`, standard output has to be open.
    """
    if file == "-" and STDOUT_NUMBER in CLOSED_STREAMS:
        raise UsageError(
            "standard output is closed, and the report was to be written to it", hint="name a file with `--json`"
        )
    if file is None or file == "-":
        return
    with explain_file_errors(file):
        path = Path(file).resolve()
        if path.is_dir():
            raise UsageError(f"`{file}` is a folder, and a report is a file", hint="name a file in it")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder to write `{file}` to", hint="make it first, or write elsewhere")
        if path.is_file() or not path.exists():  # a pipe or a device is opened once, to write the report
            _check_writable(path.parent)
        if not force and path.is_file() and path.stat().st_size and not _is_report_of_mqa(path):
            raise UsageError(
                f"`{file}` is there already, and mqa did not write it",
                hint="write to another file, or replace this one with `--force`",
            )


def clear_report(file: str, *, inputs: Sequence[str] = ()) -> None:
    """Remove an earlier report of mqa, so that it never stands for a run that gave none.

    One of the `inputs` stays, such as a report to judge again. One that cannot be removed is an error of the write.
    """
    with suppress(OSError, ValueError):
        path = Path(file).resolve()
        if (
            file != "-"
            and path.is_file()
            and _is_report_of_mqa(path)
            and not any(_names_path(one, path) for one in inputs)
        ):
            path.unlink()


def _names_path(word: str, path: Path) -> bool:
    """Whether a word of the command line is the path of a file, or ends in it, as in `--set data.x.path=FILE`."""
    parts = (word, word.partition("=")[2], word.rpartition("=")[2])
    return any(part and os.path.realpath(part) == str(path) for part in parts)


def _is_report_of_mqa(file: Path) -> bool:
    """Whether a file is a report of mqa."""
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "format" in content and any(keys <= content.keys() for keys in _REPORT_KEYS)


def check_output_folder(folder: Path) -> None:
    """Check that files can be written to a folder, which need not exist yet; a UsageError where not."""
    with explain_file_errors(str(folder)):
        folder.exists()  # raises where nothing can have this name
        nearest = next(one for one in (folder, *folder.absolute().parents) if one.exists() or one.is_symlink())
        if not nearest.is_dir():
            what = "file" if nearest.exists() else "link that leads nowhere"
            raise UsageError(f"`{nearest}` is a {what}, and a folder is needed", hint="write elsewhere")
        _check_writable(nearest)


def _check_writable(folder: Path) -> None:
    """Write a file to a folder and remove it: permissions do not show a read-only file system."""
    with TemporaryFile(dir=folder):
        pass
