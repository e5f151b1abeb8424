"""Packing: keys as arrays, and batches of predictions as bytes that vouch for themselves."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Keys: TypeAlias = npt.NDArray[np.bytes_]

KEY_BYTES = 16


def packed(keys: Sequence[bytes], table: pa.Table) -> bytes:
    column = pa.array(keys, pa.binary(KEY_BYTES))
    sink = pa.BufferOutputStream()
    whole = table.append_column("key", column).combine_chunks()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole)
    return bytes(sink.getvalue())


def unpacked(backend: bytes, payload: bytes, digest: bytes) -> pa.Table | None:
    return pa.ipc.open_stream(payload).read_all() if is_sound(backend, payload, digest) else None


def is_sound(backend: bytes, payload: object, digest: object) -> bool:
    return isinstance(payload, bytes) and checksum(backend, payload) == digest


def checksum(backend: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16, key=backend).digest()


def keys_of(table: pa.Table) -> Keys:
    return joined(table.column("key").to_pylist())


def joined(keys: Sequence[bytes]) -> Keys:
    """Keys as an array that compares and sorts quickly."""
    return np.frombuffer(b"".join(keys), dtype=f"S{KEY_BYTES}")


def split(keys: Keys) -> list[bytes]:
    """Keys one by one; numpy itself would drop the zero bytes at a key's end."""
    whole = keys.tobytes()
    return [whole[start : start + KEY_BYTES] for start in range(0, len(whole), KEY_BYTES)]
