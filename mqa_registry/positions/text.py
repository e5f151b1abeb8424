"""A TOML text that can be pointed into."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

from mqa_registry.errors import Location


class Span(NamedTuple):
    """A stretch of text, as offsets in characters."""

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
