"""Details of a result by their shape: plain values, tables and histograms, whatever plugin they are of.

A list of tables, or a table of tables by name, is a table; where its rows have a number by a name of DRAWN, that is drawn,
with a line at the number `allowed` that they share. A table with `edges` and `counts` is a histogram, in the `unit` that it
names. All else is text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mqa_registry import format_number
from mqa_reports.html.examples import format_plain
from mqa_reports.html.plots import Plot, draw_bars, draw_histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

DRAWN = ("ratio", "error", "share", "count")  # columns that are drawn, the first of them that all rows have
MAX_ROWS = 100  # of a table
_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class DetailTable:
    """A table of details with its header, and the plot of one of its columns, if any; `hidden` rows are left out."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    plot: Plot | None = None
    hidden: int = 0


@dataclass(frozen=True)
class Details:
    """The details of one result: plain values by name, and tables."""

    values: Sequence[tuple[str, str]]
    tables: Sequence[DetailTable] = field(default_factory=list)


def arrange_details(details: Mapping[str, Any]) -> Details:
    """Details by their shape; a table that holds tables is taken apart, and its parts have its name before theirs."""
    values: list[tuple[str, str]] = []
    tables: list[DetailTable] = []
    for name, value in _flatten(details, ""):
        table = _make_table(name, value)
        if table is not None:
            tables.append(table)
        elif value not in ([], {}, ""):
            values.append((name, format_plain(value)))
    return Details(values, tables)


def _flatten(details: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in details.items():
        name = f"{prefix}{key}".replace("_", " ")
        is_leaf = not isinstance(value, Mapping) or _is_histogram(value) or _records_by_name(value) is not None
        if is_leaf:
            yield name, value
        else:
            yield from _flatten(value, f"{name}: ")


def _make_table(title: str, value: Any) -> DetailTable | None:
    if _is_histogram(value):
        return _make_histogram(title, value)
    records = _records_by_name(value) if isinstance(value, Mapping) else _records(value)
    if not records:
        return None
    columns = list(dict.fromkeys(name for record in records for name in record))
    rows = [[_format_cell(record.get(name)) for name in columns] for record in records[:MAX_ROWS]]
    plot = draw_bars(title, *_choose_column(columns, records[:MAX_ROWS]))
    return DetailTable(title, columns, rows, plot, max(0, len(records) - MAX_ROWS))


def _make_histogram(title: str, value: Mapping[str, Any]) -> DetailTable:
    unit = str(value.get("unit", ""))
    edges, counts = value["edges"], value["counts"]
    rows = [
        [f"{format_number(low)} to {format_number(high)}", format_number(count)]
        for (low, high), count in zip(pairwise(edges), counts, strict=True)
    ]
    return DetailTable(title, [unit or "from, to", "count"], rows, draw_histogram(title, edges, counts, unit))


def _is_histogram(value: Any) -> bool:
    if not isinstance(value, Mapping) or not {"edges", "counts"} <= value.keys():
        return False
    edges, counts = value["edges"], value["counts"]
    is_numeric = all(isinstance(part, Sequence) and all(map(_is_number, part)) for part in (edges, counts))
    return is_numeric and len(edges) == len(counts) + 1 > 1


def _records(value: Any) -> list[Mapping[str, Any]] | None:
    """The rows of a list of tables; None for anything else."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        return None
    return list(value) if all(isinstance(row, Mapping) for row in value) else None


def _records_by_name(value: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The rows of a table of tables, each with its name; None for anything else."""
    inner = list(value.values())
    if inner and all(
        isinstance(row, Mapping) and any(isinstance(one, _SCALARS) for one in row.values()) for row in inner
    ):
        return [{"name": name, **row} for name, row in value.items()]
    return None


def _choose_column(
    columns: Sequence[str], records: Sequence[Mapping[str, Any]]
) -> tuple[str, Sequence[tuple[str, float]], float | None]:
    """The name of the column to draw, a name and a number of each row, and the number that is allowed, if they share one."""
    column = next((name for name in DRAWN if all(_is_number(record.get(name)) for record in records)), "")
    if not column or not columns or column == columns[0]:
        return "", (), None
    allowed = {float(record["allowed"]) for record in records if _is_number(record.get("allowed"))}
    points = [(format_plain(record.get(columns[0])), float(record[column])) for record in records]
    return column, points, allowed.pop() if len(allowed) == 1 else None


def _format_cell(value: Any) -> str:
    return format_plain(value) if isinstance(value, _SCALARS) else json.dumps(value, ensure_ascii=False, default=str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
