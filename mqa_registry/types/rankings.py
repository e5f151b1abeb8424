"""Rankings: the members of a group in the order of their scores, as tasks predict them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from mqa_registry.types.rows import Example

    Floats = npt.NDArray[np.float64]
    Names = npt.NDArray[np.str_]

MEMBER = "member"


def name_members(example: Example, count: int) -> Names:
    """The names of a group's members, by its field `member`; their numbers from 1 on where it has none."""
    return np.array(example[MEMBER] if MEMBER in example else range(1, count + 1), np.str_)


def make_rankings(scores: Iterable[Floats], names: Iterable[Names]) -> pa.Table:
    """Predictions of schema `ranking` for some rows: the names of each by falling score, and their scores.

    Names with equal scores keep their order. `scores` of a row may be longer than its names: what is too many is padding. A
    row with a score that is no finite number has no prediction.
    """
    ranked = [_rank(values[: len(those)], those) for values, those in zip(scores, names, strict=True)]
    rankings = pa.array([row and row[0] for row in ranked], pa.list_(pa.string()))
    return pa.table(
        {"ranking": rankings, "scores": pa.array([row and row[1] for row in ranked], pa.list_(pa.float64()))}
    )


def _rank(scores: Floats, names: Names) -> tuple[Sequence[str], Sequence[float]] | None:
    if not np.isfinite(scores).all():
        return None
    order = np.argsort(-scores, kind="stable")
    return names[order].tolist(), scores[order].tolist()
