"""Candidates: the groups of rows that a search for weak slices tries."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_fairness.columns import is_missing, missing, value_of
from mqa_fairness.numbers import parts_of
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]

MOST_VALUES = 20  # of a column, beyond which its values are no groups
PARTS = 4  # of a number
ROLES = ("id", "target", "cluster")
WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


@dataclass(frozen=True)
class Candidate:
    """A group of rows: what is true of them, in words, of what it is made, and which they are."""

    name: str
    of: tuple[str, ...]
    rows: Bools = field(repr=False)


@dataclass(frozen=True)
class Offer:
    """All candidates, and what was left out, as sentences."""

    candidates: Sequence[Candidate]
    left_out: Sequence[str]


def offer(
    table: pa.Table,
    fields: Sequence[str],
    columns: Sequence[str],
    *,
    max_terms: int,
    halves: Bools,
    min_rows: int,
) -> Offer:
    """The groups by words, lengths and columns that have so many rows, inside and outside, in either half."""
    made: list[Candidate] = []
    left_out: list[str] = []
    for name in fields:
        if _is_text(table.schema.field(name).type):
            texts = [text or "" for text in table.column(name).to_pylist()]
            made += _by_length(name, texts)
            terms, said = _by_term(name, texts, max_terms, 2 * min_rows)
            made += terms
            left_out += said
    for name in columns:
        found = _by_column(name, value_column(table, name))
        made += found
        left_out += [] if found else [f"the column `{name}` has neither numbers nor few values, and was not tried"]
    fit = [each for each in made if has_room(each.rows, halves, min_rows)]
    if len(made) > len(fit):
        left_out.append(
            f"{counted(len(made) - len(fit), 'group has', 'groups have')} too few rows, inside or outside, in one of the halves"
        )
    return Offer(fit, left_out)


def columns_to_try(
    table: pa.Table, fields: Sequence[str], columns: Sequence[str] | None, leave_out: Sequence[str] | None
) -> list[str]:
    """The columns asked for, else all but texts, ids and right answers; a DataError where one is not there."""
    for name in (*(columns or ()), *(leave_out or ())):
        value_column(table, name)
    if columns is None:
        left = (*fields, *ROLES, *copies_of_answers(table))
        columns = [name for name in table.column_names if name not in left]
    return [name for name in dict.fromkeys(columns) if name not in (leave_out or ())]


def copies_of_answers(table: pa.Table) -> list[str]:
    """The columns that say what the right answers say."""
    answers = table.column("target").to_pylist()
    others = (name for name in table.column_names if name not in ROLES)
    return [name for name in others if table.column(name).to_pylist() == answers]


def has_room(rows: Bools, halves: Bools, min_rows: int) -> bool:
    """Whether enough rows of both halves are in a group, and enough are not."""
    counts = [np.count_nonzero(inside & half) for inside in (rows, ~rows) for half in (halves, ~halves)]
    return bool(min(counts) >= min_rows)


def value_column(table: pa.Table, name: str) -> pa.ChunkedArray:
    """A column of that name; a DataError names those there are."""
    value_of(dict.fromkeys(table.column_names), name)
    column = table.column(name)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _by_length(name: str, texts: Sequence[str]) -> Iterator[Candidate]:
    words = np.array([len(text.split()) for text in texts], dtype=np.float64)
    parts = parts_of(words, PARTS)
    for part in np.unique(parts):
        inside = parts == part
        low, high = words[inside].min(), words[inside].max()
        yield Candidate(f"`{name}` has {_span(low, high)} words", (f"{name} length",), inside)


def _by_term(name: str, texts: Sequence[str], most: int, fewest: int) -> tuple[list[Candidate], list[str]]:
    """A group for each of the most frequent words: the rows that have it."""
    words = [set(WORD.findall(text.casefold())) for text in texts]
    counts = Counter(word for row in words for word in row)
    frequent = sorted(
        (word for word, count in counts.items() if count >= fewest), key=lambda word: (-counts[word], word)
    )
    places = {word: place for place, word in enumerate(frequent[:most])}
    table = np.zeros((len(places), len(texts)), dtype=bool)
    for row, found in enumerate(words):
        table[[places[word] for word in found if word in places], row] = True
    rare = len(counts) - len(frequent)
    said = [
        f"{rare:,} {'word' if rare == 1 else 'words'} of `{name}` {'is' if rare == 1 else 'are'} in too few rows, and {'was' if rare == 1 else 'were'} not tried"
    ]
    said += (
        [
            f"{counted(len(frequent) - most, 'less frequent word')} of `{name}` {'was' if len(frequent) - most == 1 else 'were'} not tried"
        ]
        if len(frequent) > most
        else []
    )
    return [
        Candidate(f"`{name}` has \u201c{word}\u201d", (f"{name} word",), table[place]) for word, place in places.items()
    ], said


def _by_column(name: str, column: pa.ChunkedArray) -> list[Candidate]:
    """A group for each value of a column, or for each part of its numbers; nothing where it has neither."""
    if pa.types.is_nested(column.type) or pa.types.is_null(column.type):
        return []
    kinds = pc.count_distinct(column, mode="all").as_py()
    if kinds <= MOST_VALUES:
        values = [None if is_missing(value) else value for value in column.to_pylist()]
        return [
            Candidate(*_named(name, value), np.array([one == value for one in values]))
            for value in dict.fromkeys(values)
        ]
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return []
    numbers = np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), dtype=np.float64)
    return list(_by_number(name, numbers))


def _named(name: str, value: object) -> tuple[str, tuple[str]]:
    said = str(value).lower() if isinstance(value, bool) else str(value)
    return (missing(name) if value is None else f"`{name}` is {said}"), (name,)


def _by_number(name: str, numbers: npt.NDArray[np.float64]) -> Iterator[Candidate]:
    known = np.isfinite(numbers)
    parts = np.full(len(numbers), -1)
    parts[known] = parts_of(numbers[known], PARTS)
    for part in np.unique(parts):
        inside = parts == part
        if part < 0:
            yield Candidate(missing(name), (name,), inside)
        else:
            low, high = numbers[inside].min(), numbers[inside].max()
            yield Candidate(f"`{name}` is {_span(low, high)}", (name,), inside)


def _span(low: float, high: float) -> str:
    return f"{low:.6g} to {high:.6g}" if low < high else f"{low:.6g}"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
