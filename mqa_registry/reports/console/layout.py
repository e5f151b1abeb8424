"""The layout of the table: checks down, backends across where they fit, else one below the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.reports.console.text import TextBuilder

# In cells.
_GAP = 2  # between columns
_MIN_LABEL = 18  # of the names of checks and their bounds
_INDENT = 4  # of a backend's name below its check


@dataclass(frozen=True)
class Cell:
    """One backend's result: symbol and estimate, the interval, and for a derived number the value behind it."""

    head: Text
    interval: Text
    value: Text

    def parts(self, *, with_value: bool) -> list[Text]:
        """The texts of the cell that are not empty."""
        return [part for part in (self.head, self.interval, self.value if with_value else Text()) if part]

    @property
    def plain(self) -> str:
        """All its words."""
        return " ".join(part.plain for part in self.parts(with_value=True))

    @cached_property
    def widths(self) -> dict[bool, int]:
        """The cells of one line, without (False) and with the value (True)."""
        return {
            with_value: sum(part.cell_len + 1 for part in self.parts(with_value=with_value)) - 1
            for with_value in (False, True)
        }

    @cached_property
    def min_width(self) -> int:
        """The cells of its widest part."""
        return max(part.cell_len for part in (self.head, self.interval, self.value))

    def height(self, width: int, *, with_value: bool) -> int:
        """How many lines it takes in a column of that width."""
        return 1 if self.widths[with_value] <= width else len(self.parts(with_value=with_value))

    def lines(self, width: int, *, with_value: bool) -> list[Text]:
        """On one line where that fits, else the interval below the estimate."""
        first, *others = parts = self.parts(with_value=with_value)
        if self.height(width, with_value=with_value) == 1:
            return [Text(" ").join(parts)]
        return [first, *(Text(" " * min(_GAP, max(width - part.cell_len, 0))) + part for part in others)]


@dataclass(frozen=True)
class Entry:
    """One row of the table: a check or a part of one, its bound, and a cell or None for every backend."""

    label: Text
    bound: Text
    cells: tuple[Cell | None, ...]
    indent: int = 0

    @cached_property
    def label_width(self) -> int:
        """The cells of the label and its bound on one line."""
        return self.indent + self.label.cell_len + (_GAP + self.bound.cell_len if self.bound else 0)


@dataclass(frozen=True)
class Note:
    """A remark below a row, over the whole width; `lead` comes before its first line."""

    text: Text
    lead: Text


Item: TypeAlias = Entry | Note


