"""A reference that does not agree with itself: what it answers a row moves with the rows beside it, or from run to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Drawing, Watched, class_of
from mqa_parity.blaming.finding import Blame
from mqa_parity.blaming.noise import allowed, where_real
from mqa_parity.steady import distance, largest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case
    from mqa_parity.blaming.doors import Reference

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

MOVES = 100.0  # times PyTorch's own noise: what another order of sums in another batch comes to is a few
ROUNDED = 1e-4  # of the largest number: what rounding comes to in float32, module by module
COPIES = 4  # of a row, where there is but one
AGAIN, MANY = 24, 64  # runs of a model that draws random numbers, and rows in each: what it drops may be little
LARGEST_NOISE = 1e-5  # of the largest number: what PyTorch's noise is taken for at most


def blame_reference(case: Case) -> Blame | None:
    """That the model itself is to blame, where its answers to some rows are others beside other rows, or in another run.

    No file can agree with answers that do not agree with each other.
    """
    some = list(range(case.size // 2, case.size)) if case.size > 1 else [0] * COPIES
    if (found := _held(case, some, "in other company")) is not None:
        return found
    reference = case.truth.reference
    if isinstance(reference, Drawing) and reference.draws(case.batch):
        every = [row for row in range(case.size) for _ in range(-(-MANY // case.size))]
        again = (_held(case, every, "from run to run") for _ in range(AGAIN))
        return next(filter(None, again), None)
    return None


def _held(case: Case, rows: list[int], when: str) -> Blame | None:
    """How far the answers to some rows move where they are run by themselves."""
    reference, batch = case.truth.reference, case.rows(rows).batch
    try:
        outputs = reference.run(batch)
    except Exception:  # of so few rows, or so many, it may not run
        return None
    moved = {name: _moved(case, name, rows, array) for name, array in outputs.items() if name in case.truth.outputs[1]}
    name = max(moved, key=lambda one: moved[one], default="")
    if not name or moved[name] <= max(MOVES, case.limit):
        return None
    module = _module(reference, case.batch, batch, rows)
    meaning = f"the model does not agree with itself: its own answer moves {when}"
    why = "dropout, or statistics of a batch, take part in it"
    reason = f"{meaning}, of the same row `{name}` by {moved[name]:.3g} times PyTorch's noise: {why}"
    class_name = class_of(reference, module)
    return Blame("reference", reason, moved[name], module=module, class_name=class_name, meaning=meaning)


def _moved(case: Case, name: str, rows: Sequence[int], found: Array) -> float:
    """In units of PyTorch's own noise, at real positions; of a model that draws numbers that may be any."""
    single, double = (outputs[name] for outputs in case.truth.outputs)
    if double.dtype.kind != "f" or not double.ndim or len(double) != case.size or found.shape != double[rows].shape:
        return 0.0
    real = where_real(double, case.truth.real)[rows]
    unit = min(allowed(single, double, case.truth.real), LARGEST_NOISE * largest_of(double) or np.inf)
    return distance(found[real], single[rows][real]) / unit


def _module(reference: Reference, batch: Arrays, other: Arrays, rows: Sequence[int]) -> str:
    """The first module that is given the same for some rows of a batch and for another batch, and gives something else."""
    if not isinstance(reference, Watched):
        return ""
    names = reference.modules()
    (given, gave), (other_given, other_gave) = (reference.traffic(one, names) for one in (batch, other))
    for name in names:
        known = _alike(given.get(name, ()), other_given.get(name, ()), rows)
        if known and not _alike(gave.get(name, ()), other_gave.get(name, ()), rows):
            return name
    return ""


def _alike(one: Sequence[Sequence[Array]], other: Sequence[Sequence[Array]], rows: Sequence[int]) -> bool:
    pairs = ((first, second) for calls in zip(one, other, strict=False) for first, second in zip(*calls, strict=False))
    return all(_near(first, second, rows) for first, second in pairs)


def _near(one: Array, other: Array, rows: Sequence[int]) -> bool:
    """Whether some rows of an array are another one, up to rounding; what has no such rows says nothing."""
    if not one.ndim or len(one) <= max(rows) or one[rows].shape != other.shape or one.dtype.kind != "f":
        return True
    return bool(distance(one[rows], other) <= ROUNDED * largest_of(one[rows]))
