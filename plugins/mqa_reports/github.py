"""GitHub Actions: annotations on the lines of the suite, and the fence that keeps data from acting as commands.

A runner takes a line that begins with `::`, or has `##[` in it, for a command.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry import Verdict, blocks_release, explain_comparison, explain_result, list_checks, make_visible

if TYPE_CHECKING:
    from mqa_registry import CheckResults, Report, Result

MAX_ANNOTATIONS = 10  # of each level that a step shows
MAX_SUMMARY = 1024 * 1024  # bytes of the summary of a step; a larger one is not shown at all
MAX_PAGE = 65_536  # bytes of one report in it
_MAX_MESSAGE = 2_000  # characters
ERROR, WARNING = "error", "warning"


def is_active() -> bool:
    """Whether a runner of GitHub Actions runs the command."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def find_log() -> str | None:
    """The stream that a runner reads commands from, where one does."""
    return "-" if is_active() else None


def find_summary() -> str | None:
    """The file with the summary of the step, where there is one with room for another report."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not (file and is_active()):
        return None
    size = Path(file).stat().st_size if Path(file).exists() else 0
    return file if size <= MAX_SUMMARY - MAX_PAGE else None


def make_fence() -> tuple[str, str]:
    """Lines between which a runner takes no line for a command; nobody can guess the second."""
    token = secrets.token_hex(16)
    return f"::stop-commands::{token}", f"::{token}::"


def render_annotations(report: Report) -> str:
    """An error for every check that keeps the release from passing, and a warning for every other that does not hold.

    Of each level there are as many as a step shows.
    """
    lines: dict[str, list[str]] = {ERROR: [], WARNING: []}
    if report.note:
        lines[ERROR].append(_format_command(ERROR, {"title": f"mqa: {report.verdict}"}, report.note))
    if report.against and report.against.verdict is not Verdict.PASS:
        message = "\n".join(map(make_visible, explain_comparison(report.against)))
        lines[ERROR].append(_format_command(ERROR, {"title": f"mqa: against {report.against.reference}"}, message))
    for check in list_checks(report):
        broken = [one for one in check.results.values() if one.verdict is not Verdict.PASS or blocks_release(one)]
        if broken:
            level = ERROR if any(map(blocks_release, broken)) else WARNING
            lines[level].append(_annotate(level, check, broken))
    return "\n".join(line for level in lines.values() for line in level[:MAX_ANNOTATIONS])


def _annotate(level: str, check: CheckResults, broken: list[Result]) -> str:
    location = check.first_result.location
    properties = {"title": f"{check.title}: {', '.join(Counter(str(one.verdict) for one in broken))}"}
    if location:
        path = _path_in_repository(location.file)
        properties = {"file": path, "line": str(location.line), "col": str(location.column), **properties}
    sentences: dict[str, list[str]] = {}
    for result in broken:
        sentences.setdefault("; ".join(explain_result(result)), []).append(result.backend)
    messages = [
        f"{' and '.join(filter(None, backends))}: {text}".removeprefix(": ") for text, backends in sentences.items()
    ]
    return _format_command(level, properties, "\n".join(map(make_visible, messages)))


def _path_in_repository(file: str) -> str:
    """The path of a file as GitHub names it: relative to the repository's folder, where it is in there."""
    root = os.environ.get("GITHUB_WORKSPACE")
    if not root:
        return file
    try:
        return Path(os.path.realpath(file)).relative_to(os.path.realpath(root)).as_posix()
    except ValueError:  # it lies elsewhere, or is no path
        return file


def _format_command(name: str, properties: dict[str, str], message: str) -> str:
    """One workflow command, in which no data ends the message, a property or the command."""
    listed = ",".join(f"{key}={_escape_property(make_visible(value))}" for key, value in properties.items())
    return f"::{name} {listed}::{_escape_message(message[:_MAX_MESSAGE])}"


def _escape_message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_message(text).replace(":", "%3A").replace(",", "%2C")
