"""One difference to explain: the runners, and a batch on which they differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.noise import ratio
from mqa_registry import NotRunError, OutOfMemoryError

MOST = 8  # rows that are tried by themselves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.doors import Candidate, Reference

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Case:
    """The reference, the same in float64, and the candidate on a batch; `mask` names its array of real positions.

    An error counts where it is more than `limit` times PyTorch's own noise.
    """

    reference: Reference
    exact: Reference
    candidate: Candidate
    batch: Arrays
    mask: str = ""
    limit: float = 10.0

    def real(self) -> npt.NDArray[np.bool_] | None:
        """Which positions are real, where that is known."""
        return self.batch[self.mask].astype(bool) if self.mask in self.batch else None

    def noise(self) -> tuple[Arrays, Arrays]:
        """The reference's outputs in float32 and in float64."""
        return self.reference.run(self.batch), self.exact.run(self.batch)

    def ratio(self, outputs: Arrays) -> float:
        """The largest ratio of outputs of the candidate, those the reference has by the same names."""
        single, double = self.noise()
        shared = [name for name in outputs if name in double]
        if not shared:
            return float("inf")
        return max(ratio(outputs[name], single[name], double[name], self.real()) for name in shared)

    def fails(self) -> bool:
        """Whether the candidate is off, or cannot run this batch at all."""
        return failure(self) > self.limit

    def on(self, batch: Arrays) -> Case:
        """The same on another batch."""
        return replace(self, batch=batch)

    def rows(self, places: list[int]) -> Case:
        """On some of the rows alone, without the columns that then are padding throughout."""
        batch = {name: array[places] for name, array in self.batch.items()}
        if self.mask not in batch:
            return self.on(batch)
        used = np.flatnonzero(batch[self.mask].any(axis=0))
        span = slice(used[0], used[-1] + 1) if used.size else slice(None)
        return self.on(_columns(batch, batch[self.mask].shape, span))

    def columns(self, span: slice) -> Case:
        """On some of the positions alone."""
        return self.on(_columns(self.batch, self.batch[self.mask].shape, span))


def failure(case: Case) -> float:
    """How far off the candidate is: infinite where it cannot run what the reference can."""
    try:
        outputs = case.candidate.run(case.batch)
    except OutOfMemoryError:
        raise
    except Exception:
        return float("inf")
    return case.ratio(outputs)


def worst(cases: Iterable[Case]) -> Case | None:
    """The case on which the candidate is furthest off, if it is on any."""
    found = [(failure(case), case) for case in cases]
    ratio_, case = max(found, key=lambda pair: pair[0], default=(0.0, None))
    return case if case is not None and ratio_ > case.limit else None


def worst_row(case: Case) -> Case:
    """The row that is furthest off, if it is off by itself too; else all of them."""
    size = len(next(iter(case.batch.values())))
    if size == 1:
        return case
    for place in np.argsort(-_errors(case, size), kind="stable")[:MOST]:
        alone = case.rows([int(place)])
        if alone.fails():
            return alone
    return case


def _errors(case: Case, size: int) -> npt.NDArray[np.float64]:
    """How far off each row is, in the largest ratio of its outputs; alike where it cannot be said."""
    errors = np.zeros(size)
    if crash(case):
        return errors
    outputs, (single, double) = case.candidate.run(case.batch), case.noise()
    for name in outputs.keys() & double.keys():
        if outputs[name].shape[:1] == double[name].shape[:1] == (size,):
            for place in range(size):
                row = slice(place, place + 1)
                mask = case.real()
                found, one, two = outputs[name][row], single[name][row], double[name][row]
                errors[place] = max(errors[place], ratio(found, one, two, None if mask is None else mask[row]))
    return errors


def crash(case: Case) -> str:
    """What the candidate says where it cannot run a batch, else nothing."""
    try:
        case.candidate.run(case.batch)
    except OutOfMemoryError:
        raise
    except Exception as error:
        return error.message if isinstance(error, NotRunError) else str(error) or type(error).__name__
    return ""


def _columns(batch: Arrays, shape: tuple[int, ...], span: slice) -> Arrays:
    return {name: array[:, span] if array.shape[:2] == shape else array for name, array in batch.items()}
