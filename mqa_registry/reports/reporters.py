"""Reporters and trackers: what plugins make of a report, such as a page, a table, or a run of an experiment tracker.

A plugin gives one by an entry point. `html = "mqa_reports:HTML"` in the group `mqa.reporters` makes the option `--html
FILE` of every command that has a report, in the group `mqa.comparison_reporters` that of `mqa compare`. A tracker's group
is `mqa.trackers`. One of the group `mqa.environment_reporters` is asked for by the environment that a command runs in,
such as a pipeline, and has no option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from mqa_registry.entry_points import list_entry_points
from mqa_registry.errors import MqaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mqa_registry.entry_points import EntryPoints
    from mqa_registry.reports.report import Report

REPORTS = "mqa.reporters"
COMPARISONS = "mqa.comparison_reporters"
ENVIRONMENTS = "mqa.environment_reporters"
TRACKERS = "mqa.trackers"
NAME = re.compile(r"[a-z][a-z0-9-]*")  # an option of a command line
MARKER_BYTES = 4096  # at either end of a file, in which its marker has to be

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Reporter(Generic[T]):
    """A form in a file of what a command shows: of a `Report`, or of the `RunComparison` of `mqa compare`.

    `render` gives the content of the file: a report holds all that it may show, so nothing else is read. `marker` stands
    in the first or the last 4,096 bytes of every file that it writes, and of no other file: mqa replaces a file that has
    it, and any other with `--force` alone.
    """

    render: Callable[[T], str | bytes]
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


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """A tool that keeps the numbers of many runs, to compare them over time.

    `publish` adds a report to what it keeps at an address, such as a URI or a folder: all that it sends is in the report.
    The same report again is the same run there. `requires` names the packages of an extra that it imports.
    """

    publish: Callable[[Report, str], None]
    requires: tuple[str, ...] = ()


def list_names(group: str) -> tuple[str, ...]:
    """The names of what is installed of a group; none is imported."""
    return tuple(_entry_points(group))


def load_reporter(name: str, group: str = REPORTS) -> Reporter[Any] | AmendingReporter:
    """The reporter of this name, of reports or of comparisons; a PluginError where it cannot be used."""
    kinds: tuple[type[Reporter[Any] | AmendingReporter], ...] = (Reporter,)
    return _load("reporter", name, group, (*kinds, AmendingReporter) if group == REPORTS else kinds)


def load_tracker(name: str) -> Tracker:
    """The tracker of this name; a PluginError where it cannot be used."""
    return _load("tracker", name, TRACKERS, (Tracker,))


def find_environment_reporters() -> tuple[dict[str, EnvironmentReporter], list[MqaError]]:
    """The reporters that this environment asks for, by name, and the errors of those that cannot be used."""
    active: dict[str, EnvironmentReporter] = {}
    errors: list[MqaError] = []
    for name in list_names(ENVIRONMENTS):
        try:
            reporter = _load("reporter", name, ENVIRONMENTS, (EnvironmentReporter,))
            if call_reporter(name, reporter.find_target) is not None:
                active[name] = reporter
        except MqaError as error:
            errors.append(error)
    return active, errors


def render(name: str, value: Any, group: str = REPORTS, *, earlier: str = "") -> bytes:
    """The content of the file that a reporter makes of a report or a comparison; a ContributionError where it fails.

    `earlier` is what a file has that the reporter amends.
    """
    reporter = load_reporter(name, group)
    content: str | bytes
    if isinstance(reporter, AmendingReporter):
        content = call_reporter(name, reporter.amend, value, earlier)
    else:
        content = call_reporter(name, reporter.render, value)
    return content if isinstance(content, bytes) else content.encode("utf-8", errors="backslashreplace")


def publish(name: str, report: Report, address: str) -> None:
    """Add a report to what a tracker keeps at an address; an MqaError where a package is missing, or the tracker fails."""
    from mqa_registry.boundary import ContributionCall, Contributor
    from mqa_registry.extras import install_command, missing_packages

    tracker = load_tracker(name)
    for package in missing_packages(tracker.requires):
        problem = f"`--{name}` requires the package `{package}`, which is not installed"
        raise UsageError(problem, hint=install_command(package))
    with ContributionCall(Contributor("tracker", name, tracker.publish)):
        tracker.publish(report, address)


def call_reporter(name: str, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """What a function of a reporter returns; a ContributionError where it fails."""
    from mqa_registry.boundary import ContributionCall, Contributor

    with ContributionCall(Contributor("reporter", name, function)):
        return function(*arguments, **named)


def _load(what: str, name: str, group: str, kinds: tuple[type[T], ...]) -> T:
    """What the entry point of this name and group has; a PluginError where that is of none of these kinds."""
    from mqa_registry.plugins import load_entry_point

    def check(value: object) -> T:
        if not isinstance(value, kinds):
            raise TypeError(f"its entry point names no `{kinds[0].__name__}`")
        return value

    return load_entry_point(f"{what} `{name}`", _entry_points(group)[name], check)


@cache
def _entry_points(group: str) -> EntryPoints:
    """The entry points of a group by name; one that can be no option is left out."""
    return list_entry_points(group, NAME)
