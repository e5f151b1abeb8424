"""The problems of a suite: collected, each at its position, and written as text with the line and a caret."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

from mqa_registry.errors import Location, MqaError, Problem, SuiteError
from mqa_registry.options import validate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from mqa_registry.options import Fault, Options
    from mqa_registry.suite.toml import Node

MAX_WIDTH = 100  # characters of a source line that are shown
MAX_BEFORE = 40  # of which before the caret, where the line is longer
INDENT = "    "
ELLIPSIS = "..."


class Diagnostics:
    """The problems found so far, each once."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    def add(self, at: Location, message: str, hint: str = "") -> None:
        self._problems[Problem(message, hint, at)] = None

    def valid_keys(
        self, node: Node, keys: Options, *, owner: str, others: bool = False, hints: Mapping[str, str] | None = None
    ) -> dict[str, Node]:
        """The keys of a table that are valid; adds a problem for every other one.

        Keys that are not in `keys` are problems, unless `others` are allowed. `hints` are for keys that people get
        wrong.
        """
        own = {key: child for key, child in node.tables.items() if not others or key in keys.names}
        faults = validate(keys, {key: child.plain() for key, child in own.items()}, owner=owner, noun="key").faults
        for fault in faults:
            self._add_fault(node, own, _with_hint(fault, hints or {}))
        invalid = {fault.path[0] for fault in faults if fault.path}
        return {key: child for key, child in own.items() if key not in invalid}

    def valid_options(
        self, node: Node, options: Options, nodes: Mapping[str, Node], owner: str, also: tuple[str, ...]
    ) -> Mapping[str, Any] | None:
        """The options of a contribution as its function takes them; None where some are not valid.

        `also` are other keys of the same table, which a misspelt option may have meant.
        """
        plain = {key: child.plain() for key, child in nodes.items()}
        folders = {key: child.base for key, child in nodes.items()}
        valid = validate(options, plain, owner=owner, bases=folders, also=also)
        for fault in valid.faults:
            self._add_fault(node, nodes, fault)
        return None if valid.faults else valid.values

    def _add_fault(self, table: Node, nodes: Mapping[str, Node], fault: Fault) -> None:
        node = nodes[str(fault.path[0])].down(fault.path[1:]) if fault.path else table
        self.add(node.key if fault.at_key else node.at, fault.message, fault.hint)

    def raise_any(self) -> None:
        """SuiteError with all problems, where there are any; those of one file in the order of its lines."""
        if self._problems:
            files = {problem.location.file: None for problem in self._problems if problem.location}
            order = list(files)
            raise SuiteError(sorted(self._problems, key=lambda problem: _sort_key(problem, order)))


def _sort_key(problem: Problem, files: list[str]) -> tuple[int, int, int]:
    at = problem.location
    return (files.index(at.file), at.line, at.column) if at else (-1, 0, 0)


def _with_hint(fault: Fault, hints: Mapping[str, str]) -> Fault:
    key = fault.path[0] if fault.path else ""
    return replace(fault, hint=hints[str(key)]) if key in hints and (fault.at_key or not fault.hint) else fault


def render(problem: Problem) -> str:
    """A problem in plain text of a few lines, without control characters."""
    lines = [f"{_position(problem.location)}{_printable(problem.message)}"]
    if problem.location and problem.location.source:
        lines += [f"{INDENT}{line}".rstrip() for line in _source_and_carets(problem.location)]
    if problem.hint:
        lines.append(f"hint: {_printable(problem.hint)}")
    return "\n".join(lines)


def explain_error(error: MqaError) -> str:
    """What is wrong, where, and what to do about it, in lines of plain text: of a suite, every problem."""
    if isinstance(error, SuiteError):
        return "\n\n".join(map(render, error.problems))
    return render(Problem(error.message, error.hint))


def _position(location: Location | None) -> str:
    if location is None:
        return ""
    if location.file.startswith("--") or not location.line:  # a flag of the command line, a suite in memory: no lines
        return f"{_printable(location.file)}: "
    return f"{_printable(location.file)}:{location.line}:{location.column}: "


def _source_and_carets(location: Location) -> tuple[str, str]:
    """The part of the source line around the position, and carets under it."""
    column = location.column - 1
    start = max(0, column - MAX_BEFORE) if len(location.source) > MAX_WIDTH else 0
    end = start + MAX_WIDTH
    before = _printable(location.source[start:column])
    marked = _printable(location.source[column : min(column + location.width, end)])
    after = _printable(location.source[column + location.width : end])
    ahead, behind = (ELLIPSIS if start else ""), (ELLIPSIS if end < len(location.source) else "")
    carets = " " * _width(ahead + before) + "^" * max(_width(marked), 1)
    return f"{ahead}{before}{marked}{after}{behind}", carets


def _printable(text: str) -> str:
    """Text without anything that moves a cursor, changes a colour, or turns the direction of writing."""
    return "".join(_printable_character(character) for character in text)


def _printable_character(character: str) -> str:
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
