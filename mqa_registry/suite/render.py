"""A problem as text: where, what, the line, a caret under it, and what to do."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry.errors import Location, Problem

WIDEST = 100  # characters of a source line that are shown
BEFORE = 40  # of which before the caret, where the line is longer
INDENT = "    "
CUT = "..."


def render(problem: Problem) -> str:
    """A problem in plain text of a few lines, without control characters."""
    lines = [f"{_where(problem.location)}{_safe(problem.message)}"]
    if problem.location and problem.location.source:
        lines += [f"{INDENT}{line}".rstrip() for line in _pointed(problem.location)]
    if problem.hint:
        lines.append(f"hint: {_safe(problem.hint)}")
    return "\n".join(lines)


def _where(location: Location | None) -> str:
    if location is None:
        return ""
    if location.file.startswith("--"):  # a flag of the command line, which has no lines
        return f"{location.file}: "
    return f"{_safe(location.file)}:{location.line}:{location.column}: "


def _pointed(location: Location) -> tuple[str, str]:
    """The part of the source line around the place, and carets under it."""
    column = location.column - 1
    start = max(0, column - BEFORE) if len(location.source) > WIDEST else 0
    end = start + WIDEST
    before = _safe(location.source[start:column])
    marked = _safe(location.source[column : min(column + location.width, end)])
    after = _safe(location.source[column + location.width : end])
    ahead, behind = (CUT if start else ""), (CUT if end < len(location.source) else "")
    carets = " " * _width(ahead + before) + "^" * max(_width(marked), 1)
    return f"{ahead}{before}{marked}{after}{behind}", carets


def _safe(text: str) -> str:
    """Text without anything that moves a cursor, changes a colour, or turns the direction of writing."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return INDENT
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _width(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
