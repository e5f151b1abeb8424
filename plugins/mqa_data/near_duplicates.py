"""Near-duplicates: the pairs of texts that share most of their shingles, found by MinHash.

A shingle is a run of so many words; a text is the set of all its shingles. MinHash proposes pairs without comparing every
two texts; each pair is then compared shingle by shingle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_data.text_columns import split_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Ints: TypeAlias = npt.NDArray[np.int64]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Hashes: TypeAlias = npt.NDArray[np.uint64]
    Text: TypeAlias = tuple[str, ...]  # the texts of a row, one for each field

MISS_RATE = 1e-3  # of the pairs just at the threshold
MAX_HASHES = 72
MAX_BUCKET_PAIRS = 10_000  # of the texts in one bucket, beyond which they are only compared with the first of them
MIN_HUBS = 5  # of those first
PAIRS_PER_CHUNK = 100_000


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
        return _find_nearest(self.right, self.left, self.similarity)

    def nearest_right(self) -> Mapping[int, tuple[int, float]]:
        """For every text on the left of a pair, the most similar one on the right of it, with the similarity."""
        return _find_nearest(self.left, self.right, self.similarity)


def find_near_duplicates(
    texts: Sequence[Text], shingle_size: int, threshold: float, rng: np.random.Generator, *, n_first: int | None = None
) -> SimilarPairs:
    """The pairs of texts whose shingles of `shingle_size` words have at least that Jaccard similarity.

    With `n_first`, only pairs of one of the first `n_first` texts and one of the others.
    """
    shingles = make_shingles(texts, shingle_size)
    sides = None if n_first is None else (np.arange(len(texts)) >= n_first).astype(np.int64)
    candidates = find_candidate_pairs(shingles, threshold, rng, sides)
    similarity = jaccard_similarity(shingles, candidates.left, candidates.right)
    is_near = similarity >= threshold
    return SimilarPairs(candidates.left[is_near], candidates.right[is_near], similarity[is_near], candidates.skipped)


@dataclass(frozen=True)
class Shingles:
    """The shingles of some texts: those of text `n` are `values[starts[n]:starts[n + 1]]`, sorted, each once."""

    starts: Ints
    values: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def sizes(self) -> Ints:
        """The number of shingles of each text."""
        return np.diff(self.starts)


def make_shingles(texts: Sequence[Text], shingle_size: int) -> Shingles:
    """Every text's runs of `shingle_size` words; of a shorter text, all its words as one. No run reaches from field to field.

    Shingles are numbered, not hashed: two have one number where they are the same, and nowhere else.
    """
    owners, runs = _number_runs(texts, shingle_size)
    base = runs.max(initial=0) + 1
    owners, values = np.divmod(_sorted_unique(owners * base + runs), base)
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=len(texts)))])
    return Shingles(starts.astype(np.int64), values)


@dataclass(frozen=True)
class CandidatePairs:
    """Pairs of texts that may be similar, each once with the smaller index first; at least `skipped` others may be, too."""

    left: Ints
    right: Ints
    skipped: int = 0


def find_candidate_pairs(
    shingles: Shingles, threshold: float, rng: np.random.Generator, sides: Ints | None = None
) -> CandidatePairs:
    """Pairs that may have at least that similarity; with `sides`, only pairs of texts on different sides.

    The locality-sensitive hashing of Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3. In a bucket
    of many texts each is only compared with the first of them; the pairs that this skips are counted. Texts without shingles are
    in no pair.
    """
    hashed = np.flatnonzero(shingles.sizes > 0)
    bands, rows = choose_bands(threshold)
    pairs, skipped = [np.zeros(0, np.int64)], 0
    for _ in range(bands if len(hashed) > 1 else 0):
        band_pairs, band_skipped = _pairs_in_buckets(_hash_band(shingles, rows, rng), hashed, len(shingles), sides)
        pairs.append(band_pairs)
        skipped = max(skipped, band_skipped)
    left, right = np.divmod(_sorted_unique(np.concatenate(pairs)), max(len(shingles), 1))
    return CandidatePairs(left, right, skipped)


def choose_bands(threshold: float) -> tuple[int, int]:
    """How many bands of how many hashes find a pair of that similarity with a probability of 1 - MISS_RATE.

    A band is the same for both with probability `threshold ** rows`. Longer bands propose fewer pairs in vain.
    """
    best = (MAX_HASHES, 1)
    for rows in range(1, 17):
        match = threshold**rows
        bands = 1 if match >= 1 else math.ceil(math.log(MISS_RATE) / math.log1p(-match))
        if rows * bands <= MAX_HASHES:
            best = (bands, rows)
    return best


def jaccard_similarity(shingles: Shingles, left: Ints, right: Ints) -> Floats:
    """Of each pair of texts, the shared shingles by the shingles of either: 1 for the same, NaN for two without any."""
    from scipy.sparse import csr_array

    sizes = shingles.sizes
    width = int(shingles.values.max(initial=0)) + 1
    ones = np.ones(len(shingles.values), dtype=np.int32)
    table = csr_array((ones, shingles.values, shingles.starts), shape=(len(shingles), width))
    chunks = [slice(start, start + PAIRS_PER_CHUNK) for start in range(0, len(left), PAIRS_PER_CHUNK)]
    shared: list[npt.NDArray[np.int32]] = [
        np.asarray(table[left[chunk]].multiply(table[right[chunk]]).sum(axis=1)) for chunk in chunks
    ]
    both = np.concatenate([np.zeros(0), *shared])
    either = sizes[left] + sizes[right] - both
    similarity: Floats = np.divide(both, either, out=np.full(len(left), np.nan), where=either > 0)
    return similarity


def _find_nearest(texts: Ints, others: Ints, similarity: Floats) -> Mapping[int, tuple[int, float]]:
    order = np.lexsort((-others, similarity))  # the most similar comes last, and of equal ones the first text
    return {int(texts[pair]): (int(others[pair]), float(similarity[pair])) for pair in order}


def _number_runs(texts: Sequence[Text], shingle_size: int) -> tuple[Ints, Ints]:
    """Every run of words of every text: the index of the text, and the number of the run."""
    numbers: dict[str, int] = {}
    flat: list[int] = []
    lengths: list[int] = []
    owners: list[int] = []
    for owner, fields in enumerate(texts):
        for text in fields:
            words = [numbers.setdefault(word, len(numbers) + 1) for word in split_words(text)]
            flat += words
            lengths.append(len(words))
            owners.append(owner)
    ends = np.repeat(np.cumsum(lengths, dtype=np.int64), lengths)
    firsts = ends - np.repeat(np.asarray(lengths, np.int64), lengths)
    positions = np.arange(len(flat))
    runs = _join_runs(np.asarray(flat, np.int64), positions, ends, shingle_size)
    is_whole = (positions + shingle_size <= ends) | (positions == firsts)
    return np.repeat(np.asarray(owners, np.int64), lengths)[is_whole], runs[is_whole]


def _join_runs(flat: Ints, positions: Ints, ends: Ints, shingle_size: int) -> Ints:
    """The number of the run of words that starts at each position; 0 stands for what lies behind a text's end."""
    run = flat
    for step in range(1, shingle_size):
        padded = np.append(flat, np.zeros(shingle_size, np.int64))
        following = np.where(positions + step < ends, padded[positions + step], 0)
        _, run = np.unique(run * (flat.max(initial=0) + 1) + following, return_inverse=True)
    return run.astype(np.int64)


