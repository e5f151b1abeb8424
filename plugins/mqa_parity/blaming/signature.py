"""Right numbers in the wrong place or form: outputs, labels or inputs under each other's names, other shapes and types."""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Dissected
from mqa_parity.blaming.finding import Blame
from mqa_parity.blaming.noise import ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.case import Case

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

MISTAKEN = "inputs stand under each other's names"
MOST_LABELS = 1024
MOST_INPUTS = 4
MOST_AXES = 5


def blame_signature(case: Case) -> Blame | None:
    """Outputs under other names or in other shapes, labels in another order, or inputs that are taken for each other."""
    if reason := _renamed(case):
        return Blame("signature", reason, case.failure)
    if found := _reordered(case):
        return found
    reason = _reshaped(case)
    if reason:
        return Blame("signature", reason, case.failure)
    reason = _mistaken(case)
    return Blame("signature", reason, case.failure, meaning=MISTAKEN) if reason else None


def blame_form(case: Case) -> Blame | None:
    """Outputs whose numbers are right, that are of another type or too few."""
    single = case.truth.outputs[0]
    pairs = dict(case.paired(case.outputs))
    found = [_retyped(name, case.outputs[theirs], single[name]) for theirs, name in pairs.items()]
    found += [f"the file has no output `{name}`" for name in case.missing()]
    reason = _few([one for one in found if one])
    return Blame("signature", reason, case.failure) if reason else None


def _renamed(case: Case) -> str:
    """How outputs are named in the reference, where every one of those is there, and some under another name."""
    single, double = case.truth.outputs
    names = {name: _twin(case, array, name, single, double) for name, array in case.outputs.items()}
    if {*case.held()} - {*names.values()} or all(twin in {name, ""} for name, twin in names.items()):
        return ""
    pairs = [f"what it calls `{name}` is `{twin}`" for name, twin in names.items() if twin not in {name, ""}]
    return f"every output of the model is in the file under another name: {', '.join(pairs)}"


def _twin(case: Case, array: Array, name: str, single: Arrays, double: Arrays) -> str:
    """The output of the reference with the same numbers, preferably of the same name."""
    order = sorted(double, key=lambda other: other != name)
    return next((one for one in order if ratio(array, single[one], double[one], case.truth.real) <= case.limit), "")


def _reordered(case: Case) -> Blame | None:
    """An output whose last axis holds the reference's numbers in another order, and the node that gives it."""
    single, double = case.truth.outputs
    for theirs, name in case.paired(case.outputs):
        order = _order(case, case.outputs[theirs], single[name], double[name])
        if order is not None:
            moved = [f"{to} holds what is {place} in the model" for to, place in enumerate(order) if to != place]
            node = case.candidate.anatomy().node_of(theirs) if isinstance(case.candidate, Dissected) else ""
            reason = f"the last axis of `{name}` is in another order: {_few(moved)}"
            return Blame("signature", reason, case.failure, nodes=(node,) if node else ())
    return None


def _order(case: Case, found: Array, single: Array, double: Array) -> list[int] | None:
    """Which place of the reference each place of the last axis holds, where that is another order of the same numbers."""
    if found.shape != double.shape or not found.ndim or not 2 <= found.shape[-1] <= MOST_LABELS:
        return None
    if not np.isfinite(found).all():
        return None
    mine, truth = (array.reshape(-1, array.shape[-1]).astype(np.float64) for array in (found, double))
    order = [int(np.abs(truth - column[:, None]).max(axis=0).argmin()) for column in mine.T]
    if sorted(order) != list(range(len(order))) or order == sorted(order):
        return None
    return order if ratio(found, single[..., order], double[..., order], case.truth.real) <= case.limit else None


def _reshaped(case: Case) -> str:
    """An output with the reference's numbers in another shape: other axes, or the same in another order."""
    single, double = case.truth.outputs
    for theirs, name in case.paired(case.outputs):
        found, truth = case.outputs[theirs], double[name]
        if found.shape != truth.shape and any(
            ratio(moved, single[name], truth, case.truth.real) <= case.limit for moved in _moved(found, truth.shape)
        ):
            return f"`{name}` has its numbers in the shape {list(found.shape)}, and not {list(truth.shape)}"
    return ""


def _moved(found: Array, shape: tuple[int, ...]) -> Iterator[Array]:
    """An array as it would be in another shape, and with its axes in every order that gives that shape."""
    if found.size == math.prod(shape):
        yield found.reshape(shape)
    if len(shape) == found.ndim <= MOST_AXES:
        for order in permutations(range(found.ndim)):
            if tuple(found.shape[axis] for axis in order) == shape:
                yield found.transpose(order)


def _retyped(name: str, found: Array, single: Array) -> str:
    return f"`{name}` comes as {found.dtype}, and not {single.dtype}" if found.dtype != single.dtype else ""


def _mistaken(case: Case) -> str:
    """Inputs that have to be given under each other's names for the outputs to agree."""
    names = [name for name, array in case.batch.items() if array.dtype.kind in "iub"]
    if not 2 <= len(names) <= MOST_INPUTS:
        return ""
    for given in _orders(names, case.batch):
        try:
            outputs = case.candidate.run({**case.batch, **{name: case.batch[other] for name, other in given.items()}})
        except Exception:  # noqa: S112 - an input of another kind may well be out of range
            continue
        if case.ratio(outputs) <= case.limit:
            pairs = [f"what it calls `{name}` is `{other}`" for name, other in given.items() if name != other]
            return f"the file agrees with the model where its inputs are given in another order: {', '.join(pairs)}"
    return ""


def _orders(names: list[str], batch: Arrays) -> Iterator[dict[str, str]]:
    for order in permutations(names):
        if list(order) != names and all(
            batch[one].shape == batch[other].shape for one, other in zip(names, order, strict=True)
        ):
            yield dict(zip(names, order, strict=True))


def _few(parts: list[str]) -> str:
    return ", ".join(parts[:3]) + (f" and {len(parts) - 3} more" if len(parts) > 3 else "")
