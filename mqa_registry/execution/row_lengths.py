"""Fixed lengths: backends that take rows of so many tokens and no others, for which all backends of a run get such rows."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import check_length
from mqa_registry.contributions import Backend
from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.findings import Finding
from mqa_registry.observations import Failure, Truncation
from mqa_registry.store import join_keys, split_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.contributions import ModelUnderTest
    from mqa_registry.execution.live_backend import LiveBackend
    from mqa_registry.store import Store
    from mqa_registry.store.database import Keys
    from mqa_registry.suite import Use


def fixed_lengths(
    backends: Mapping[str, Use], model_under_test: ModelUnderTest
) -> tuple[dict[str, int], dict[str, Failure]]:
    """The backends that take rows of so many tokens and no others, by name; and why some cannot tell.

    A DataError where two of them take different lengths, which no rows have at once.
    """
    found: dict[str, int] = {}
    failed: dict[str, Failure] = {}
    for name, use in backends.items():
        try:
            length = check_length(
                use.contributor, use.call_method(use.contribution_as(Backend).fixed_length, model_under_test)
            )
        except (ContributionError, NotRunError) as error:
            failed[name] = Failure.of(error)
        else:
            found |= {} if length is None else {name: length}
    if len(set(found.values())) > 1:
        each = " and ".join(f"backend `{name}` takes rows of exactly {length} tokens" for name, length in found.items())
        raise DataError(
            each, hint="all backends of a run are given the same rows: hold each against the model in a run"
        )
    return found, failed


def of_fixed_length(model_under_test: ModelUnderTest, lengths: Mapping[str, int]) -> ModelUnderTest:
    """The model under test whose rows these backends take."""
    return model_under_test.with_length(next(iter(lengths.values()))) if lengths else model_under_test


def length_findings(lengths: Mapping[str, int], live: Mapping[str, LiveBackend]) -> Iterator[Finding]:
    """Which backends all rows were padded or cut for; none where the task did neither."""
    for name, length in lengths.items():
        if name in live and live[name].record.facts.fixed_length == length:
            message = f"it takes rows of exactly {length} tokens: shorter ones are padded and longer ones cut, on every backend"
            yield Finding("note", name, message)


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
