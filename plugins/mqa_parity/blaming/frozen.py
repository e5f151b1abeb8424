"""Lengths that a file declares dynamic and has frozen: it runs, or is right, with one number of rows or positions alone."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from itertools import islice, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.causes import Cause
    from mqa_parity.blaming.doors import Anatomy, Piece
    from mqa_parity.blaming.suspect import Suspect

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Axes: TypeAlias = Mapping[str, tuple[tuple[str, int], ...]]  # by the length that they share

NUMBER = re.compile(r"\d+")
LARGEST = 4096  # of the lengths that are tried
ROWS = "rows of a batch"  # no name in a file has spaces
TRIALS, SECONDS = 300, 10.0  # after which no more are
FEW = 12  # numbers that are tried for two lengths at once
FEW_TRIALS, FEW_SECONDS = 8, 0.4  # of a file that runs, where most faults are of another kind
LONGEST = 512  # of the lengths that are tried there: longer ones take the model too much time


def frozen(case: Case, anatomy: Anatomy) -> str:
    """The only lengths that a file runs with which cannot run a batch, in words; empty where it is not for its lengths.

    They are found by trial: among the numbers that the error names and those in the graph are those with which the file
    runs and agrees with the model. With one more or less along the same axis, of what it ran with, it must not.
    """
    named = [int(one) for one in NUMBER.findall(case.crash) if len(one) < 6]
    axes = _axes(case, anatomy)
    choices = _choices(case, axes, [*named, *anatomy.integers()])
    return _only(case, axes, islice(choices, TRIALS), SECONDS)


def frozen_rows(case: Case, anatomy: Anatomy) -> str:
    """The same of a file that runs, and is wrong for the number of rows: what each of them gives by itself is right."""
    axes = _axes(case, anatomy)
    if ROWS not in axes or case.size <= case.least:
        return ""
    return _only(case, axes, [{ROWS: case.least}], FEW_SECONDS)


def frozen_positions(case: Case, anatomy: Anatomy, piece: Piece) -> str:
    """The same of a file that runs, and gives something else with any other length, by the numbers in a piece of it."""
    axes = _axes(case, anatomy)
    own = _lengths(case, axes)
    labels = [label for label in axes if label != ROWS]
    numbers = [one for one in piece.lengths() if 1 < one <= LONGEST]
    choices = ({label: one} for one in numbers for label in labels if one != own[label])
    return _only(case, axes, islice(choices, FEW_TRIALS), FEW_SECONDS)


def unless_frozen(anatomy: Anatomy, at: Suspect, cause: Cause) -> Cause:
    """A cause, or the length that is frozen in the piece, where nothing was found but that the piece is another."""
    if cause.kind not in {"exporter", "kernel"} or cause.nodes is not None:
        return cause
    why = frozen_rows(at.case, anatomy) or frozen_positions(at.case, anatomy, at.piece)
    return replace(cause, kind="exporter", reason=why, meaning=why) if why else cause


def _only(case: Case, axes: Axes, choices: Iterable[dict[str, int]], seconds: float) -> str:
    """The first of some lengths with which the file agrees with the model, and with no others near them, in words."""
    until = time.monotonic() + seconds
    for lengths in choices:
        if time.monotonic() > until:
            return ""
        if _agrees(case, axes, lengths):
            every = _lengths(case, axes) | lengths
            held = {label: one for label, one in every.items() if _is_frozen(case, axes, every, label)}
            return _spelled(case, axes, held) if held else ""
    return ""


def _axes(case: Case, anatomy: Anatomy) -> Axes:
    """The axes of inputs that a file declares to be of any length, by their names in it; without one by their place.

    The first axis of every input counts the same rows, whatever an exporter calls it in each.
    """
    found: dict[str, list[tuple[str, int]]] = {}
    for name, shape in anatomy.shapes().items():
        if name in case.batch and len(shape) == case.batch[name].ndim:
            for axis, size in enumerate(shape):
                if not isinstance(size, int):
                    found.setdefault((size or f"axis {axis}") if axis else ROWS, []).append((name, axis))
    return {label: tuple(places) for label, places in found.items()}


def _choices(case: Case, axes: Axes, likely: Sequence[int]) -> Iterator[dict[str, int]]:
    """Other lengths: of one kind first, the likeliest first; then of two kinds at once."""
    numbers = [one for one in dict.fromkeys(likely) if 0 < one <= LARGEST]
    own = _lengths(case, axes)
    yield from ({label: one} for one in numbers for label in axes if one != own[label])
    for first, second in product(axes, axes):
        if first < second:
            for one, two in product(numbers[:FEW], repeat=2):
                yield {first: one, second: two}


def _lengths(case: Case, axes: Axes) -> dict[str, int]:
    """The batch's own."""
    return {label: int(case.batch[places[0][0]].shape[places[0][1]]) for label, places in axes.items()}


def _resized(case: Case, axes: Axes, lengths: Mapping[str, int]) -> Arrays:
    """The batch with other lengths along some axes: cut, or from its start again."""
    batch = dict(case.batch)
    for label, length in lengths.items():
        for name, axis in axes[label]:
            batch[name] = np.take(batch[name], np.arange(length) % batch[name].shape[axis], axis=axis)
    return batch


def _is_frozen(case: Case, axes: Axes, sound: Mapping[str, int], label: str) -> bool:
    """Whether a file that is right with some lengths is not so with either one more or one less of one kind.

    A length of 1 has no neighbour below, and a table that is cut there fails with 2 as well: so it counts of rows alone.
    """
    length = sound[label]
    if length == 1 and label != ROWS:
        return False
    near = [{**sound, label: other} for other in (length + 1, length - 1) if other > 0]
    taken = [lengths for lengths in near if _runs(case, axes, lengths)]
    return bool(taken) and not any(_agrees(case, axes, lengths) for lengths in taken)


def _runs(case: Case, axes: Axes, lengths: Mapping[str, int]) -> bool:
    """Whether the model itself takes such lengths."""
    try:
        return bool(case.on(_resized(case, axes, lengths)).truth.outputs)
    except Exception:
        return False


def _agrees(case: Case, axes: Axes, lengths: Mapping[str, int]) -> bool:
    other = case.on(_resized(case, axes, lengths))
    try:
        return not other.crash and not other.fails
    except Exception:  # the model itself takes no such lengths
        return False


def _spelled(case: Case, axes: Axes, lengths: Mapping[str, int]) -> str:
    order = sorted(lengths, key=lambda label: axes[label][0][1])
    told = [f"{lengths[label]:,} {_unit(case, *axes[label][0], lengths[label])}" for label in order]
    does = "runs" if case.crash else "is right"
    return f"the file {does} only with {' and '.join(told)}: a dimension that it declares dynamic is frozen"


def _unit(case: Case, name: str, axis: int, length: int) -> str:
    array = case.batch[name]
    if axis == 0:
        return "row" if length == 1 else "rows"
    return "tokens" if array.ndim == 2 and array.dtype.kind in "iub" else f"along axis {axis} of `{name}`"
