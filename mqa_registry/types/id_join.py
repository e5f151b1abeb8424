"""Joins of ids: where each id stands among others, by hashes that are sorted instead of a table of all texts.

What is found is compared letter by letter, so that two ids with one hash cost time and change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.types.blocks import iter_blocks, one_array, take_values
from mqa_registry.types.ids import hash_texts

if TYPE_CHECKING:
    import numpy.typing as npt

    Positions: TypeAlias = npt.NDArray[np.int64]

FEW_IDS = 1 << 12  # that are looked for by themselves


def match_ids(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> Positions:
    """Per id its position in a column of others, of which none stands twice; -1 where it is not there."""
    if len(ids) <= FEW_IDS or not len(among):
        return _find_few(ids, among)
    hashes = np.concatenate([hash_texts(block) for block in iter_blocks(among)])
    order = np.argsort(hashes)
    hashes = hashes[order]
    if (hashes[1:] == hashes[:-1]).any():  # two ids with one hash, about once in a billion tables of a million rows
        return _match_texts(ids, among)
    found = np.empty(len(ids), dtype=np.int64)
    start = 0
    for block in iter_blocks(ids):
        wanted = hash_texts(block)
        sequence = np.argsort(wanted)  # neighbours are looked up one after the other, which is several times as fast
        nearest = np.minimum(np.searchsorted(hashes, wanted[sequence]), len(hashes) - 1)
        positions = np.empty(len(block), dtype=np.int64)
        positions[sequence] = np.where(hashes[nearest] == wanted[sequence], order[nearest], -1)
        known = np.flatnonzero(positions >= 0)
        if not block.take(pa.array(known)).equals(one_array(take_values(among, positions[known]))):
            return _match_texts(ids, among)
        found[start : start + len(block)] = positions
        start += len(block)
    return found


def _find_few(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> Positions:
    """The same for a few ids, with no table of the others."""
    found = np.full(len(ids), -1)
    wanted = one_array(ids)
    start = 0
    for block in iter_blocks(among):
        numbers = pc.index_in(block, wanted)
        known = np.flatnonzero(numbers.is_valid().to_numpy(zero_copy_only=False))
        found[numbers.take(pa.array(known)).to_numpy()] = start + known
        start += len(block)
    first = np.asarray(pc.index_in(wanted, wanted).to_numpy(), dtype=np.int64)  # of an id that is asked for twice
    return np.asarray(found[first], dtype=np.int64)


def _match_texts(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> Positions:
    found = pc.fill_null(pc.index_in(ids, among.combine_chunks()), -1)
    return np.asarray(found.to_numpy(), dtype=np.int64)
