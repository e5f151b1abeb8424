"""Batches of any size for a file that takes so many rows at a time, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.interface import PLAIN
from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.interface import Interface

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Execute: TypeAlias = Callable[[list[str], Arrays], Sequence[Array]]


def fixed_rows(session: Any, interface: Interface = PLAIN) -> int | None:
    """The number of rows that a session takes, where all its inputs that have rows have the same fixed number of them."""
    axes = [(node, interface.axis(node)) for node in session.get_inputs() if node.name not in interface.constants]
    numbers = {node.shape[axis] for node, axis in axes if axis is not None and axis < len(node.shape)}
    number = numbers.pop() if len(numbers) == 1 else None
    return number if isinstance(number, int) else None


def in_portions(execute: Execute, names: list[str], feed: Arrays, rows: int) -> list[Array]:
    """The outputs of these names for a batch of any size, run `rows` rows at a time and put together again.

    The last portion is filled up with copies of the last row. Raises a DataError where an output does not have as many
    rows in front, since nobody knows how to put such together.
    """
    size = len(next(iter(feed.values())))
    if size == rows:  # as its users run it, with nothing on top
        return list(execute(names, feed))
    portions = [np.minimum(np.arange(start, start + rows), size - 1) for start in range(0, size, rows)]
    found = [execute(names, {name: array[places] for name, array in feed.items()}) for places in portions]
    return [_joined(name, parts, rows)[:size] for name, parts in zip(names, zip(*found, strict=True), strict=True)]


def _joined(name: str, parts: Sequence[Array], rows: int) -> Array:
    shapes = dict.fromkeys(part.shape for part in parts)
    if any(shape[:1] != (rows,) for shape in shapes) or len({shape[1:] for shape in shapes}) > 1:
        told = " and ".join(str(list(shape)) for shape in list(shapes)[:2])
        raise DataError(
            f"the file takes batches of {rows} alone, and gives `{name}` with the shape {told}:"
            " its answers to a larger batch cannot be put together",
            hint="export it with a dynamic first axis",
        )
    return np.concatenate(parts)
