"""Whether an ONNX file takes every shape that the model takes, and gives the same outputs."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mqa_onnxruntime.export.exporters import dynamic_axes
from mqa_onnxruntime.runtime_errors import first_line
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.export.exporters import Arrays, Axes
    from mqa_registry import Codec, ModelUnderTest

    Array: TypeAlias = npt.NDArray[Any]
    Run: TypeAlias = Callable[[Arrays], Arrays]

Outcome = Literal["agrees", "runs", "differs", "fails", "unsupported", "skipped"]

MAX_LENGTH = 1024  # tokens
TIME_LIMIT = 300.0  # seconds after which the remaining shapes are skipped
BATCH_SIZES = (1, 2, 3, 8)  # tried where all rows have one length
DECODER_PREFIX = "decoder_"  # of the names of a decoder's own inputs in transformers
SHAPES = ((1, 1), (1, 2), (2, 7), (3, 17))  # rows and length


@dataclass(frozen=True)
class ShapeResult:
    """One batch of the sweep.

    `name` is its shape in words. `relative_error` is the largest difference, relative to the largest number of the
    expected output. The outcome is `runs` without a tolerance, `unsupported` where the model itself does not take this
    shape, and `skipped` where the model is too slow for it. `missing_outputs` are the model's outputs that the file does
    not give, `extra_outputs` the file's that the model does not give.
    """

    name: str
    input_shapes: Mapping[str, tuple[int, ...]]
    outcome: Outcome
    relative_error: float | None = None
    reason: str = ""
    missing_outputs: tuple[str, ...] = ()
    extra_outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Agreement:
    """When outputs agree: the tolerance, None for any difference, and the name of a batch's padding mask."""

    tolerance: float | None
    mask: str


def sweep_shapes(
    runs: tuple[Run, Run], model_under_test: ModelUnderTest, rows: Sequence[Arrays], tolerance: float | None
) -> tuple[ShapeResult, ...]:
    """Try one row and many, shortest and longest, odd sizes, and the rows themselves, padded as they are.

    `runs` are the forward passes of the reference and of the file. Without a `tolerance` outputs must be finite and of
    the expected shape.
    """
    until = time.monotonic() + TIME_LIMIT
    return tuple(
        _try_shape(name, make, runs, Agreement(tolerance, model_under_test.codec.padding_mask))
        if time.monotonic() < until
        else ShapeResult(name, {}, "skipped")
        for name, make in _batches(model_under_test, rows)
    )


def takes_another_size(run: Run, batch: Arrays, name: str, axis: int) -> bool:
    """Whether a model runs with one more along an axis of an input, and along equally long axes of other inputs."""
    size = batch[name].shape[axis]
    longer = {
        one: np.take(array, np.arange(size + 1) % size, axis=axis)
        if array.ndim > axis and array.shape[axis] == size
        else array
        for one, array in batch.items()
    }
    try:
        run(longer)
    except Exception:  # so many features, or an image of one size, are the model's own
        return False
    return True


def _batches(model_under_test: ModelUnderTest, rows: Sequence[Arrays]) -> Iterator[tuple[str, Callable[[], Arrays]]]:
    codec = model_under_test.codec
    axes = dynamic_axes(rows, codec.collate(rows))
    longest = max(rows, key=codec.cost)
    yield "the sample", lambda: codec.collate(rows)
    if all(len(one) == 1 for one in axes.values()):
        yield from ((counted(number, "row"), partial(codec.collate, [longest] * number)) for number in BATCH_SIZES)
        return
    limit = min(int(model_under_test.model.about.get("max_positions") or 4 * codec.cost(longest)), MAX_LENGTH)
    for number, length in (*SHAPES, (8, codec.cost(longest)), (1, limit)):
        yield f"{number} x {length}", partial(_make_batch, codec, longest, axes, number, length)


