"""Candidates: the groups of rows that a search for weak slices tries."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_fairness.slices.columns import assign_quantiles, check_column, is_missing, missing_group
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]

MAX_VALUES = 20  # of a column, beyond which its values are no groups
QUANTILES = 4  # of a number
ROLES = ("id", "target", "cluster")
WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


@dataclass(frozen=True)
class CandidateSlice:
    """A group of rows: its condition in words, the columns or texts that it is made of, and which rows are in it."""

    name: str
    sources: tuple[str, ...]
    rows: Bools = field(repr=False)


@dataclass(frozen=True)
class Candidates:
    """All candidates, and what was left out, as sentences."""

    slices: Sequence[CandidateSlice]
    left_out: Sequence[str]


def make_candidates(
    table: pa.Table,
    fields: Sequence[str],
    columns: Sequence[str],
    *,
    max_terms: int,
    half: Bools,
    min_rows: int,
) -> Candidates:
    """The groups by words, lengths and columns that have enough rows, inside and outside, in either half."""
    slices: list[CandidateSlice] = []
    left_out: list[str] = []
    for name in fields:
        if _is_text(table.schema.field(name).type):
            texts = [text or "" for text in table.column(name).to_pylist()]
            terms = _slice_by_term(name, texts, max_terms, 2 * min_rows)
            slices += [*_slice_by_length(name, texts), *terms.slices]
            left_out += terms.left_out
    for name in columns:
        found = _slice_by_column(name, read_column(table, name))
        slices += found
        left_out += [] if found else [f"the column `{name}` has neither numbers nor few values, and was not tried"]
    large = [each for each in slices if has_enough_rows(each.rows, half, min_rows)]
    if small := len(slices) - len(large):
        groups = counted(small, "group has", "groups have")
        left_out.append(f"{groups} too few rows, inside or outside, in one of the halves")
    return Candidates(large, left_out)


def select_columns(
    table: pa.Table, fields: Sequence[str], columns: Sequence[str] | None, leave_out: Sequence[str] | None
) -> list[str]:
    """The columns named, else all but texts, ids and targets; raises a DataError where one is not there."""
    for name in (*(columns or ()), *(leave_out or ())):
        check_column(name, table.column_names)
    if columns is None:
        excluded = (*fields, *ROLES, *copies_of_target(table))
        columns = [name for name in table.column_names if name not in excluded]
    return [name for name in dict.fromkeys(columns) if name not in (leave_out or ())]


def copies_of_target(table: pa.Table) -> list[str]:
    """The columns whose values are those of the targets."""
    targets = table.column("target").to_pylist()
    others = (name for name in table.column_names if name not in ROLES)
    return [name for name in others if table.column(name).to_pylist() == targets]


def has_enough_rows(rows: Bools, half: Bools, min_rows: int) -> bool:
    """Whether both halves have at least `min_rows` rows in a group, and as many outside of it."""
    counts = [np.count_nonzero(side & part) for side in (rows, ~rows) for part in (half, ~half)]
    return bool(min(counts) >= min_rows)


def read_column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column by its name, plain where it was dictionary-encoded."""
    column = table.column(name)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _slice_by_length(name: str, texts: Sequence[str]) -> Iterator[CandidateSlice]:
    words = np.array([len(text.split()) for text in texts], dtype=np.float64)
    parts = assign_quantiles(words, QUANTILES)
    for part in np.unique(parts):
        rows = parts == part
        yield CandidateSlice(f"`{name}` has {_format_range(words[rows])} words", (f"{name} length",), rows)


def _slice_by_term(name: str, texts: Sequence[str], max_terms: int, min_rows: int) -> Candidates:
    """A group for each of the most frequent words: the rows that have it."""
    words = [set(WORD.findall(text.casefold())) for text in texts]
    counts = Counter(word for row in words for word in row)
    frequent = sorted(
        (word for word, count in counts.items() if count >= min_rows), key=lambda word: (-counts[word], word)
    )
    index = {word: number for number, word in enumerate(frequent[:max_terms])}
    contains = np.zeros((len(index), len(texts)), dtype=bool)
    for row, found in enumerate(words):
        contains[[index[word] for word in found if word in index], row] = True
    rare = len(counts) - len(frequent)
    is_, was = ("is", "was") if rare == 1 else ("are", "were")
    left_out = [f"{counted(rare, 'word')} of `{name}` {is_} in too few rows, and {was} not tried"]
    if (surplus := len(frequent) - max_terms) > 0:
        was = "was" if surplus == 1 else "were"
        left_out.append(f"{counted(surplus, 'less frequent word')} of `{name}` {was} not tried")
    slices = [
        CandidateSlice(f"`{name}` has \u201c{word}\u201d", (f"{name} word",), contains[number])
        for word, number in index.items()
    ]
    return Candidates(slices, left_out)


def _slice_by_column(name: str, column: pa.ChunkedArray) -> list[CandidateSlice]:
    """A group for each value of a column, or for each quantile of its numbers; none where it has neither."""
    if pa.types.is_nested(column.type) or pa.types.is_null(column.type):
        return []
    if pc.count_distinct(column, mode="all").as_py() <= MAX_VALUES:
        values = [None if is_missing(value) else value for value in column.to_pylist()]
        return [
            CandidateSlice(_name_value(name, value), (name,), np.array([one == value for one in values]))
            for value in dict.fromkeys(values)
        ]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return []
    numbers = np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), dtype=np.float64)
    return list(_slice_by_number(name, numbers))


def _name_value(name: str, value: object) -> str:
    if value is None:
        return missing_group(name)
    return f"`{name}` is {str(value).lower() if isinstance(value, bool) else value}"


def _slice_by_number(name: str, numbers: npt.NDArray[np.float64]) -> Iterator[CandidateSlice]:
    is_known = np.isfinite(numbers)
    parts = np.full(len(numbers), -1)
    parts[is_known] = assign_quantiles(numbers[is_known], QUANTILES)
    for part in np.unique(parts):
        rows = parts == part
        condition = missing_group(name) if part < 0 else f"`{name}` is {_format_range(numbers[rows])}"
        yield CandidateSlice(condition, (name,), rows)


def _format_range(numbers: npt.NDArray[np.float64]) -> str:
    low, high = numbers.min(), numbers.max()
    return f"{low:.6g} to {high:.6g}" if low < high else f"{low:.6g}"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
