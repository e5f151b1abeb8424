"""Where in a TOML text every key and value stands, for texts that tomllib has accepted."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.positions.text import Span

if TYPE_CHECKING:
    from typing import TypeAlias

    from mqa_registry.positions.text import Text

    KeyPath: TypeAlias = tuple[str | int, ...]

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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key and its value stand.

    An item of an array has no key, a table made by a header or by dotted keys no value: the one stands for the other.
    """

    key: Span
    value: Span


def index(text: Text) -> dict[KeyPath, Place]:
    """The place of everything in a text that tomllib has accepted, by its path: keys, and numbers in arrays."""
    return _Index(text.content).places


class _Index:
    """One walk through a text. Every method reads one thing at `at`, and leaves `at` behind it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: dict[KeyPath, Place] = {}
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
            self.places.setdefault(path, Place(part, part))
        path = (*path, last)
        if array:
            self.places.setdefault(path, Place(span, span))
            path = self._next(path)
        self.places[path] = Place(span, span)
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
            self.places.setdefault(table, Place(part, part))
        self._skip(EQUALS)
        path = (*table, last)
        value = self._value(path)
        self.places[path] = Place(span, value)

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
            self.places[item] = Place(value, value)
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