def _make_batch(codec: Codec, row: Arrays, axes: Axes, number: int, length: int) -> Arrays:
    """A batch of `number` rows of this length, made of one row; arrays that the model is not fed stay as they are."""
    fed = {name: _with_length(row[name], axes[name][1:], _length_for(name, length)) for name in axes}
    return codec.collate([{**row, **fed}] * number)


def _length_for(name: str, length: int) -> int:
    """The length of an input; a decoder's is made half as long as the encoder's."""
    return (length + 1) // 2 if name.startswith(DECODER_PREFIX) else length


def _with_length(array: Array, axes: Sequence[int], length: int) -> Array:
    """A row's array, cut or repeated along the axes of no fixed length; those are counted in a batch."""
    for axis in axes:
        array = np.take(array, np.arange(length) % array.shape[axis - 1], axis=axis - 1)
    return array


def _try_shape(name: str, make: Callable[[], Arrays], runs: tuple[Run, Run], agreement: Agreement) -> ShapeResult:
    shapes: dict[str, tuple[int, ...]] = {}
    try:
        batch = make()
        shapes = {name: array.shape for name, array in batch.items()}
        expected = runs[0](batch)
    except Exception as error:
        return ShapeResult(name, shapes, "unsupported", reason=first_line(error))
    try:
        found = runs[1](batch)
    except Exception as error:
        return ShapeResult(name, shapes, "fails", reason=first_line(error))
    return _compare(
        ShapeResult(name, shapes, "runs"), batch.get(agreement.mask), _align_names(expected, found), found, agreement
    )


def _compare(
    shape: ShapeResult, mask: Array | None, expected: Arrays, found: Arrays, agreement: Agreement
) -> ShapeResult:
    """The result with the differences of the file's outputs from the model's."""
    differences = [
        _difference(name, found[name], expected[name], agreement, mask) for name in expected if name in found
    ]
    if not differences:
        names = ", ".join(f"`{name}`" for name in found)
        return replace(shape, outcome="differs", reason=f"its outputs are {names}, and none is one of the model's")
    worst = max(error for error, _ in differences)
    reason = next((reason for _, reason in differences if reason), "")
    good: Outcome = "runs" if agreement.tolerance is None else "agrees"
    return replace(
        shape,
        outcome="differs" if reason else good,
        relative_error=worst if np.isfinite(worst) else None,
        reason=reason,
        missing_outputs=tuple(name for name in expected if name not in found),
        extra_outputs=tuple(name for name in found if name not in expected),
    )


def _align_names(expected: Arrays, found: Arrays) -> Arrays:
    """The expected outputs by the names of the file's, where the model gives as many and names none."""
    nameless = list(expected) == [str(position) for position in range(len(found))]
    return dict(zip(found, expected.values(), strict=True)) if nameless else expected


def _difference(
    name: str, found: Array, expected: Array, agreement: Agreement, mask: Array | None
) -> tuple[float, str]:
    """The relative error of an output, and what is wrong with it, if anything; outputs of padding do not count."""
    if found.shape != expected.shape:
        return np.inf, f"`{name}` has the shape {found.shape}, and should have {expected.shape}"
    if mask is not None and expected.shape[: mask.ndim] == mask.shape:
        found, expected = found[mask.astype(bool)], expected[mask.astype(bool)]
    if not expected.size or not np.issubdtype(expected.dtype, np.number):
        return 0.0, ""
    finite = np.isfinite(expected)
    if not np.array_equal(np.isfinite(found), finite):
        return np.inf, f"`{name}` has NaN or infinity where the expected output has none, or the reverse"
    right = expected[finite].astype(np.float64)
    scale = float(np.abs(right).max(initial=0.0)) or 1.0
    error = float(np.abs(found[finite].astype(np.float64) - right).max(initial=0.0)) / scale
    exceeds = agreement.tolerance is not None and error > agreement.tolerance
    return error, f"`{name}` is off by {error:.2g} of its largest value" if exceeds else ""
