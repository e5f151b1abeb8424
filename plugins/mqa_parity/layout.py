"""Which axes of an output count rows and positions, and so which part of it is a row's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.sampling import Batch, Row

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Layout:
    """Per output whose first axis counts the rows of a batch, its axes that count the batch's positions."""

    axes: Mapping[str, tuple[int, ...]]

    def parts(self, name: str, batch: Batch) -> Iterator[tuple[Row | None, Callable[[Array], Array]]]:
        """What is compared of an output: per row of the data how to cut its valid part out of the whole.

        An output without rows in front, such as one number for a batch, is one part, and no row's.
        """
        if name not in self.axes:
            yield None, np.asarray
            return
        for place, row in enumerate(batch.rows):
            valid = None if batch.valid is None else batch.valid[place]
            yield row, partial(_cut, place, self.axes[name], valid)


def layout_of(seen: Sequence[tuple[Batch, Arrays]]) -> Layout:
    """The layout of outputs, from batches of different numbers of rows and positions with what came of them.

    One batch does not tell: seven logits beside seven tokens are no positions. Where all rows have one length there is
    no padding either.
    """
    rowed = [name for name in seen[0][1] if all(outputs[name].shape[:1] == (len(batch),) for batch, outputs in seen)]
    widths = {batch.valid.shape[1] for batch, _ in seen if batch.valid is not None}
    return Layout({name: _positions(name, seen) if len(widths) > 1 else () for name in rowed})


def _positions(name: str, seen: Sequence[tuple[Batch, Arrays]]) -> tuple[int, ...]:
    """The axes that are as long as the batch is wide, whatever it is."""
    ranks = min(outputs[name].ndim for _, outputs in seen)
    return tuple(
        axis
        for axis in range(1, ranks)
        if all(batch.valid is not None and outputs[name].shape[axis] == batch.valid.shape[1] for batch, outputs in seen)
    )


def _cut(place: int, axes: Sequence[int], valid: npt.NDArray[np.bool_] | None, values: Array) -> Array:
    part = np.asarray(values[place])
    if valid is not None:
        for axis in axes:
            part = np.compress(valid, part, axis=axis - 1)
    return part
