"""A TOML text, and the line and column of every key and value in it.

tomllib does the parsing: `index_positions` is for texts that it has accepted.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from mqa_registry.errors import Location

KeyPath: TypeAlias = tuple[str | int, ...]  # keys of tables and numbers of items, from the top of a file

BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
DOT = re.compile(r"[ \t]*\.[ \t]*")
EQUALS = re.compile(r"[ \t]*=[ \t]*")
SCALAR = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}'''  # up to two quotes may stand right before the closing three
    r"""|'{3}.*?'{3,5}"""
    r'''|"(?:[^"\\]|\\.)*"'''
    r"""|'[^']*'"""
    r"""|\d{4}-\d\d-\d\d[ ]\d\d:[^\s,\]}#]+"""  # a date and time with a space between them
    r"""|[^\s,\]}#]+""",
    re.DOTALL,
)


class Span(NamedTuple):
    """A part of a text, as offsets in characters."""

    start: int
    end: int


class Text:
    """The content of a file, with its lines ready to be pointed at."""

    def __init__(self, file: str, content: str) -> None:
        self.file = file
        self.content = content.replace("\r\n", "\n")  # as tomllib does
        self._lines = self.content.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in self._lines[:-1])]

    def location(self, span: Span) -> Location:
        """The line and column of a stretch of text; where it runs over several lines, of its part in the first."""
        line = bisect_right(self._starts, span.start)
        start, source = self._starts[line - 1], self._lines[line - 1]
        width = min(span.end, start + len(source)) - span.start
        return Location(self.file, line, span.start - start + 1, max(width, 1), source)

    def offset(self, line: int, column: int) -> int:
        """How far into the text a line and a column stand, both counted from 1."""
        return self._starts[line - 1] + column - 1

    def line(self, offset: int) -> Span:
        """The line around this offset, without the space on both its sides."""
        number = bisect_right(self._starts, offset)
        start, source = self._starts[number - 1], self._lines[number - 1]
        return Span(start + len(source) - len(source.lstrip()), start + len(source.rstrip()))


@dataclass(frozen=True, slots=True)
class Position:
    """The spans of a key and of its value.

    An item of an array has no key, a table made by a header or by dotted keys no value: the one stands for the other.
    """

    key: Span
    value: Span


def index_positions(text: Text) -> dict[KeyPath, Position]:
    """The position of every key, value and array item by its path, for a text that tomllib has accepted."""
    return _Scanner(text.content).positions


class _Scanner:
    """One walk through a text. Every method reads one thing at offset `at`, and moves `at` behind it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.positions: dict[KeyPath, Position] = {}
        self._counts: dict[KeyPath, int] = {}  # how many tables each array of tables has so far
        self._document()

    def _document(self) -> None:
        table: KeyPath = ()
        self._skip(BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(BLANK)

    def _header(self) -> KeyPath:
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        *before, (last, span) = self._key()
        path: KeyPath = ()
        for name, part in before:
            path = self._latest((*path, name))
            self.positions.setdefault(path, Position(part, part))
        path = (*path, last)
        if array:
            self.positions.setdefault(path, Position(span, span))
            path = self._next(path)
        self.positions[path] = Position(span, span)
        self.at = self.text.index("]", self.at) + (2 if array else 1)
        return path

    def _next(self, path: KeyPath) -> KeyPath:
        self._counts[path] = self._counts.get(path, 0) + 1
        return self._latest(path)

    def _latest(self, path: KeyPath) -> KeyPath:
        """The table that a header means: of an array of tables, the last so far."""
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _pair(self, table: KeyPath) -> None:
        *before, (last, span) = self._key()
        for name, part in before:
            table = (*table, name)
            self.positions.setdefault(table, Position(part, part))
        self._skip(EQUALS)
        path = (*table, last)
        value = self._value(path)
        self.positions[path] = Position(span, value)

    def _key(self) -> list[tuple[str, Span]]:
        """The parts of a key, dotted or not, up to what follows it."""
        parts = []
        self._skip(BLANK)
        while True:
            span = self._token(KEY)
            parts.append((_plain(self.text[span.start : span.end]), span))
            if not DOT.match(self.text, self.at):
                return parts
            self._skip(DOT)

    def _value(self, path: KeyPath) -> Span:
        start = self.at
        if self.text[start] == "[":
            self._array(path)
        elif self.text[start] == "{":
            self._inline_table(path)
        else:
            return self._token(SCALAR)
        return Span(start, self.at)

    def _array(self, path: KeyPath) -> None:
        count = 0
        while self._more("]"):
            item = (*path, count)
            value = self._value(item)
            self.positions[item] = Position(value, value)
            count += 1

    def _inline_table(self, path: KeyPath) -> None:
        while self._more("}"):
            self._pair(path)

    def _more(self, end: str) -> bool:
        """Step over a bracket or a comma; whether there is anything before the end of the array or table."""
        self._skip(BLANK)
        if self.text[self.at] in "[{,":
            self.at += 1
        self._skip(BLANK)
        if self.text[self.at] != end:
            return True
        self.at += 1
        return False

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()

    def _token(self, pattern: re.Pattern[str]) -> Span:
        match = pattern.match(self.text, self.at)
        assert match is not None  # tomllib has accepted the text
        self.at = match.end()
        return Span(*match.span())


def _plain(key: str) -> str:
    """A part of a key without its quotes and escapes."""
    return next(iter(tomllib.loads(f"{key} = 0"))) if key[0] in "\"'" else key
