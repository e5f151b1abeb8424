"""Batches: equal encodings once, sorted by length, packed to a budget of tokens."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.subject import Encoded
    from mqa_registry.data import Example

MOST_ROWS = 512  # in one batch, however short the rows


@dataclass(frozen=True)
class Encoding:
    """One distinct encoded row, and the fingerprints of the examples that are encoded so."""

    arrays: Encoded
    size: int
    fingerprints: tuple[bytes, ...]


def encode(codec: Codec, examples: Mapping[bytes, Example]) -> list[Encoding]:
    """The distinct encodings of some examples, given by fingerprint, the longest first."""
    grouped: dict[bytes, list[bytes]] = {}
    arrays: dict[bytes, Encoded] = {}
    for fingerprint, row in zip(examples, codec.encode(list(examples.values())), strict=True):
        digest = _digest(row)
        grouped.setdefault(digest, []).append(fingerprint)
        arrays[digest] = row
    encodings = [Encoding(arrays[digest], codec.size(arrays[digest]), tuple(same)) for digest, same in grouped.items()]
    return sorted(encodings, key=lambda encoding: (-encoding.size, encoding.fingerprints))


def packed(encodings: Sequence[Encoding], budget: int) -> Iterator[Sequence[Encoding]]:
    """Batches of at most `budget` tokens, padding included, from encodings sorted by size, the longest first."""
    start = 0
    while start < len(encodings):
        rows = max(1, min(MOST_ROWS, budget // max(1, encodings[start].size)))
        yield encodings[start : start + rows]
        start += rows


def only(encodings: Iterable[Encoding], wanted: set[bytes]) -> list[Encoding]:
    """The encodings of wanted examples, with the other fingerprints taken off."""
    kept = []
    for encoding in encodings:
        fingerprints = tuple(fingerprint for fingerprint in encoding.fingerprints if fingerprint in wanted)
        if fingerprints:
            kept.append(Encoding(encoding.arrays, encoding.size, fingerprints))
    return kept


def _digest(row: Encoded) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(row):
        array = np.ascontiguousarray(row[name])
        digest.update(f"{name}{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.digest()
