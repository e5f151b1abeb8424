"""The search for weak slices: groups of rows are made and tried on one half of the rows.

Those that look worst there are confirmed on the other half: see `weak_slice_accuracy`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_fairness.column_slices import assign_quantiles, check_column, is_missing, name_missing_group
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]

MAX_VALUES = 20  # of a column, beyond which its values are no groups
QUANTILES = 4  # of a number
ROLES = ("id", "target", "cluster")
WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
MAX_CROSSED = 40  # candidates, those that look worst, of which every two are crossed
MAX_CONFIRMED = 20  # candidates that are tested on the other half
LOOKS_WEAK = 1.645  # standard errors: one chance in twenty
SAME_ROWS = 0.8  # Jaccard similarity of the rows of two candidates from which they are one finding


@dataclass(frozen=True)
class Split:
    """The rows split in two halves: `searched` are those on which slices are sought, the others are held out.

    A slice needs `min_rows` rows of either half, and as many outside of it.
    """

    searched: Bools
    min_rows: int

    @classmethod
    def draw(cls, n_rows: int, min_rows: int, rng: np.random.Generator) -> Split:
        """Two halves at random."""
        searched = np.zeros(n_rows, dtype=bool)
        searched[rng.permutation(n_rows)[: n_rows // 2]] = True
        return cls(searched, min_rows)

    def has_enough_rows(self, inside: Bools) -> bool:
        """Whether a slice, given by the rows inside of it, has enough in both halves, and outside of it as many."""
        counts = [
            np.count_nonzero(side & half) for side in (inside, ~inside) for half in (self.searched, ~self.searched)
        ]
        return bool(min(counts) >= self.min_rows)


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


@dataclass(frozen=True)
class SearchResult:
    """The candidates to be confirmed, those that look worst first, and how many candidates the search tried."""

    candidates: Sequence[CandidateSlice]
    n_candidates: int
    near_duplicates: int  # left out, as a worse one has nearly the same rows
    surplus: int  # left out, as MAX_CONFIRMED were found before


def select_columns(
    table: pa.Table, fields: Sequence[str], columns: Sequence[str] | None, excluded: Sequence[str] | None
) -> list[str]:
    """The columns named, else all but texts, ids and targets; raises a DataError where one is not there."""
    for name in (*(columns or ()), *(excluded or ())):
        check_column(name, table.column_names)
    if columns is None:
        no_slices = {*fields, *ROLES, *find_target_copies(table)}
        columns = [name for name in table.column_names if name not in no_slices]
    return [name for name in dict.fromkeys(columns) if name not in (excluded or ())]


def find_target_copies(table: pa.Table) -> list[str]:
    """The columns whose values are those of the targets."""
    targets = table.column("target").to_pylist()
    others = (name for name in table.column_names if name not in ROLES)
    return [name for name in others if table.column(name).to_pylist() == targets]


def make_candidates(
    table: pa.Table, fields: Sequence[str], columns: Sequence[str], split: Split, *, max_terms: int
) -> Candidates:
    """The groups by words, lengths and columns that have enough rows, inside and outside, in either half."""
    slices: list[CandidateSlice] = []
    left_out: list[str] = []
    for name in fields:
        if _is_text(table.schema.field(name).type):
            texts = [text or "" for text in table.column(name).to_pylist()]
            terms = _slice_by_term(name, texts, max_terms, 2 * split.min_rows)
            slices += [*_slice_by_length(name, texts), *terms.slices]
            left_out += terms.left_out
    for name in columns:
        groups = _slice_by_column(name, _read_column(table, name))
        slices += groups
        left_out += [] if groups else [f"the column `{name}` has neither numbers nor few values, and was not tried"]
    large = [each for each in slices if split.has_enough_rows(each.rows)]
    if small := len(slices) - len(large):
        too_small = counted(small, "group has", "groups have")
        left_out.append(f"{too_small} too few rows, inside or outside, in one of the halves")
    return Candidates(large, left_out)


def search_weak_slices(candidates: Sequence[CandidateSlice], correct: Bools, split: Split) -> SearchResult:
    """The candidates whose accuracy on one half of the rows is lower than elsewhere by more than chance easily makes it.

    Every two of those that look worst are tried together as well, and found only where they look worse than either.
    """
    half = split.searched
    singles = [(standardized_gap(each.rows[half], correct[half]), each) for each in candidates]
    worst = sorted(singles, key=_rank_key)[:MAX_CROSSED]
    crosses = [
        (standardized_gap(cross.rows[half], correct[half]), cross, max(one, two))
        for index, (one, first) in enumerate(worst)
        for two, second in worst[index + 1 :]
        if (cross := _cross(first, second)) and split.has_enough_rows(cross.rows)
    ]
    weak = [*singles, *((gap, cross) for gap, cross, parents in crosses if gap > parents)]
    weak = sorted((pair for pair in weak if pair[0] > LOOKS_WEAK), key=_rank_key)
    weakest: list[CandidateSlice] = []
    near_duplicates = surplus = 0
    for _, each in weak:
        if any(_has_same_rows(each, other) for other in weakest):
            near_duplicates += 1
        elif len(weakest) == MAX_CONFIRMED:
            surplus += 1
        else:
            weakest.append(each)
    return SearchResult(weakest, len(singles) + len(crosses), near_duplicates, surplus)


def standardized_gap(inside: Bools, correct: Bools) -> float:
    """By how many pooled standard errors the accuracy inside a slice lies below that outside; 0 where there is none."""
    n, rows = np.count_nonzero(inside), len(correct)
    share = np.count_nonzero(correct) / rows
    error = np.sqrt(share * (1 - share) * (1 / n + 1 / (rows - n)))
    low, high = np.count_nonzero(correct & inside) / n, np.count_nonzero(correct & ~inside) / (rows - n)
    return float((high - low) / error) if error else 0.0


def _read_column(table: pa.Table, name: str) -> pa.ChunkedArray:
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
    for row, row_words in enumerate(words):
        contains[[index[word] for word in row_words if word in index], row] = True
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
        return name_missing_group(name)
    return f"`{name}` is {str(value).lower() if isinstance(value, bool) else value}"


def _slice_by_number(name: str, numbers: npt.NDArray[np.float64]) -> Iterator[CandidateSlice]:
    is_known = np.isfinite(numbers)
    parts = np.full(len(numbers), -1)
    parts[is_known] = assign_quantiles(numbers[is_known], QUANTILES)
    for part in np.unique(parts):
        rows = parts == part
        condition = name_missing_group(name) if part < 0 else f"`{name}` is {_format_range(numbers[rows])}"
        yield CandidateSlice(condition, (name,), rows)


def _format_range(numbers: npt.NDArray[np.float64]) -> str:
    low, high = numbers.min(), numbers.max()
    return f"{low:.6g} to {high:.6g}" if low < high else f"{low:.6g}"


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _rank_key(pair: tuple[float, CandidateSlice]) -> tuple[float, int, str]:
    gap, candidate = pair
    return -gap, len(candidate.sources), candidate.name


def _cross(first: CandidateSlice, second: CandidateSlice) -> CandidateSlice | None:
    """The rows of both; None where they are two values of one source."""
    if first.sources == second.sources and not first.sources[0].endswith(" word"):
        return None
    name = " and ".join(sorted([first.name, second.name]))
    return CandidateSlice(name, first.sources + second.sources, first.rows & second.rows)


def _has_same_rows(one: CandidateSlice, other: CandidateSlice) -> bool:
    both = np.count_nonzero(one.rows & other.rows)
    return bool(both >= SAME_ROWS * np.count_nonzero(one.rows | other.rows))
