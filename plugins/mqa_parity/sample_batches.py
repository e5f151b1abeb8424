"""Encoded rows in padded batches, and which part of a batch's output belongs to which row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mqa_registry import OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Codec

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Bools: TypeAlias = npt.NDArray[np.bool_]

Result = TypeVar("Result")

MAX_BATCH_ROWS = 8
DECODER_PREFIX = "decoder_"  # transformers begins the names of a decoder's inputs so


@dataclass(frozen=True)
class Row:
    """One encoded row of the data. `size` is its cost in the codec's unit, `text` its string fields as JSON.

    `tokens` is its length without padding; None if it has no tokens.
    """

    id: str
    arrays: Arrays
    size: int
    text: str
    tokens: int | None = None


@dataclass(frozen=True)
class Batch:
    """Rows that run together. `valid`, shape (rows, positions), is false at padding; None if there is no mask."""

    rows: tuple[Row, ...]
    arrays: Arrays
    valid: Bools | None = None

    def __len__(self) -> int:
        return len(self.rows)


def collate(codec: Codec, rows: Sequence[Row]) -> Batch:
    """Rows as one batch, padded to the longest."""
    arrays = codec.collate([row.arrays for row in rows])
    mask = np.asarray(arrays.get(codec.padding_mask, 0))
    return Batch(tuple(rows), arrays, mask != 0 if mask.ndim == 2 else None)


def run_within_memory(run: Callable[[int], Result], batch_rows: int = MAX_BATCH_ROWS) -> Result:
    """The result of `run` with so many rows in a batch; with half as many, and so on, each time memory runs out."""
    while True:
        try:
            return run(batch_rows)
        except OutOfMemoryError:
            if batch_rows == 1:
                raise
            batch_rows //= 2


def make_batches(codec: Codec, rows: Sequence[Row], budget: int, batch_rows: int = MAX_BATCH_ROWS) -> Iterator[Batch]:
    """The first row alone, then all others in their order, in batches that mix lengths and so contain padding.

    A batch costs `budget` at most, padding included, unless it is of one row.
    """
    yield collate(codec, rows[:1])
    pending: list[Row] = []
    for row in rows[1:]:
        longest = max(row.size for row in [*pending, row])
        if pending and (len(pending) == batch_rows or longest * (len(pending) + 1) > budget):
            yield collate(codec, pending)
            pending = []
        pending.append(row)
    if pending:
        yield collate(codec, pending)


def make_single_row_batches(codec: Codec, rows: Sequence[Row], batches: Sequence[Batch]) -> list[Batch]:
    """The longest row and one of median length, each alone, unless `batches` have them so: users send one row."""
    ordered = sorted(rows, key=lambda row: row.size)
    present = {batch.rows[0].id for batch in batches if len(batch) == 1}
    chosen = {row.id: row for row in (ordered[-1], ordered[len(ordered) // 2]) if row.id not in present}
    return [collate(codec, [row]) for row in chosen.values()]


def make_two_row_batches(codec: Codec, rows: Sequence[Row], batches: Sequence[Batch], batch_rows: int) -> list[Batch]:
    """The two smallest rows together, where every row is so large that it has a batch for itself.

    A file may mix the rows of a batch, which no batch of one row shows.
    """
    if batch_rows == 1 or len(rows) == 1 or any(len(batch) > 1 for batch in batches):
        return []
    return [collate(codec, sorted(rows, key=lambda row: row.size)[:2])]


def make_layout_batches(codec: Codec, rows: Sequence[Row], batches: Sequence[Batch]) -> list[Batch]:
    """Batches of different numbers of rows and positions, from which `infer_layout` tells the axes of an output.

    The first row is among them without its padding, since rows that were padded beforehand all have one width. A row
    whose decoder inputs are shorter or longer than its mask is among them alone.
    """
    uneven = next((row for row in rows if _has_other_decoder_length(codec, row)), None)
    more = [] if uneven is None else [collate(codec, [uneven])]
    return [collate(codec, [_strip_padding(codec, rows[0])]), *batches[:2], *more]


def _has_other_decoder_length(codec: Codec, row: Row) -> bool:
    lengths = [len(array) for name, array in row.arrays.items() if name.startswith(DECODER_PREFIX) and array.ndim]
    return codec.padding_mask in row.arrays and any(
        length != np.size(row.arrays[codec.padding_mask]) for length in lengths
    )


def find_valid_positions(codec: Codec, arrays: Arrays) -> Bools | None:
    """Which positions of one encoded row are not padding; None without a mask."""
    mask = np.asarray(arrays.get(codec.padding_mask, 0))
    return mask != 0 if mask.ndim == 1 else None


def _strip_padding(codec: Codec, row: Row) -> Row:
    """A row cut to its valid positions, in every list of tokens that is as long as the mask, but a decoder's."""
    valid = find_valid_positions(codec, row.arrays)
    if valid is None or valid.all() or not valid.any():
        return row
    lists = {name for name, array in row.arrays.items() if array.shape == valid.shape and array.dtype.kind in "biu"}
    cut = {name for name in lists if not name.startswith(DECODER_PREFIX)}
    return replace(row, arrays={name: a[valid] if name in cut else a for name, a in row.arrays.items()})


