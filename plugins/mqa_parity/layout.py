"""Which axis of an output counts rows, and which counts positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.sampling import Batch, Row

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]


@dataclass(frozen=True)
class Layout:
    """`rowed` outputs have the batch's rows in front; of those, `masked` ones have its positions behind them."""

    rowed: frozenset[str]
    masked: frozenset[str]

    def parts(self, name: str, batch: Batch) -> Iterator[tuple[Row | None, Any]]:
        """What is compared of an output: per row of the data where in the array its valid part lies.

        An output without rows in front, such as a similarity of all rows with all, is one part of no row.
        """
        if name not in self.rowed:
            yield None, ...
            return
        for place, row in enumerate(batch.rows):
            if name in self.masked and batch.valid is not None:
                yield row, (place, batch.valid[place])
            else:
                yield row, (place,)


def layout_of(seen: Sequence[tuple[Batch, Arrays]]) -> Layout:
    """The layout of outputs, from batches of different numbers of rows and positions with what came of them.

    One batch does not tell: seven logits beside seven tokens are no positions.
    """
    names = seen[0][1]
    rowed = frozenset(
        name for name in names if all(outputs[name].shape[:1] == (len(batch),) for batch, outputs in seen)
    )
    masked = frozenset(
        name
        for name in rowed
        if all(batch.valid is not None and outputs[name].shape[:2] == batch.valid.shape for batch, outputs in seen)
    )
    return Layout(rowed, masked)