def _hash_band(shingles: Shingles, rows: int, rng: np.random.Generator) -> Hashes:
    """For every text with shingles, the least hash of its shingles under each of `rows` hash functions, as one hash."""
    starts = shingles.starts[:-1][shingles.sizes > 0]
    band = np.zeros(len(starts), np.uint64)
    for salt in rng.integers(2**32, size=rows, dtype=np.uint32):
        hashes = shingles.values.astype(np.uint32)
        hashes ^= salt
        least = np.minimum.reduceat(_mix(hashes), starts)
        band = band * np.uint64(0x9E3779B97F4A7C15) + least  # odd, so that no bit of the others is lost
    return band


def _mix(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Appleby's finalizer of MurmurHash3, in place: a bijection in which every bit depends on every other."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        words ^= words >> np.uint32(shift)
        words *= np.uint32(factor)
    words ^= words >> np.uint32(16)
    return words


def _pairs_in_buckets(band: Hashes, hashed: Ints, n_texts: int, sides: Ints | None) -> tuple[Ints, int]:
    """The pairs of texts with the same hash, as `left * n_texts + right`, and how many were skipped."""
    order = np.argsort(band, kind="stable")
    edges = np.flatnonzero(np.diff(band[order])) + 1
    pairs, skipped = [np.zeros(0, np.int64)], 0
    starts, ends = np.append(0, edges), np.append(edges, len(order))
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        members = hashed[order[start:end]]
        if sides is not None and (sides[members] == sides[members[0]]).all():
            continue
        bucket_pairs, bucket_skipped = _pair_members(members, sides)
        pairs.append(bucket_pairs[:, 0] * n_texts + bucket_pairs[:, 1])
        skipped += bucket_skipped
    return np.concatenate(pairs), skipped


def _pair_members(members: Ints, sides: Ints | None) -> tuple[Ints, int]:
    """Every two of some texts, the smaller index first; of very many only those with one of the first."""
    ones, others = (members, members) if sides is None else (members[sides[members] == 1], members[sides[members] == 0])
    hubs = ones[: max(MIN_HUBS, MAX_BUCKET_PAIRS // len(others))]
    left, right = (grid.ravel() for grid in np.meshgrid(hubs, others, indexing="ij"))
    pairs = np.column_stack([np.minimum(left, right), np.maximum(left, right)])
    skipped = len(ones) - len(hubs)
    if sides is None:
        return pairs[left < right], skipped * (skipped - 1) // 2
    return pairs, skipped * len(others)


def _sorted_unique(numbers: Ints) -> Ints:
    """The distinct numbers, sorted; `np.unique` hashes them, which takes ten times as long for millions."""
    ordered = np.sort(numbers)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered
