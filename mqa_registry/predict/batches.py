"""Encodings: equal ones once, sorted by length, ready to be put into batches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.task import Encoded
    from mqa_registry.types import Example


@dataclass(frozen=True)
class Encoding:
    """One distinct encoded row, and the fingerprints of the examples that are encoded so."""

    arrays: Encoded
    size: int
    fingerprints: tuple[bytes, ...]


@dataclass(frozen=True)
class Encodings:
    """The distinct encodings of some examples, the longest first, and the full sizes of those that were truncated."""

    rows: list[Encoding]
    truncated: Mapping[bytes, int]


def encode(codec: Codec, examples: Mapping[bytes, Example]) -> Encodings:
    """The encodings of some examples, given by fingerprint."""
    grouped: dict[bytes, list[bytes]] = {}
    arrays: dict[bytes, Encoded] = {}
    given = list(examples.values())
    encoded = codec.encode(given)
    for fingerprint, row in zip(examples, encoded, strict=True):
        digest = _digest(row)
        grouped.setdefault(digest, []).append(fingerprint)
        arrays[digest] = row
    encodings = [Encoding(arrays[digest], codec.cost(arrays[digest]), tuple(same)) for digest, same in grouped.items()]
    rows = sorted(encodings, key=lambda encoding: (-encoding.size, encoding.fingerprints))
    if codec.limit is None:
        return Encodings(rows, {})
    sizes = zip(examples, codec.full_costs(given, encoded), encoded, strict=True)
    return Encodings(rows, {name: full for name, full, row in sizes if full > _uncut(codec, row)})


def _uncut(codec: Codec, row: Encoded) -> int:
    """The largest full size with which an encoded row is whole; padding to a fixed length is none of a row."""
    return codec.cost(row) if codec.length is None or codec.limit is None else codec.limit


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
