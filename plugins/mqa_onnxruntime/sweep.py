"""Whether an ONNX file takes every shape that the model takes, and answers alike."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mqa_onnxruntime.exporting import dynamic_axes
from mqa_onnxruntime.reasons import told
from mqa_registry import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.arrays import Arrays
    from mqa_onnxruntime.exporting import Axes
    from mqa_registry import Codec, Subject

    Array: TypeAlias = npt.NDArray[Any]
    Run: TypeAlias = Callable[[Arrays], Arrays]

Outcome = Literal["agrees", "runs", "differs", "fails", "refused", "untried"]

LONGEST = 1024  # positions
PATIENCE = 300.0  # seconds after which the shapes that are left stay untried
ROWS = (1, 2, 3, 8)  # where rows have one length
DECODER = "decoder_"  # what transformers has the names of a decoder's own inputs begin with
ODD = ((1, 1), (1, 2), (2, 7), (3, 17))  # rows and length


@dataclass(frozen=True)
class Shape:
    """One batch of the sweep. `error` is the largest difference, over the largest number of the right answer.

    `runs`: nobody said how far it may be off. `refused`: the model itself does not take this shape. `untried`: the
    model is too slow for it. `lost` are the model's outputs that the file does not give, `unheld` the file's that there
    are none of the model's for.
    """

    what: str
    inputs: Mapping[str, tuple[int, ...]]
    outcome: Outcome
    error: float | None = None
    reason: str = ""
    lost: tuple[str, ...] = ()
    unheld: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """When two answers agree: how far one may be off, and which array of a batch says what is padding."""

    tolerance: float | None
    mask: str


def sweep(
    runs: tuple[Run, Run], subject: Subject, rows: Sequence[Arrays], tolerance: float | None
) -> tuple[Shape, ...]:
    """One row and many, shortest and longest, odd sizes, and the rows themselves, padded as they are.

    `runs` are the reference's and the file's. Without a `tolerance` answers must be finite and of the right shape, no
    more.
    """
    until = time.monotonic() + PATIENCE
    return tuple(
        _shape(what, make, runs, Rule(tolerance, subject.codec.mask))
        if time.monotonic() < until
        else Shape(what, {}, "untried")
        for what, make in _batches(subject, rows)
    )


def takes_another_size(run: Run, batch: Arrays, name: str, axis: int) -> bool:
    """Whether a model runs with one more along an axis of an input, and along those of other inputs that are as long."""
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


def _batches(subject: Subject, rows: Sequence[Arrays]) -> Iterator[tuple[str, Callable[[], Arrays]]]:
    codec = subject.codec
    axes = dynamic_axes(rows, codec.collate(rows))
    longest = max(rows, key=codec.size)
    yield "the sample", lambda: codec.collate(rows)
    if all(len(one) == 1 for one in axes.values()):
        yield from ((counted(number, "row"), partial(codec.collate, [longest] * number)) for number in ROWS)
        return
    most = min(int(subject.model.about.get("positions") or 4 * codec.size(longest)), LONGEST)
    for number, length in (*ODD, (8, codec.size(longest)), (1, most)):
        yield f"{number} x {length}", partial(_batch, codec, longest, axes, number, length)


def _batch(codec: Codec, row: Arrays, axes: Axes, number: int, length: int) -> Arrays:
    """So many rows of this length, made of one; an array that the model is not fed stays as it is."""
    fed = {name: _of_length(row[name], axes[name][1:], _length_of(name, length)) for name in axes}
    return codec.collate([{**row, **fed}] * number)


def _length_of(name: str, length: int) -> int:
    """What a decoder has said so far need not be as long as what it was asked."""
    return (length + 1) // 2 if name.startswith(DECODER) else length


def _of_length(array: Array, axes: Sequence[int], length: int) -> Array:
    """A row's array, cut or repeated along the axes of no fixed length; those are counted in a batch."""
    for axis in axes:
        array = np.take(array, np.arange(length) % array.shape[axis - 1], axis=axis - 1)
    return array


def _shape(what: str, make: Callable[[], Arrays], runs: tuple[Run, Run], rule: Rule) -> Shape:
    shapes: dict[str, tuple[int, ...]] = {}
    try:
        batch = make()
        shapes = {name: array.shape for name, array in batch.items()}
        wanted = runs[0](batch)
    except Exception as error:
        return Shape(what, shapes, "refused", reason=told(error))
    try:
        found = runs[1](batch)
    except Exception as error:
        return Shape(what, shapes, "fails", reason=told(error))
    return _compared(Shape(what, shapes, "runs"), batch.get(rule.mask), _by_name(wanted, found), found, rule)


def _compared(shape: Shape, mask: Array | None, wanted: Arrays, found: Arrays, rule: Rule) -> Shape:
    """The same, with what comes of holding the file's outputs against the model's."""
    differences = [_difference(name, found[name], wanted[name], rule, mask) for name in wanted if name in found]
    if not differences:
        names = ", ".join(f"`{name}`" for name in found)
        return replace(shape, outcome="differs", reason=f"its outputs are {names}, and none is one of the model's")
    worst = max(error for error, _ in differences)
    reason = next((reason for _, reason in differences if reason), "")
    good: Outcome = "runs" if rule.tolerance is None else "agrees"
    return replace(
        shape,
        outcome="differs" if reason else good,
        error=worst if np.isfinite(worst) else None,
        reason=reason,
        lost=tuple(name for name in wanted if name not in found),
        unheld=tuple(name for name in found if name not in wanted),
    )


def _by_name(wanted: Arrays, found: Arrays) -> Arrays:
    """The right answers by the names of the file's outputs, where the model gives as many and names none."""
    nameless = list(wanted) == [str(place) for place in range(len(found))]
    return dict(zip(found, wanted.values(), strict=True)) if nameless else wanted


def _difference(name: str, found: Array, wanted: Array, rule: Rule, mask: Array | None) -> tuple[float, str]:
    """How far an output is off, and what is wrong with it; what a model makes of padding is nobody's answer."""
    if found.shape != wanted.shape:
        return np.inf, f"`{name}` has the shape {found.shape}, and should have {wanted.shape}"
    if mask is not None and wanted.shape[: mask.ndim] == mask.shape:
        found, wanted = found[mask.astype(bool)], wanted[mask.astype(bool)]
    if not wanted.size or not np.issubdtype(wanted.dtype, np.number):
        return 0.0, ""
    if not np.array_equal(np.isfinite(found), np.isfinite(wanted)):
        return np.inf, f"`{name}` has NaN or infinity where the right answer has none, or the other way round"
    sound = np.isfinite(wanted)
    right = wanted[sound].astype(np.float64)
    scale = float(np.abs(right).max(initial=0.0)) or 1.0
    error = float(np.abs(found[sound].astype(np.float64) - right).max(initial=0.0)) / scale
    wrong = rule.tolerance is not None and error > rule.tolerance
    return error, f"`{name}` is off by {error:.2g} of its largest value" if wrong else ""