def cut_to_length(codec: Codec, row: Row, model: Row) -> Row | None:
    """A row with as many positions as `model`, padded alike; None where it has fewer, or arrays of other shapes."""
    target, own = (find_valid_positions(codec, one.arrays) for one in (model, row))
    masks = None if target is None or own is None else (target, own)
    if masks is not None and np.count_nonzero(masks[1]) < np.count_nonzero(masks[0]):
        return None
    arrays: dict[str, Array] = {}
    for name, like in model.arrays.items():
        cut = _cut_array(row.arrays[name], like, masks)
        if cut is None:
            return None
        arrays[name] = cut
    return replace(row, arrays=arrays)


def _cut_array(array: Array, like: Array, masks: tuple[Bools, Bools] | None) -> Array | None:
    """An array in the form of another; None where its shape does not allow that.

    `masks` are the valid positions of the other's row and of this one's, where both rows have a mask.
    """
    if masks is not None and (like.shape, array.shape) == (masks[0].shape, masks[1].shape):
        target, own = masks
        cut = like.copy()
        cut[target] = array[own][: np.count_nonzero(target)]
        return cut
    if like.ndim and like.shape[1:] == array.shape[1:] and len(array) >= len(like):
        return array[: len(like)]
    return array if like.shape == array.shape else None


@dataclass(frozen=True)
class OutputLayout:
    """The axes that count the batch's positions, for each output whose first axis counts the rows of a batch."""

    axes: Mapping[str, tuple[int, ...]]

    def row_slices(self, name: str, batch: Batch) -> Iterator[tuple[Row | None, Callable[[Array], Array]]]:
        """Each row of a batch, with a function that cuts the row's valid part out of an output.

        An output without a row axis, such as one number for a batch, is one part, with None for its row.
        """
        if name not in self.axes:
            yield None, np.asarray
            return
        for index, row in enumerate(batch.rows):
            valid = None if batch.valid is None else batch.valid[index]
            yield row, partial(_slice_row, index, self.axes[name], valid)


def infer_layout(runs: Sequence[tuple[Batch, Arrays]]) -> OutputLayout:
    """The layout of outputs, from batches of different numbers of rows and positions and their outputs.

    One batch is not enough: with seven tokens, an axis of seven logits would look like positions. Where all rows have
    one length there is no padding to cut, and no axis counts positions.
    """
    by_row = [name for name in runs[0][1] if all(outputs[name].shape[:1] == (len(batch),) for batch, outputs in runs)]
    widths = {batch.valid.shape[1] for batch, _ in runs if batch.valid is not None}
    return OutputLayout({name: _find_position_axes(name, runs) if len(widths) > 1 else () for name in by_row})


def _find_position_axes(name: str, runs: Sequence[tuple[Batch, Arrays]]) -> tuple[int, ...]:
    """The axes that have the width of every batch."""
    rank = min(outputs[name].ndim for _, outputs in runs)
    return tuple(
        axis
        for axis in range(1, rank)
        if all(batch.valid is not None and outputs[name].shape[axis] == batch.valid.shape[1] for batch, outputs in runs)
    )


def _slice_row(index: int, axes: Sequence[int], valid: Bools | None, values: Array) -> Array:
    part = np.asarray(values[index])
    if valid is not None:
        for axis in axes:
            part = np.compress(valid, part, axis=axis - 1)
    return part
