"""The batches that are timed: real rows of the suite's data, encoded once, outside of every timing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Codec, Scene

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Timed:
    """One batch that is timed. `size` is what it costs by the task's measure, tokens or the like, padding included."""

    arrays: Arrays
    rows: int
    size: int


def encoded(scene: Scene, rows: int) -> list[Arrays]:
    """So many rows of a view, drawn without putting back, as far as there are so many; NotRunError where there is none."""
    table = scene.view.rows.table
    if not len(table):
        raise NotRunError("there are no rows to run the model on")
    drawn = scene.rng.choice(len(table), min(rows, len(table)), replace=False)
    assert scene.subject is not None  # a backend that runs a model has one
    examples = table.select(list(scene.view.rows.fields)).take(drawn).to_pylist()
    return list(scene.subject.codec.encode(examples))


def batches(scene: Scene, rows: Sequence[Arrays], size: int) -> list[Timed]:
    """The rows in batches of one size, each row about as often as any other, and none twice in a batch if that can be.

    NotRunError where the model takes one row at a time, and more are asked for.
    """
    if size > 1 and not scene.batching.takes_batches:
        raise NotRunError(scene.batching.reason, hint="time it with `batch = 1`")
    assert scene.subject is not None  # as above
    codec = scene.subject.codec
    count = -(-len(rows) // size)
    places = cycle(range(len(rows)))
    return [_timed(codec, [rows[place] for place in islice(places, size)]) for _ in range(count)]


def _timed(codec: Codec, rows: Sequence[Arrays]) -> Timed:
    return Timed(codec.collate(rows), len(rows), len(rows) * max(codec.size(row) for row in rows))
