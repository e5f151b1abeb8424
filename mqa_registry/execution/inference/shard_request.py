"""What one backend is asked to predict of one shard, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry.store import split_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from mqa_registry.errors import MqaError
    from mqa_registry.execution.inference.missing_rows import MissingRows
    from mqa_registry.plan import View
    from mqa_registry.store.database import Keys


@dataclass
class ShardRequest:
    """The views of one shard on one backend: the fingerprints of their rows, and the distinct ones among them.

    `table` has the predictions of `distinct`, row by row, where all were in the store. `lost` are the errors of examples
    that could not be predicted.
    """

    views: Mapping[View, Keys]
    distinct: Keys
    table: pa.Table | None
    lost: dict[bytes, MqaError] = field(default_factory=dict)
    missing: MissingRows | None = None  # once it predicts

    @property
    def has_missing(self) -> bool:
        return self.table is None and len(self.distinct) > 0


@dataclass(frozen=True)
class ViewPart:
    """The predictions for the rows of a view in one shard: those of the rows at `kept`, which have one.

    `lost` are the errors of other rows, by their positions. `is_complete` says that there are no further ones.
    """

    table: pa.Table | None
    kept: npt.NDArray[np.int64]
    lost: Mapping[int, MqaError]
    is_complete: bool


def read_part(request: ShardRequest, keys: Keys, positions: npt.NDArray[np.int64], table: pa.Table | None) -> ViewPart:
    """The part of one view: the rows with these keys, of which the distinct ones are at these positions of the table."""
    found = positions[np.searchsorted(request.distinct, keys)]
    kept = np.flatnonzero(found >= 0)
    rest = np.flatnonzero(found < 0)
    names = dict(zip(rest.tolist(), split_keys(keys[rest]), strict=True))
    lost = {row: request.lost[name] for row, name in names.items() if name in request.lost}
    part = table.take(pa.array(found[kept])) if table is not None else None
    return ViewPart(part, kept, lost, is_complete=len(lost) == len(rest))
