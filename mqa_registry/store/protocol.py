"""What a run needs of a store, whatever it is: a folder on disk, a shared place, or a database that goes with the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.store.database import Keys


class Batch(NamedTuple):
    """Predictions of one backend, a row for each key."""

    backend: bytes
    keys: Sequence[bytes]
    table: pa.Table


class Store(Protocol):
    """Predictions by keys of 16 bytes, and facts of backends.

    In every method, `backend` is the digest of all that a prediction depends on except the example. Each of them may raise
    a StoreUnavailableError; what was stored before it stays.
    """

    def put(self, backend: bytes, keys: Sequence[bytes], table: pa.Table) -> None:
        """Store one batch of predictions, a row for each key: all of it, or nothing."""

    def get(self, backend: bytes, keys: Keys) -> tuple[npt.NDArray[np.int64], pa.Table | None]:
        """The predictions of some keys: for each key its row in the table, or -1; the table is None where none has one.

        A damaged batch counts as missing. It may count as contained until it is repaired.
        """

    def contains(self, backend: bytes, keys: Keys) -> npt.NDArray[np.bool_]:
        """For each key whether a batch of this backend has it; the batches themselves are not read."""

    def repair(self, backend: bytes) -> None:
        """Make `contains` agree with `get` where `get` met damage: what is damaged is dropped.

        It costs nothing where `get` met none, so that it can be called whenever something is missing.
        """

    def put_facts(self, backend: bytes, facts: Mapping[str, Any]) -> None:
        """Store how a backend ran, for the reports of runs that need not run it."""

    def get_facts(self, backend: bytes) -> dict[str, Any]:
        """The facts that were stored of a backend; empty where there are none, or they are damaged."""

    def delete(self, backend: bytes) -> None:
        """Delete the predictions of one backend."""

    def take_pending(self) -> Sequence[Batch]:
        """The batches that were put and are not stored yet. They are the caller's from then on."""

    def close(self) -> None:
        """Store what is pending, and release what is open."""
