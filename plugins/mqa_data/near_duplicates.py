"""Near-duplicates: which of some texts say the same as others, word for word or nearly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_data.minhash import find_candidate_pairs, make_shingles
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_data.minhash import Shingles

    Ints: TypeAlias = npt.NDArray[np.int64]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Text: TypeAlias = tuple[str, ...]  # the texts of a row, one for each field

EXACT, NEAR, EMPTY = "exact", "near", "empty"
PAIRS_AT_ONCE = 100_000


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


def left_out_remarks(empty: int, skipped: int) -> Iterator[str]:
    """What a comparison left out: rows without text, and pairs that were not compared."""
    if empty:
        yield f"{counted(empty, 'row is without text, and is', 'rows are without text, and are')} ignored"
    if skipped:
        was = "was" if skipped == 1 else "were"
        yield f"{counted(skipped, 'pair')} of very many near-duplicates {was} not compared"


def _nearest(texts: Ints, others: Ints, similarity: Floats) -> Mapping[int, tuple[int, float]]:
    order = np.lexsort((-others, similarity))  # the best comes last, and of equal ones the first text
    return {int(texts[at]): (int(others[at]), float(similarity[at])) for at in order}
