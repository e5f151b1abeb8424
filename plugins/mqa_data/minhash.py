"""MinHash: finds texts that may share most of their shingles, without comparing every two of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_data.shingles import once

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_data.shingles import Shingles

    Ints: TypeAlias = npt.NDArray[np.int64]
    Words: TypeAlias = npt.NDArray[np.uint64]

MISSED = 1e-3  # of the pairs just at the threshold, the share that is not found
MOST_HASHES = 72
MOST_PAIRS = 10_000  # of the texts in one bucket, beyond which they are compared with the first of them alone
FEWEST = 5  # of those first


@dataclass(frozen=True)
class Found:
    """Pairs of texts that may be alike, each once with the smaller number first, and at least how many were not looked at."""

    left: Ints
    right: Ints
    skipped: int = 0


def bands_for(threshold: float) -> tuple[int, int]:
    """How many bands of how many hashes find a pair of that similarity with a probability of 1 - MISSED.

    A band is the same for both with probability `threshold ** rows`. Longer bands propose fewer pairs in vain.
    """
    best = (MOST_HASHES, 1)
    for rows in range(1, 17):
        alike = threshold**rows
        bands = 1 if alike >= 1 else math.ceil(math.log(MISSED) / math.log1p(-alike))
        if rows * bands <= MOST_HASHES:
            best = (bands, rows)
    return best


def candidates(shingles: Shingles, threshold: float, rng: np.random.Generator, sides: Ints | None = None) -> Found:
    """Pairs that may have at least that similarity; with `sides`, only pairs of texts on different sides.

    The locality-sensitive hashing of Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3. In a bucket
    of many texts each is compared with the first of them alone; what that skips is counted. Texts without shingles are
    in no pair.
    """
    speaking = np.flatnonzero(shingles.sizes > 0)
    bands, rows = bands_for(threshold)
    pairs, skipped = [np.zeros(0, np.int64)], 0
    for _ in range(bands if len(speaking) > 1 else 0):
        buckets = _band(shingles, rows, rng)
        found, more = _together(buckets, speaking, len(shingles), sides)
        pairs.append(found)
        skipped = max(skipped, more)
    left, right = np.divmod(once(np.concatenate(pairs)), max(len(shingles), 1))
    return Found(left, right, skipped)


def _band(shingles: Shingles, rows: int, rng: np.random.Generator) -> Words:
    """For every text with shingles, the least hash of its shingles under each of so many hash functions, as one word."""
    starts = shingles.starts[:-1][shingles.sizes > 0]
    band = np.zeros(len(starts), np.uint64)
    for salt in rng.integers(2**32, size=rows, dtype=np.uint32):
        hashes = shingles.values.astype(np.uint32)
        hashes ^= salt
        least = np.minimum.reduceat(_mixed(hashes), starts)
        band = band * np.uint64(0x9E3779B97F4A7C15) + least  # odd, so that no bit of the others is lost
    return band


def _mixed(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Appleby's finalizer of MurmurHash3, in place: a bijection in which every bit depends on every other."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        words ^= words >> np.uint32(shift)
        words *= np.uint32(factor)
    words ^= words >> np.uint32(16)
    return words


def _together(buckets: Words, speaking: Ints, count: int, sides: Ints | None) -> tuple[Ints, int]:
    """The pairs of texts in one bucket, as `left * count + right`, and how many were skipped."""
    order = np.argsort(buckets, kind="stable")
    edges = np.flatnonzero(np.diff(buckets[order])) + 1
    pairs, skipped = [np.zeros(0, np.int64)], 0
    starts, ends = np.append(0, edges), np.append(edges, len(order))
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        members = speaking[order[start:end]]
        if sides is not None and (sides[members] == sides[members[0]]).all():
            continue
        found, more = _pairs(members, sides)
        pairs.append(found[:, 0] * count + found[:, 1])
        skipped += more
    return np.concatenate(pairs), skipped


def _pairs(members: Ints, sides: Ints | None) -> tuple[Ints, int]:
    """Every two of some texts, rising; of very many only those with one of the first."""
    ones, others = (members, members) if sides is None else (members[sides[members] == 1], members[sides[members] == 0])
    hubs = ones[: max(FEWEST, MOST_PAIRS // len(others))]
    left, right = (grid.ravel() for grid in np.meshgrid(hubs, others, indexing="ij"))
    different = np.column_stack([np.minimum(left, right), np.maximum(left, right)])[
        left < right if sides is None else ...
    ]
    left_out = len(ones) - len(hubs)
    return different, left_out * (left_out - 1) // 2 if sides is None else left_out * len(others)
