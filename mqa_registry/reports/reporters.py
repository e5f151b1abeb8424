"""Reporters: forms of the report that plugins give, each written to a file, such as a page or a table.

A plugin gives one by an entry point of the group `mqa.reporters`: `html = "mqa_reports:HTML"` makes the option `--html
FILE` of every command that has a report. One of the group `mqa.environment_reporters` is asked for by the environment
that a command runs in, such as a pipeline, and has no option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from mqa_registry.entry_points import list_entry_points
from mqa_registry.errors import MqaError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry.entry_points import EntryPoints
    from mqa_registry.reports.report import Report

FILE_GROUP = "mqa.reporters"
ENVIRONMENT_GROUP = "mqa.environment_reporters"
REPORTER_NAME = re.compile(r"[a-z][a-z0-9-]*")  # an option of a command line
MARKER_BYTES = 4096  # at either end of a file, in which its marker has to be

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """A form of the report in a file.

    `render` gives the content of the file: a report holds all that it may show, so nothing else is read. `marker` stands
    in the first or the last 4,096 bytes of every file that it writes, and of no other file: mqa replaces a file that has
    it, and any other with `--force` alone.
    """

    render: Callable[[Report], str | bytes]
    marker: bytes


@dataclass(frozen=True, kw_only=True)
class AmendingReporter:
    """A form of the report in a file that has other content, too, such as the metadata in the README of a model.

    `amend` gives the new content of the file, from the report and what the file has now, which is empty where there is no
    file. It keeps all that is not the report's: mqa asks for no `--force` to replace a file by that.
    """

    amend: Callable[[Report, str], str]


@dataclass(frozen=True, kw_only=True)
class EnvironmentReporter:
    """A form of the report that the environment of a command asks for, such as a pipeline that runs it.

    `find_target` says whether it does: it gives the file that `render`'s text is appended to, `-` for the stream that a
    person reads, or None. `fence` gives a line before and one after all that a person reads of a report, between which the
    environment takes nothing for a command, whatever the data says.
    """

    render: Callable[[Report], str]
    find_target: Callable[[], str | None]
    fence: Callable[[], tuple[str, str]] | None = None


def list_reporters() -> tuple[str, ...]:
    """The names of the reporters that are installed; none is imported."""
    return tuple(_entry_points(FILE_GROUP))


def load_reporter(name: str) -> Reporter | AmendingReporter:
    """The reporter of this name; a PluginError where it cannot be used."""
    return _load(name, FILE_GROUP, _read_file_reporter)


def find_environment_reporters() -> tuple[dict[str, EnvironmentReporter], list[MqaError]]:
    """The reporters that this environment asks for, by name, and the errors of those that cannot be used."""
    active: dict[str, EnvironmentReporter] = {}
    errors: list[MqaError] = []
    for name in _entry_points(ENVIRONMENT_GROUP):
        try:
            reporter = _load(name, ENVIRONMENT_GROUP, _read_environment_reporter)
            if call_reporter(name, reporter.find_target) is not None:
                active[name] = reporter
        except MqaError as error:
            errors.append(error)
    return active, errors


def _load(name: str, group: str, read: Callable[[object], T]) -> T:
    """What the entry point of this name and group gives; a PluginError where `read` does not take it."""
    from mqa_registry.plugins import load_entry_point

    return load_entry_point(f"reporter `{name}`", _entry_points(group)[name], read)


def _read_file_reporter(given: object) -> Reporter | AmendingReporter:
    if not isinstance(given, Reporter | AmendingReporter):
        raise TypeError(f"its entry point names no `{Reporter.__name__}`")
    return given


def _read_environment_reporter(given: object) -> EnvironmentReporter:
    if not isinstance(given, EnvironmentReporter):
        raise TypeError(f"its entry point names no `{EnvironmentReporter.__name__}`")
    return given


def render_report(name: str, report: Report, earlier: str = "") -> bytes:
    """The content of the file that a reporter makes of a report; a ContributionError where the reporter fails.

    `earlier` is what a file has that the reporter amends.
    """
    reporter = load_reporter(name)
    content: str | bytes
    if isinstance(reporter, AmendingReporter):
        content = call_reporter(name, reporter.amend, report, earlier)
    else:
        content = call_reporter(name, reporter.render, report)
    return content if isinstance(content, bytes) else content.encode("utf-8", errors="backslashreplace")


def call_reporter(name: str, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What a function of a reporter returns; a ContributionError where it fails."""
    from mqa_registry.boundary import ContributionCall, Contributor

    with ContributionCall(Contributor("reporter", name, function)):
        return function(*arguments, **named)


@cache
def _entry_points(group: str) -> EntryPoints:
    """The entry points of reporters by name, in the order of the alphabet; one that can be no option is left out."""
    return list_entry_points(group, REPORTER_NAME)
