"""A store with bytes changed at random gives the numbers that were put there, or none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry.store import SqliteStore, join_keys

BACKEND = b"backend-12345678"
KEYS = [number.to_bytes(16, "little") for number in range(200)]
FACTS = {"device": "cpu", "threads": 2}


def filled(folder) -> bytes:
    store = SqliteStore(folder)
    for start in range(0, len(KEYS), 50):
        values = pa.array([float(number) for number in range(start, start + 50)])
        store.put(BACKEND, KEYS[start : start + 50], pa.table({"value": values}))
    store.put_facts(BACKEND, FACTS)
    store.close()
    return (folder / "predictions.sqlite").read_bytes()


@pytest.mark.slow
@pytest.mark.trials(300)
def test_changed_stores(fuzz, tmp_path):
    whole = filled(tmp_path)

    def looked_up():
        store = SqliteStore(tmp_path)
        try:
            places, table = store.get(BACKEND, join_keys(KEYS))
            assert store.get_facts(BACKEND) in ({}, FACTS)
        finally:
            store.close()
        values = np.array(table.column("value") if table is not None else [])
        there = places >= 0
        assert (values[places[there]] == np.flatnonzero(there)).all()

    for content in fuzz.changed([whole], size=4096, binary=True):
        for leftover in tmp_path.glob("predictions.sqlite*"):
            leftover.unlink()
        (tmp_path / "predictions.sqlite").write_bytes(content)
        fuzz.tried(looked_up, content)
