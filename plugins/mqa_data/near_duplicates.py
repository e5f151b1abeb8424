"""Near-duplicates: which of some texts say the same as others, word for word or nearly, and the probes that count them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
from annotated_types import Ge, Le

from mqa_data.minhash import find_candidate_pairs, make_shingles
from mqa_data.text_columns import TextOptions, to_example
from mqa_registry import Evidence, Probe, counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_data.minhash import Shingles

    Ints: TypeAlias = npt.NDArray[np.int64]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Text: TypeAlias = tuple[str, ...]  # the texts of a row, one for each field

EXACT, NEAR, EMPTY = "exact", "near", "empty"  # states of a row; a row in any other repeats none
PAIRS_AT_ONCE = 100_000
MAX_EXAMPLES = 5
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("state", pa.string()),
        ("similarity", pa.float64()),
        ("target", pa.string()),
        ("fields", pa.string()),  # the row's texts, as JSON
        ("other", pa.string()),  # the id of the row that says the same
        ("other_target", pa.string()),
        ("other_fields", pa.string()),
        ("conflict", pa.bool_()),  # whether that row has another label; null where this is not counted
    ]
)


@dataclass(frozen=True, kw_only=True)
class NearDuplicateOptions(TextOptions):
    """When two texts are nearly the same.

    `threshold` is the Jaccard similarity of their shingles from which two texts are nearly the same. `words` is the
    number of words in a shingle, whatever their case and the marks between them.
    """

    threshold: Annotated[float, Ge(0.1), Le(1)] = 0.8
    words: Annotated[int, Ge(1), Le(10)] = 3


class NearDuplicateProbe(Probe[NearDuplicateOptions]):
    """What the probes share that look for rows which say the same as others: they observe a table of SCHEMA."""

    inputs = "rows"
    outputs = ("value", "exact", "near", "conflicts")
    ranges = dict.fromkeys(outputs, (0.0, 1.0))
    text_columns = ("fields", "other_fields")

    def numbers(self, table: pa.Table) -> dict[str, Any]:
        """A score a row: of the rows with text, and for `conflicts` of those where it is counted."""
        states = np.array(table.column("state").to_pylist(), dtype=str)
        states = states[states != EMPTY]
        return {
            "value": np.isin(states, (EXACT, NEAR)),
            "exact": states == EXACT,
            "near": states == NEAR,
            "conflicts": np.array(table.column("conflict").drop_null().to_pylist(), dtype=bool),
        }


@dataclass(frozen=True)
class DistinctTexts:
    """The distinct texts of some rows: `index` has the text of each row, `rows` the rows of each text, in their order."""

    texts: Sequence[Text]
    index: Sequence[int]
    rows: Sequence[Sequence[int]]

    @classmethod
    def of(cls, texts: Sequence[Text]) -> DistinctTexts:
        """The distinct texts in the order in which they come first."""
        numbers: dict[Text, int] = {}
        index = [numbers.setdefault(text, len(numbers)) for text in texts]
        rows: list[list[int]] = [[] for _ in numbers]
        for row, number in enumerate(index):
            rows[number].append(row)
        return cls(list(numbers), index, rows)


@dataclass(frozen=True)
class SimilarPairs:
    """Pairs of texts with their Jaccard similarity, at least the threshold; `skipped` pairs were not compared."""

    left: Ints
    right: Ints
    similarity: Floats
    skipped: int

    def nearest_left(self) -> Mapping[int, tuple[int, float]]:
        """For every text on the right of a pair, the most similar one on the left of it, with the similarity."""
        return _nearest(self.right, self.left, self.similarity)

    def nearest_right(self) -> Mapping[int, tuple[int, float]]:
        """For every text on the left of a pair, the most similar one on the right of it, with the similarity."""
        return _nearest(self.left, self.right, self.similarity)


def find_near_duplicates(
    texts: Sequence[Text], words: int, threshold: float, rng: np.random.Generator, *, first: int | None = None
) -> SimilarPairs:
    """The pairs of texts whose shingles of `words` words have at least that Jaccard similarity.

    With `first`, only pairs of one of the first `first` texts and one of the others. MinHash only proposes pairs; each
    is then compared shingle by shingle.
    """
    shingles = make_shingles(texts, words)
    sides = None if first is None else (np.arange(len(texts)) >= first).astype(np.int64)
    candidates = find_candidate_pairs(shingles, threshold, rng, sides)
    similarity = jaccard_similarity(shingles, candidates.left, candidates.right)
    is_near = similarity >= threshold
    return SimilarPairs(candidates.left[is_near], candidates.right[is_near], similarity[is_near], candidates.skipped)


def jaccard_similarity(shingles: Shingles, left: Ints, right: Ints) -> Floats:
    """Of each pair of texts, the shared shingles by the shingles of either: 1 for the same, NaN for two without any."""
    from scipy.sparse import csr_array

    sizes = shingles.sizes
    width = int(shingles.values.max(initial=0)) + 1
    ones = np.ones(len(shingles.values), dtype=np.int32)
    table = csr_array((ones, shingles.values, shingles.starts), shape=(len(shingles), width))
    shared: list[npt.NDArray[np.int32]] = [
        np.asarray(table[left[at : at + PAIRS_AT_ONCE]].multiply(table[right[at : at + PAIRS_AT_ONCE]]).sum(axis=1))
        for at in range(0, len(left), PAIRS_AT_ONCE)
    ]
    both = np.concatenate([np.zeros(0), *shared])
    either = sizes[left] + sizes[right] - both
    similarity: Floats = np.divide(both, either, out=np.full(len(left), np.nan), where=either > 0)
    return similarity


def is_empty(text: Text) -> bool:
    """Whether there is nothing but white space in every field."""
    return not any(map(str.strip, text))


def report_duplicates(
    remarks: Iterable[str], rows: Sequence[Mapping[str, Any]], *, empty: int, skipped: int
) -> Evidence:
    """Remarks, with those on the rows without text and the pairs that were not compared, and the first rows as examples.

    `rows` are rows of SCHEMA; the example of each has the row that says the same, too.
    """
    examples = [
        to_example(
            row,
            similarity=row["similarity"],
            other=_describe_other(row),
        )
        for row in rows[:MAX_EXAMPLES]
    ]
    return Evidence(remarks=[*remarks, *_remark_on_exclusions(empty, skipped)], examples=examples)


def _describe_other(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row that says the same: its id, its texts where the table has them, and its target."""
    fields = {"fields": json.loads(row["other_fields"])} if row["other_fields"] else {}
    target = {} if row["other_target"] is None else {"target": row["other_target"]}
    return {"id": row["other"]} | fields | target


def _remark_on_exclusions(empty: int, skipped: int) -> Iterator[str]:
    if empty:
        yield f"{counted(empty, 'row is without text, and is', 'rows are without text, and are')} ignored"
    if skipped:
        was = "was" if skipped == 1 else "were"
        yield f"{counted(skipped, 'pair')} of very many near-duplicates {was} not compared"


def _nearest(texts: Ints, others: Ints, similarity: Floats) -> Mapping[int, tuple[int, float]]:
    order = np.lexsort((-others, similarity))  # the best comes last, and of equal ones the first text
    return {int(texts[at]): (int(others[at]), float(similarity[at])) for at in order}