@dataclass(frozen=True)
class Layout:
    """The widths of a row's label and columns, in cells; without `columns`, backends have lines below the check."""

    backends: tuple[str, ...]
    label: int
    columns: tuple[int, ...]
    with_values: bool

    @classmethod
    def fit(cls, entries: Sequence[Entry], backends: tuple[str, ...], builder: TextBuilder) -> Layout:
        """The layout that takes the fewest lines on this console; of equals the one that shows most."""
        cells = [cell for entry in entries for cell in entry.cells if cell]
        min_width = max((cell.min_width for cell in cells), default=0)
        widths = {min_width, *(width for cell in cells for width in cell.widths.values() if width > min_width)}
        candidates = [
            layout
            for with_values in (True, False)
            for max_width in sorted(widths, reverse=True)
            if (layout := _fit_columns(entries, backends, builder, max_width, with_values=with_values)).label
            >= _MIN_LABEL
        ]
        stacked = cls(backends, builder.width, (), with_values=True)
        return min(candidates, key=lambda layout: layout.count_lines(entries), default=stacked)

    def count_lines(self, entries: Sequence[Entry]) -> int:
        """About how many lines the entries take."""
        total = 0
        for entry in entries:
            cells = zip(entry.cells, self.columns, strict=True)
            heights = [cell.height(width, with_value=self.with_values) for cell, width in cells if cell]
            total += max([-(-entry.label_width // self.label), *heights])
        return total

    def heading(self, family: str, builder: TextBuilder) -> list[Text]:
        """The family's name, and the backends' over their columns."""
        columns = zip(self.backends, self.columns, strict=False)
        names = [builder.quote(name, "bold", cells=width) for name, width in columns]
        title = builder.quote(family, "bold", cells=self.label)
        return _join_blocks([[title], *([name] for name in names)], (self.label, *self.columns))


def render_item(item: Item, layout: Layout, builder: TextBuilder) -> Iterator[Text]:
    """The lines of one row or remark."""
    if isinstance(item, Note):
        yield from builder.wrap_after(item.lead, item.text)
    elif layout.columns:
        cells = zip_longest(item.cells, layout.columns)
        blocks = [cell.lines(width, with_value=layout.with_values) if cell else [] for cell, width in cells]
        yield from _join_blocks([_render_label(item, layout, builder), *blocks], (layout.label, *layout.columns))
    else:
        yield from _render_stacked(item, layout, builder)


def _fit_columns(
    entries: Sequence[Entry], backends: tuple[str, ...], builder: TextBuilder, max_width: int, *, with_values: bool
) -> Layout:
    """Columns as wide as their cells, up to `max_width`, and what is left for the label, up to its own width."""
    label_width = max((entry.label_width for entry in entries), default=0)
    columns = []
    for position, name in enumerate(backends):
        cells = [cell for entry in entries if (cell := entry.cells[position])]
        width = max([builder.quote(name).cell_len, *(cell.widths[with_values] for cell in cells)])
        columns.append(min(width, max_width))
    rest = builder.width - sum(columns) - _GAP * len(columns)
    return Layout(backends, min(rest, max(label_width, _MIN_LABEL)), tuple(columns), with_values)


def _render_label(entry: Entry, layout: Layout, builder: TextBuilder) -> list[Text]:
    """The name, and the bound at the right: on the name's last line, or where it does not fit, on the next."""
    lines = builder.wrap(entry.label, layout.label, lead=Text(" " * entry.indent), indent=entry.indent + 2)
    if not entry.bound:
        return lines
    room = layout.label - entry.bound.cell_len
    last = lines.pop() if lines and lines[-1].cell_len + _GAP <= room else Text()
    bounds = builder.wrap(entry.bound, layout.label)
    return [*lines, *(_pad(last, room) + bounds[0] if room >= 0 else bounds[0],), *bounds[1:]]


def _render_stacked(entry: Entry, layout: Layout, builder: TextBuilder) -> Iterator[Text]:
    """The label and its bound, and below them a line for each backend; those with the same cell share one."""
    title = Text("  ").join([part for part in (entry.label, entry.bound) if part])
    yield from builder.wrap(title, builder.width, lead=Text(" " * entry.indent), indent=entry.indent + 2)
    by_words: dict[str, tuple[Cell, list[str]]] = {}
    for name, cell in zip(layout.backends, entry.cells, strict=True):
        if cell:
            by_words.setdefault(cell.plain, (cell, []))[1].append(name)
    max_width = builder.width // 3
    titles = [
        Text(", ").join([builder.quote(name, "dim", cells=max_width) for name in names])
        for _, names in by_words.values()
    ]
    width = min(max((title.cell_len for title in titles), default=0), max_width)
    room = builder.width - width - _INDENT - _GAP
    for title, (cell, _) in zip(titles, by_words.values(), strict=True):
        names = [Text(" " * _INDENT) + line for line in builder.wrap(title, width)]
        parts = cell.lines(room, with_value=cell.widths[True] <= room)
        lines = [line for part in parts for line in builder.wrap(part, room)]
        yield from _join_blocks([names, lines], (width + _INDENT, room))


def _join_blocks(blocks: Sequence[Sequence[Text]], widths: Sequence[int]) -> list[Text]:
    """The lines of several blocks, each padded to its width, joined into lines without a blank at the end."""
    lines = []
    for parts in zip_longest(*blocks, fillvalue=Text()):
        line = Text()
        for part, width in zip(parts, widths, strict=True):
            line.append_text(_pad(part, width + _GAP))
        line.rstrip()
        lines.append(line)
    return lines


def _pad(text: Text, width: int) -> Text:
    return text + Text(" " * max(width - text.cell_len, 0))
