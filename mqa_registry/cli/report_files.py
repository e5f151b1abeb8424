"""Files of reports: the options that name them, whether they may be written, and their writing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from mqa_registry.errors import MqaError, UsageError
from mqa_registry.process import CLOSED_STREAMS
from mqa_registry.reports.output import explain_file_errors
from mqa_registry.reports.reporters import (
    COMPARISONS,
    MARKER_BYTES,
    REPORTS,
    TRACKERS,
    AmendingReporter,
    list_names,
    load_reporter,
    load_tracker,
    publish,
    render,
)
from mqa_registry.run_options import Flag, FlagPerName

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_registry.judging.result import RunComparison
    from mqa_registry.reports import Report

JSON = "json"
STDOUT = "-"
STDOUT_FILES = ("/dev/stdout", "/dev/fd/1")  # by these names too
STDOUT_NUMBER = 1
# By these keys a JSON file is a report of mqa: on a run, a machine, an export or two runs. A stamp has none of these sets.
_REPORT_KEYS = (
    {"run", "verdict", "results"},
    {"exit_code", "environment", "findings"},
    {"exit_code", "plugins"},
    {"exit_code", "suites"},
    {"exit_code", "found"},
    {"sha256", "recipe", "exported"},
    {"comparison"},
)


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of a report. Each field is an option of the commands that take it, declared here alone.

    `files` has the file of each reporter that is to write one, and `addresses` where each tracker is to add the report, by
    their names. `group` is the entry-point group of the reporters.
    """

    group: ClassVar[str] = REPORTS
    json: Annotated[str | None, Flag(metavar="FILE", help="Write the report as JSON; - is standard output.")] = None
    files: Annotated[
        Mapping[str, str],
        FlagPerName(partial(list_names, REPORTS), metavar="FILE", help="Write the report as {}; - is standard output."),
    ] = field(default_factory=dict)
    addresses: Annotated[
        Mapping[str, str],
        FlagPerName(
            partial(list_names, TRACKERS),
            metavar="WHERE",
            help="Add the report to the runs of {} there: a URI or a folder.",
        ),
    ] = field(default_factory=dict)
    no_examples: Annotated[bool, Flag(help="Keep rows' texts out of every report and the store's runs.")] = False
    force: Annotated[bool, Flag(help="Replace files that mqa did not write.")] = False
    verbose: Annotated[
        int, Flag(name="-v", count=True, help="Show everything: groups, examples, and each view as it ends.")
    ] = 0
    quiet: Annotated[bool, Flag(name="-q", help="Show only the verdict, and why anything was not judged.")] = False
    debug: Annotated[bool, Flag(help="Show the traceback of every error.")] = False

    @property
    def targets(self) -> dict[str, str]:
        """The files to write, or `-` for standard output, by the form of the report."""
        named = {**({} if self.json is None else {JSON: self.json}), **self.files}
        return {form: STDOUT if file in STDOUT_FILES else file for form, file in named.items()}

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The files that are written."""
        return tuple(Path(file) for file in self.targets.values() if file != STDOUT)

    @property
    def takes_stdout(self) -> bool:
        """Whether standard output is for a file, so that a person reads on standard error."""
        return STDOUT in self.targets.values()

    @property
    def detail(self) -> int:
        """The level of detail for a person: -1 is the verdict, and why anything was not judged."""
        return -1 if self.quiet else self.verbose


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions(ReportOptions):
    """The options of a comparison of two runs, whose forms other reporters give."""

    group: ClassVar[str] = COMPARISONS
    files: Annotated[
        Mapping[str, str],
        FlagPerName(
            partial(list_names, COMPARISONS), metavar="FILE", help="Write the comparison as {}; - is standard output."
        ),
    ] = field(default_factory=dict)


def check_reports(options: ReportOptions) -> None:
    """Check that every report can be written, before anything takes long; a UsageError or a PluginError where not.

    A file is one report's. An earlier file of the same form is replaced, any other with `--force` alone, unless the report
    amends it. Where standard output is to be written to, it has to be open.
    """
    forms: dict[str, str] = {}
    for form, file in options.targets.items():
        path = file if file == STDOUT else os.path.realpath(file)
        if path in forms:
            problem = f"`{file}` was named for two reports, `--{forms[path]}` and `--{form}`"
            raise UsageError(problem, hint="name a file for each")
        forms[path] = form
        check_report(file, form, options.group, force=options.force)
    for name in options.addresses:
        load_tracker(name)  # what it lacks is an error of its own report, which can be sent again


def check_report(file: str, form: str = JSON, group: str = REPORTS, *, force: bool = False) -> None:
    """Check that a report of this form can be written to a file; a UsageError where not."""
    is_earlier_report = _recognizer(form, group)  # a PluginError where its reporter cannot be used
    if file == STDOUT and STDOUT_NUMBER in CLOSED_STREAMS:
        raise UsageError(
            "standard output is closed, and the report was to be written to it", hint=f"name a file with `--{form}`"
        )
    if file == STDOUT:
        return
    with explain_file_errors(file):
        path = Path(file).resolve()
        if path.is_dir() or file.endswith(os.sep):
            raise UsageError(f"`{file}` is a folder, and a report is a file", hint="name a file in it")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder to write `{file}` to", hint="make it first, or write elsewhere")
        if path.is_file() or not path.exists():  # a pipe or a device is opened once, to write the report
            _check_writable(path.parent)
        if _amends(form, group):
            _read_amended(file)
        elif not force and path.is_file() and path.stat().st_size and not is_earlier_report(path):
            raise UsageError(
                f"`{file}` is there already, and mqa did not write it",
                hint="write to another file, or replace this one with `--force`",
            )


def write_reports(
    value: Report | RunComparison, options: ReportOptions, to_json: Callable[[], Mapping[str, Any]]
) -> list[MqaError]:
    """Write a report or a comparison to every file that the options name; returns the errors of those that failed.

    `to_json` gives the content of the JSON file. A BrokenPipeError is left to the command.
    """
    from mqa_registry.reports.output import write_bytes, write_json

    errors = []
    for form, file in options.targets.items():
        try:
            if form == JSON:
                write_json(to_json(), file)
            else:
                earlier = _read_amended(file) if _amends(form, options.group) else ""
                write_bytes(file, render(form, value, options.group, earlier=earlier))
        except MqaError as error:
            errors.append(error)
    return errors


def publish_report(report: Report, options: ReportOptions) -> list[MqaError]:
    """Add a report to what trackers keep, where the options say; returns the errors of those that failed."""
    errors = []
    for name, address in options.addresses.items():
        try:
            publish(name, report, address)
        except MqaError as error:
            errors.append(error)
    return errors


def clear_report(file: str, form: str = JSON, group: str = REPORTS, *, inputs: Sequence[str] = ()) -> None:
    """Remove an earlier report of mqa, so that it never stands for a run that gave none.

    One of the `inputs` stays, such as a report to judge again. One that cannot be removed is an error of the write.
    """
    with suppress(OSError, ValueError, MqaError):
        path = Path(file).resolve()
        is_other = file != STDOUT and not any(_names_path(one, path) for one in inputs)
        if is_other and path.is_file() and _recognizer(form, group)(path):
            path.unlink()


def _names_path(word: str, path: Path) -> bool:
    """Whether a word of the command line is the path of a file, or ends in it, as in `--set data.x.path=FILE`."""
    parts = (word, word.partition("=")[2], word.rpartition("=")[2])
    return any(part and os.path.realpath(part) == str(path) for part in parts)


def _recognizer(form: str, group: str) -> Callable[[Path], bool]:
    """What tells whether a file is an earlier report of this form, and nothing else."""
    if form == JSON:
        return _is_json_report
    reporter = load_reporter(form, group)
    if isinstance(reporter, AmendingReporter):
        return lambda _: False
    marker = reporter.marker

    def has_marker(file: Path) -> bool:
        with file.open("rb") as stream:
            head = stream.read(MARKER_BYTES)
            stream.seek(max(file.stat().st_size - MARKER_BYTES, 0))
            return marker in head or marker in stream.read(MARKER_BYTES)

    return has_marker


def _amends(form: str, group: str) -> bool:
    """Whether a report of this form is put into a file that keeps what else it has."""
    return form != JSON and isinstance(load_reporter(form, group), AmendingReporter)


def _read_amended(file: str) -> str:
    """What a file has that a report is put into; nothing where there is none. A UsageError where it is no text."""
    with explain_file_errors(file):
        path = Path(file)
        try:
            return path.read_bytes().decode("utf-8") if file != STDOUT and path.is_file() else ""
        except UnicodeDecodeError as error:
            raise UsageError(
                f"`{file}` is no text in UTF-8, and a report is to be put into it", hint="name another file"
            ) from error


def _is_json_report(file: Path) -> bool:
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
