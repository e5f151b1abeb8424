"""Batching: how rows are put into batches, so that the batch of a row does not change its prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

Rule: TypeAlias = Literal["padded", "equal length", "single"]
Row = TypeVar("Row")

MAX_ROWS = 512  # in one batch, however short the rows


@dataclass(frozen=True)
class Batching:
    """How rows are put into batches, the same for every backend of a run.

    `padded`: rows of any lengths, padded to the longest. `equal length`: rows whose arrays have the same shapes, so that
    nothing is padded. `single`: one row at a time. `reason` is what was measured of the reference, where the rule is not
    `padded`; `takes_batches` is false where the model does not run several rows at all.
    """

    rule: Rule = "padded"
    reason: str = ""
    takes_batches: bool = True

    def batches(
        self, rows: Sequence[Row], budget: int, *, size: Callable[[Row], int], shape: Callable[[Row], Hashable]
    ) -> Iterator[Sequence[Row]]:
        """Batches of at most `budget`, padding included, unless a row alone is larger.

        `rows` are sorted by `size`, the largest first; `shape` tells the rows apart that would have to be padded.
        """
        for group in self._groups(rows, shape):
            start = 0
            while start < len(group):
                count = 1 if self.rule == "single" else max(1, min(MAX_ROWS, budget // max(1, size(group[start]))))
                yield group[start : start + count]
                start += count

    def _groups(self, rows: Sequence[Row], shape: Callable[[Row], Hashable]) -> Iterable[Sequence[Row]]:
        if self.rule != "equal length":
            return [rows]
        groups: dict[Hashable, list[Row]] = {}
        for row in rows:
            groups.setdefault(shape(row), []).append(row)
        return groups.values()


def shapes(encoded: Mapping[str, npt.NDArray[Any]]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The shape of every array of an encoded row: rows with the same shapes are batched without padding."""
    return tuple((name, encoded[name].shape) for name in sorted(encoded))
