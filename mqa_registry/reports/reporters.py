"""Reporters: forms of the report that plugins give, each written to a file, such as a page or a table.

A plugin gives one by an entry point of the group `mqa.reporters`: `html = "mqa_reports:HTML"` makes the option `--html
FILE` of every command that has a report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from mqa_registry.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

    from mqa_registry.reports.report import Report

ENTRY_POINT_GROUP = "mqa.reporters"
REPORTER_NAME = re.compile(r"[a-z][a-z0-9-]*")  # an option of a command line
MARKER_BYTES = 4096  # at the beginning of a file, in which its marker has to be


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """A form of the report in a file.

    `render` gives the content of the file: a report holds all that it may show, so nothing else is read. `marker` stands in the first 4,096 bytes of every file that it writes, and of no other
    file: mqa replaces a file that has it, and any other with `--force` alone.
    """

    render: Callable[[Report], str | bytes]
    marker: bytes


def list_reporters() -> tuple[str, ...]:
    """The names of the reporters that are installed; none is imported."""
    return tuple(_entry_points())


def load_reporter(name: str) -> Reporter:
    """The reporter of this name; a PluginError where it cannot be used."""
    from mqa_registry.plugins import import_plugin

    points = _entry_points()[name]
    distributions = " and ".join(point.dist.metadata["Name"] if point.dist else "unknown" for point in points)
    if len(points) > 1:
        problem = f"{len(points)} distributions give a reporter `{name}`: {distributions}"
        raise PluginError(problem, hint="uninstall all but one")
    reporter, reason = import_plugin(name, points[0].load)
    if not isinstance(reporter, Reporter):
        problem = f"the reporter `{name}` of {distributions} cannot be used"
        hint = f"`pip install --upgrade {distributions}`, or `pip uninstall {distributions}`"
        raise PluginError(f"{problem}: {reason or 'its entry point names no `Reporter`'}", hint=hint)
    return reporter


def render_report(name: str, report: Report) -> bytes:
    """The content of the file that a reporter makes of a report; a ContributionError where the reporter fails."""
    from mqa_registry.boundary import ContributionCall, Contributor

    reporter = load_reporter(name)
    with ContributionCall(Contributor("reporter", name, reporter.render)):
        content = reporter.render(report)
    return content if isinstance(content, bytes) else content.encode("utf-8", errors="backslashreplace")


@cache
def _entry_points() -> Mapping[str, tuple[EntryPoint, ...]]:
    """The entry points of reporters by name, in the order of the alphabet; one that can be no option is left out."""
    by_name: dict[str, tuple[EntryPoint, ...]] = {}
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: (point.name, point.value)):
        if REPORTER_NAME.fullmatch(point.name):
            by_name[point.name] = (*by_name.get(point.name, ()), point)
    return by_name
