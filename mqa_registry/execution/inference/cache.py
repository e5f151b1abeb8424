"""The cache of a run in the store: the predictions of a backend, and how a task truncated examples, by example.

An example is known by its fingerprint. Its key in the store also depends on all else that its value depends on.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.contributions import RunnerFacts
from mqa_registry.observations import BackendRecord, Truncation
from mqa_registry.store import join_keys, split_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.contributions import ModelUnderTest
    from mqa_registry.store import Store
    from mqa_registry.store.database import Keys
    from mqa_registry.suite import Use


class PredictionCache:
    """The predictions of one backend, as far as the store has them.

    `digest` stands for all that the predictions depend on except the example.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.digest = b""
        self._sha256 = ""

    def set_content(self, content: Mapping[str, Any]) -> None:
        """Look predictions up by this from now on: all that they depend on except the example, as JSON has it."""
        text = json.dumps(content, sort_keys=True, default=str).encode()
        self.digest = hashlib.blake2b(text, digest_size=16).digest()
        self._sha256 = hashlib.sha256(text).hexdigest()

    @property
    def record(self) -> BackendRecord:
        """The digest of the backend for reports, and the facts of its runner that were stored."""
        table = {name: fact for name, fact in self._store.get_facts(self.digest).items() if name != "identity"}
        return BackendRecord(f"sha256:{self._sha256}", RunnerFacts.from_table(table))

    def put_facts(self, identity: Mapping[str, str], facts: RunnerFacts) -> None:
        """Store what the backend ran on, for runs that find all predictions in the store."""
        self._store.put_facts(self.digest, {"identity": identity, **facts.to_table()})

    def delete(self) -> None:
        """Delete what the store has."""
        self._store.delete(self.digest)

    def repair(self) -> None:
        """Delete damaged batches that were met, so that what they had is predicted again; cheap where none was."""
        self._store.repair(self.digest)

    def read(self, fingerprints: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        """The predictions of some examples: for each its row in the table, or -1; the table is None where none has one."""
        return self._store.get(self.digest, self._keys(fingerprints))

    def find_missing(self, fingerprints: Keys) -> Keys:
        """Those of these examples without a prediction in the store, in their order."""
        missing: Keys = fingerprints[~self._store.contains(self.digest, self._keys(fingerprints))]
        return missing

    def put(self, fingerprints: Sequence[bytes], table: pa.Table) -> None:
        """Store predictions, one row for each of these examples."""
        self._store.put(self.digest, split_keys(self._keys(join_keys(fingerprints))), table)

    def _keys(self, fingerprints: Keys) -> Keys:
        return _example_keys(self.digest, fingerprints)


class TruncationCache:
    """The full costs of truncated examples, by model and task: a run that encodes nothing reports them too."""

    def __init__(self, store: Store, model_under_test: ModelUnderTest, task: Use) -> None:
        content = {"truncation": 2, "model": model_under_test.model.digest, "task": task.as_table()}
        if model_under_test.fixed_length is not None:
            content["fixed_length"] = model_under_test.fixed_length
        text = json.dumps(content, sort_keys=True, default=str)
        self._store = store
        self._digest = hashlib.blake2b(text.encode(), digest_size=16).digest()

    def put(self, full_costs: Mapping[bytes, int], limit: int | None) -> None:
        """Store the full costs of truncated examples, by fingerprint; `limit` is the cost that they were cut to."""
        keys = _example_keys(self._digest, join_keys([*full_costs]))
        is_new = ~self._store.contains(self._digest, keys)
        if not is_new.any():
            return
        costs = np.array([*full_costs.values()], np.int64)[is_new]
        table = pa.table({"full_cost": costs, "limit": np.full(len(costs), limit or 0, np.int64)})
        self._store.put(self._digest, split_keys(keys[is_new]), table)

    def summarize(self, fingerprints: Keys) -> Truncation | None:
        """How the rows with these fingerprints, one for each, were truncated; None where none was."""
        positions, table = self._store.get(self._digest, _example_keys(self._digest, fingerprints))
        found = positions[positions >= 0]
        if table is None or not len(found):
            return None
        truncated = table.take(pa.array(found))
        longest, limit = (max(truncated.column(name).to_pylist()) for name in ("full_cost", "limit"))
        return Truncation(len(found), len(found) / len(fingerprints), longest, limit)


def _example_keys(digest: bytes, fingerprints: Keys) -> Keys:
    """The keys of examples in the store: hashes of their fingerprints, keyed by a digest."""
    return join_keys([hashlib.blake2b(one, digest_size=16, key=digest).digest() for one in split_keys(fingerprints)])
