"""Truncation: how many rows of a data set are longer than what the model takes, and were cut."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry.observations import Truncation
from mqa_registry.store import join_keys, split_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.contributions import ModelUnderTest
    from mqa_registry.store import Store
    from mqa_registry.store.database import Keys
    from mqa_registry.suite import Use


class TruncationStore:
    """The full sizes of truncated examples, kept by model and task, so that a run without an encoder knows them too."""

    def __init__(self, store: Store, model_under_test: ModelUnderTest, task: Use) -> None:
        whole = {"truncation": 1, "model": model_under_test.model.digest, "task": task.as_table()}
        whole |= {} if model_under_test.fixed_length is None else {"fixed_length": model_under_test.fixed_length}
        text = json.dumps(whole, sort_keys=True, default=str)
        self._store = store
        self._digest = hashlib.blake2b(text.encode(), digest_size=16).digest()

    def put(self, full_sizes: Mapping[bytes, int], limit: int | None) -> None:
        """Keep the full sizes of truncated examples, given by fingerprint."""
        keys = self._keys(join_keys([*full_sizes]))
        new = ~self._store.contains(self._digest, keys)
        if not new.any():
            return
        sizes = np.array([*full_sizes.values()], np.int64)[new]
        table = pa.table({"size": sizes, "limit": np.full(len(sizes), limit or 0, np.int64)})
        self._store.put(self._digest, split_keys(keys[new]), table)

    def of(self, fingerprints: Keys) -> Truncation | None:
        """What became of the examples with these fingerprints, one for each row; None where none was cut."""
        places, table = self._store.get(self._digest, self._keys(fingerprints))
        found = places[places >= 0]
        if table is None or not len(found):
            return None
        cut = table.take(pa.array(found))
        longest, limit = (max(cut.column(name).to_pylist()) for name in ("size", "limit"))
        return Truncation(len(found), len(found) / len(fingerprints), longest, limit)

    def _keys(self, fingerprints: Keys) -> Keys:
        return join_keys(
            [hashlib.blake2b(one, digest_size=16, key=self._digest).digest() for one in split_keys(fingerprints)]
        )
