"""One difference to explain: the runners, and a batch on which they differ."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity import mismatches
from mqa_parity.blaming.noise import ratio
from mqa_parity.blaming.widths import confused
from mqa_registry import NotRunError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from mqa_parity.blaming.doors import Candidate, Reference
    from mqa_parity.pairing import Pairing

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

MOST = 8  # rows that are tried by themselves


@dataclass(frozen=True)
class Truth:
    """What the reference makes of a batch, in float32 and in float64; `mask` names the array of real positions."""

    reference: Reference
    exact: Reference
    batch: Arrays
    mask: str = ""

    @cached_property
    def outputs(self) -> tuple[Arrays, Arrays]:
        """In float32 and in float64, each worked out once."""
        return self.reference.run(self.batch), self.exact.run(self.batch)

    @cached_property
    def real(self) -> npt.NDArray[np.bool_] | None:
        """Which positions are real, where that is known: not where a decoder's would pass for them."""
        if self.mask not in self.batch or confused(self.batch, self.mask):
            return None
        return self.batch[self.mask].astype(bool)


@dataclass(frozen=True)
class Case:
    """A candidate held against the truth. An error counts where it is more than `limit` times PyTorch's own noise."""

    truth: Truth
    candidate: Candidate
    limit: float = 10.0
    pairing: Pairing | None = None  # which outputs are held; by name or place alone if None
    beside: Arrays = field(default_factory=dict)  # the batch that its rows are of, where that is larger

    @property
    def several(self) -> Case:
        """The same on all rows at hand, for what takes several."""
        return self.on(self.beside) if self.beside else self

    @property
    def batch(self) -> Arrays:
        return self.truth.batch

    @property
    def size(self) -> int:
        """The number of rows."""
        return len(next(iter(self.batch.values())))

    @property
    def least(self) -> int:
        """The number of rows that the candidate takes at a time, where that is fixed; else one."""
        return int(self.candidate.facts.get("fixed_rows", 1))

    @cached_property
    def attempt(self) -> tuple[Arrays, str]:
        """The candidate's outputs, or what it says where it cannot run the batch."""
        try:
            return self.candidate.run(self.batch), ""
        except OutOfMemoryError:
            raise
        except NotRunError as error:
            return {}, error.message
        except Exception as error:
            return {}, str(error) or type(error).__name__

    @property
    def outputs(self) -> Arrays:
        return self.attempt[0]

    @property
    def crash(self) -> str:
        return self.attempt[1]

    def ratio(self, outputs: Arrays) -> float:
        """The largest ratio of some outputs, of those the reference has by the same names; infinite if there is none."""
        single, double = self.truth.outputs
        ratios = [ratio(outputs[one], single[two], double[two], self.truth.real) for one, two in self.paired(outputs)]
        return max(ratios, default=float("inf"))

    def paired(self, outputs: Iterable[str]) -> list[tuple[str, str]]:
        """Those of some outputs that are held, with the reference's names for them."""
        names, double = list(outputs), self.truth.outputs[1]
        if self.pairing is None:
            return [(theirs, ours) for ours, theirs in mismatches.paired(double, names).items()]
        return [(theirs, ours) for ours, theirs in self.pairing.pairs.items() if theirs in names and ours in double]

    def held(self) -> list[str]:
        """Outputs of the reference that the candidate has to give."""
        return list(self.truth.outputs[1]) if self.pairing is None else [*self.pairing.pairs, *self.pairing.missing]

    def missing(self) -> list[str]:
        """Those of them that it does not give."""
        there = {ours for _, ours in self.paired(self.outputs)}
        return [name for name in self.held() if name not in there]

    @cached_property
    def failure(self) -> float:
        """How far off the candidate is: infinite where it cannot run what the reference can."""
        return self.ratio(self.outputs)

    @property
    def fails(self) -> bool:
        return self.failure > self.limit

    def against(self, candidate: Candidate) -> Case:
        """The same with another candidate."""
        return replace(self, candidate=candidate)

    def on(self, batch: Arrays) -> Case:
        """The same on another batch."""
        return replace(self, truth=replace(self.truth, batch=batch))

    def rows(self, places: list[int]) -> Case:
        """On some of the rows alone."""
        less = self.on({name: array[places] for name, array in self.batch.items()})
        return replace(less, beside=self.beside or self.batch)

    def columns(self, length: int) -> Case:
        """On the first positions alone."""
        shape = self.batch[self.truth.mask].shape
        cut = {name: array[:, :length] if array.shape[:2] == shape else array for name, array in self.batch.items()}
        return self.on(cut)


def worst(cases: Iterable[Case]) -> Case | None:
    """The case on which the candidate is furthest off, if it is on any."""
    found = max(cases, key=lambda case: case.failure, default=None)
    return found if found is not None and found.fails else None


def worst_row(case: Case) -> Case:
    """The row that is furthest off, if it is off by itself too; else all of them.

    Of a candidate that takes batches of one size alone the row comes as often as that.
    """
    if case.size == case.least == 1:
        return case
    order = np.argsort(-_errors(case), kind="stable")[:MOST]
    return next((alone for place in order if still_fails(alone := case.rows([int(place)] * case.least))), case)


def still_fails(case: Case) -> bool:
    """Whether it is off on less, where the reference can run that at all."""
    try:
        return case.fails
    except Exception:  # some models need a least size, or one size alone
        return False


def _errors(case: Case) -> npt.NDArray[np.float64]:
    """How far off each row is; alike where it cannot be said."""
    errors = np.zeros(case.size)
    single, double = case.truth.outputs
    for theirs, name in case.paired(case.outputs):
        found = case.outputs[theirs]
        if found.shape == double[name].shape and len(found) == case.size:
            for place in range(case.size):
                row = slice(place, place + 1)
                real = None if case.truth.real is None else case.truth.real[row]
                errors[place] = max(errors[place], ratio(found[row], single[name][row], double[name][row], real))
    return errors
