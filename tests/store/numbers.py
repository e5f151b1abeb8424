"""Predictions of numbers, put into stores of any kind and read back."""

from __future__ import annotations

import pyarrow as pa

from mqa_registry.store import join_keys

BACKEND, OTHER = b"backend-12345678", b"another-12345678"


def key(number: int) -> bytes:
    return number.to_bytes(16, "little")


def put(store, numbers, backend=BACKEND):
    table = pa.table({"value": pa.array([float(number) for number in numbers])})
    store.put(backend, [key(number) for number in numbers], table)


def got(store, numbers, backend=BACKEND):
    positions, found = store.get(backend, join_keys([key(number) for number in numbers]))
    values = found.column("value").to_pylist() if found else []
    return [None if position < 0 else values[position] for position in positions]


def contained(store, numbers, backend=BACKEND):
    return list(store.contains(backend, join_keys([key(number) for number in numbers])))
