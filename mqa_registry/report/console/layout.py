"""The layout: checks down, backends across where there is room for them, else below one another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.report.console.pen import Pen

_GAP = 2  # between columns
_LABEL = 18  # what the names of checks and their bounds get at least


@dataclass(frozen=True)
class Cell:
    """What one backend answered: the verdict's mark with the estimate, its interval, and the plain value behind it."""

    head: Text
    interval: Text
    value: Text

    def parts(self, *, values: bool) -> list[Text]:
        """What there is to show, with the plain value only where `values` are shown."""
        return [part for part in (self.head, self.interval, self.value if values else Text()) if part]

    @property
    def plain(self) -> str:
        """What it says."""
        return " ".join(part.plain for part in self.parts(values=True))

    @cached_property
    def widths(self) -> dict[bool, int]:
        """What one line takes, without and with values."""
        return {values: sum(part.cell_len + 1 for part in self.parts(values=values)) - 1 for values in (False, True)}

    @cached_property
    def narrowest(self) -> int:
        """What it takes in pieces."""
        return max(part.cell_len for part in (self.head, self.interval, self.value))

    def height(self, width: int, *, values: bool) -> int:
        """How many lines it takes in a column of that width."""
        return 1 if self.widths[values] <= width else len(self.parts(values=values))

    def lines(self, width: int, *, values: bool) -> list[Text]:
        """On one line where that fits, else the interval below the estimate."""
        first, *others = parts = self.parts(values=values)
        if self.height(width, values=values) == 1:
            return [Text(" ").join(parts)]
        return [first, *(Text(" " * min(_GAP, max(width - part.cell_len, 0))) + part for part in others)]


@dataclass(frozen=True)
class Entry:
    """One row of the table: a check or a part of one, its bound, and a cell for each backend that has one."""

    label: Text
    bound: Text
    cells: tuple[Cell | None, ...]
    indent: int = 0

    @cached_property
    def wanted(self) -> int:
        """What the label asks for, to stand on one line with its bound."""
        return self.indent + self.label.cell_len + (_GAP + self.bound.cell_len if self.bound else 0)


@dataclass(frozen=True)
class Note:
    """A remark below a row, over the whole width; `lead` stands before its first line."""

    text: Text
    lead: Text


Item: TypeAlias = Entry | Note


@dataclass(frozen=True)
class Layout:
    """How wide the parts of a row are; without `columns`, every backend has lines of its own below the check."""

    backends: tuple[str, ...]
    label: int
    columns: tuple[int, ...]
    values: bool

    @classmethod
    def fit(cls, entries: Sequence[Entry], backends: tuple[str, ...], pen: Pen) -> Layout:
        """The layout that takes the fewest lines on this console; of equals the one that shows most."""
        cells = [cell for entry in entries for cell in entry.cells if cell]
        least = max((cell.narrowest for cell in cells), default=0)
        widths = {least, *(width for cell in cells for width in cell.widths.values() if width > least)}
        candidates = [
            layout
            for values in (True, False)
            for most in sorted(widths, reverse=True)
            if (layout := _columns(entries, backends, pen, most=most, values=values)).label >= _LABEL
        ]
        below = cls(backends, pen.width, (), values=True)
        return min(candidates, key=lambda layout: layout.lines(entries), default=below)

    def lines(self, entries: Sequence[Entry]) -> int:
        """How many lines the entries take, near enough."""
        total = 0
        for entry in entries:
            cells = zip(entry.cells, self.columns, strict=True)
            heights = [cell.height(width, values=self.values) for cell, width in cells if cell]
            total += max([-(-entry.wanted // self.label), *heights])
        return total

    def heading(self, family: str, pen: Pen) -> list[Text]:
        """The family's name, and the backends' over their columns."""
        names = [pen.data(name, "bold", cells=width) for name, width in zip(self.backends, self.columns, strict=False)]
        title = pen.data(family, "bold", cells=self.label)
        return _beside([[title], *([name] for name in names)], (self.label, *self.columns))


def render(item: Item, layout: Layout, pen: Pen) -> Iterator[Text]:
    """The lines of one row or remark."""
    if isinstance(item, Note):
        yield from pen.wrapped(item.text, pen.width, lead=item.lead, indent=item.lead.cell_len)
    elif layout.columns:
        cells = zip_longest(item.cells, layout.columns)
        blocks = [cell.lines(width, values=layout.values) if cell else [] for cell, width in cells]
        yield from _beside([_label(item, layout, pen), *blocks], (layout.label, *layout.columns))
    else:
        yield from _below(item, layout, pen)


def _columns(entries: Sequence[Entry], backends: tuple[str, ...], pen: Pen, *, most: int, values: bool) -> Layout:
    """Columns as wide as their cells ask for, up to `most`, and what is left for the label, up to what it asks for."""
    wanted = max((entry.wanted for entry in entries), default=0)
    columns = []
    for position, name in enumerate(backends):
        cells = [cell for entry in entries if (cell := entry.cells[position])]
        widest = max([pen.data(name).cell_len, *(cell.widths[values] for cell in cells)])
        columns.append(min(widest, most))
    left = pen.width - sum(columns) - _GAP * len(columns)
    return Layout(backends, min(left, max(wanted, _LABEL)), tuple(columns), values)


def _label(entry: Entry, layout: Layout, pen: Pen) -> list[Text]:
    """The name, and the bound at the right: on the name's last line, or where there is no room, on the next."""
    lines = pen.wrapped(entry.label, layout.label, lead=Text(" " * entry.indent), indent=entry.indent + 2)
    if not entry.bound:
        return lines
    room = layout.label - entry.bound.cell_len
    last = lines.pop() if lines and lines[-1].cell_len + _GAP <= room else Text()
    bounds = pen.wrapped(entry.bound, layout.label)
    return [*lines, *(_padded(last, room) + bounds[0] if room >= 0 else bounds[0],), *bounds[1:]]


def _below(entry: Entry, layout: Layout, pen: Pen) -> Iterator[Text]:
    title = Text("  ").join([part for part in (entry.label, entry.bound) if part])
    yield from pen.wrapped(title, pen.width, lead=Text(" " * entry.indent), indent=entry.indent + 2)
    said: dict[str, tuple[Cell, list[str]]] = {}
    for name, cell in zip(layout.backends, entry.cells, strict=True):
        if cell:
            said.setdefault(cell.plain, (cell, []))[1].append(name)
    most = pen.width // 3
    titles = [Text(", ").join([pen.data(name, "dim", cells=most) for name in alike]) for _, alike in said.values()]
    left = min(max((title.cell_len for title in titles), default=0), most)
    room = pen.width - left - 4 - _GAP
    for title, (cell, _) in zip(titles, said.values(), strict=True):
        names = [Text("    ") + line for line in pen.wrapped(title, left)]
        pieces = cell.lines(room, values=cell.widths[True] <= room)
        yield from _beside([names, [line for piece in pieces for line in pen.wrapped(piece, room)]], (left + 4, room))


def _beside(blocks: Sequence[Sequence[Text]], widths: Sequence[int]) -> list[Text]:
    """Blocks of lines set side by side, without a blank at the end of a line."""
    lines = []
    for parts in zip_longest(*blocks, fillvalue=Text()):
        line = Text()
        for part, width in zip(parts, widths, strict=True):
            line.append_text(_padded(part, width + _GAP))
        line.rstrip()
        lines.append(line)
    return lines


def _padded(text: Text, width: int) -> Text:
    return text + Text(" " * max(width - text.cell_len, 0))
