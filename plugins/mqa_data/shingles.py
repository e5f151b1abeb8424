"""Shingles: a text as the set of all runs of so many words in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_data.said import words_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shingles:
    """The shingles of some texts: those of text `n` are `values[starts[n]:starts[n + 1]]`, sorted, each once."""

    starts: Ints
    values: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Ints:
        return np.diff(self.starts)


def shingles_of(texts: Sequence[tuple[str, ...]], words: int) -> Shingles:
    """Every text's runs of `words` words; of a shorter one, all its words as one. Fields do not run into each other.

    Shingles are numbered, not hashed: two have one number where they are the same, and nowhere else.
    """
    owners, runs = _numbered(texts, words)
    pairs = once(owners * (runs.max(initial=0) + 1) + runs)
    owners, values = np.divmod(pairs, runs.max(initial=0) + 1)
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(texts)))])
    return Shingles(starts.astype(np.int64), values)


def jaccard(shingles: Shingles, left: Ints, right: Ints) -> npt.NDArray[np.float64]:
    """Of each pair of texts, how many of the shingles of either both have: 1 for the same, NaN for two without any."""
    from scipy.sparse import csr_array

    sizes = shingles.sizes
    width = int(shingles.values.max(initial=0)) + 1
    ones = np.ones(len(shingles.values), dtype=np.int32)
    table = csr_array((ones, shingles.values, shingles.starts), shape=(len(shingles), width))
    shared: list[npt.NDArray[np.int32]] = [
        np.asarray(table[left[at : at + _STEP]].multiply(table[right[at : at + _STEP]]).sum(axis=1))
        for at in range(0, len(left), _STEP)
    ]
    both = np.concatenate([np.zeros(0), *shared])
    either = sizes[left] + sizes[right] - both
    found: npt.NDArray[np.float64] = np.divide(both, either, out=np.full(len(left), np.nan), where=either > 0)
    return found


def once(numbers: Ints) -> Ints:
    """The different numbers among some, sorted; `np.unique` hashes them, which takes ten times as long for millions."""
    ordered = np.sort(numbers)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


_STEP = 100_000  # pairs compared at a time


def _numbered(texts: Sequence[tuple[str, ...]], words: int) -> tuple[Ints, Ints]:
    """Every run of words of every text: whose it is, and its number."""
    numbers: dict[str, int] = {}
    flat: list[int] = []
    lengths: list[int] = []
    owners: list[int] = []
    for owner, fields in enumerate(texts):
        for text in fields:
            found = [numbers.setdefault(word, len(numbers) + 1) for word in words_in(text)]
            flat += found
            lengths.append(len(found))
            owners.append(owner)
    ends = np.repeat(np.cumsum(lengths, dtype=np.int64), lengths)
    firsts = ends - np.repeat(np.asarray(lengths, np.int64), lengths)
    places = np.arange(len(flat))
    run = _runs(np.asarray(flat, np.int64), places, ends, words)
    whole = (places + words <= ends) | (places == firsts)
    return np.repeat(np.asarray(owners, np.int64), lengths)[whole], run[whole]


def _runs(flat: Ints, places: Ints, ends: Ints, words: int) -> Ints:
    """The number of the run of words that starts at each place; 0 stands for what lies behind a text's end."""
    run = flat
    for step in range(1, words):
        following = np.where(places + step < ends, np.append(flat, np.zeros(words, np.int64))[places + step], 0)
        _, run = np.unique(run * (flat.max(initial=0) + 1) + following, return_inverse=True)
    return run.astype(np.int64)
