"""Alike: which of some texts say the same as others, word for word or nearly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_data.minhash import candidates
from mqa_data.shingles import jaccard, shingles_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Ints: TypeAlias = npt.NDArray[np.int64]
    Text: TypeAlias = tuple[str, ...]

FIRST, EXACT, NEAR, EMPTY = "first", "exact", "near", "empty"


@dataclass(frozen=True)
class Distinct:
    """The different texts of some rows: `numbers` has each row's, `rows` the rows of each, in their order."""

    texts: Sequence[Text]
    numbers: Sequence[int]
    rows: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Pairs:
    """Pairs of texts with their Jaccard similarity, at least the threshold; `skipped` pairs were not compared."""

    left: Ints
    right: Ints
    similarity: npt.NDArray[np.float64]
    skipped: int

    def by_right(self) -> Mapping[int, tuple[int, float]]:
        """For every text that is on the right of a pair, the most similar of those on the left of it."""
        order = np.lexsort((-self.left, self.similarity))  # the best comes last, and of equal ones the first text
        return {int(self.right[at]): (int(self.left[at]), float(self.similarity[at])) for at in order}

    def by_left(self) -> Mapping[int, tuple[int, float]]:
        """The same of those on the left."""
        return Pairs(self.right, self.left, self.similarity, self.skipped).by_right()


def distinct(texts: Sequence[Text]) -> Distinct:
    """The different texts among some, in the order in which they come first."""
    known: dict[Text, int] = {}
    numbers = [known.setdefault(text, len(known)) for text in texts]
    rows: list[list[int]] = [[] for _ in known]
    for row, number in enumerate(numbers):
        rows[number].append(row)
    return Distinct(list(known), numbers, rows)


def alike(
    texts: Sequence[Text], words: int, threshold: float, rng: np.random.Generator, *, first: int | None = None
) -> Pairs:
    """The pairs of texts whose shingles are at least that similar.

    With `first`, only pairs of one of so many first texts and one of the others. MinHash only proposes pairs; each is
    then compared shingle by shingle.
    """
    shingles = shingles_of(texts, words)
    sides = None if first is None else (np.arange(len(texts)) >= first).astype(np.int64)
    found = candidates(shingles, threshold, rng, sides)
    similarity = jaccard(shingles, found.left, found.right)
    near = similarity >= threshold
    return Pairs(found.left[near], found.right[near], similarity[near], found.skipped)


def is_empty(text: Text) -> bool:
    """Whether there is nothing in any field."""
    return not any(map(str.strip, text))
