"""A reference and a candidate on one batch: their outputs, and how far the candidate is off in units of the baseline's error.

An error is measured over a whole array, and in its worst channel or row.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.attribution.dynamic_axes import has_ambiguous_positions
from mqa_parity.tensors.channels import find_worst_group, sum_row_errors
from mqa_parity.tensors.output_matching import match_names
from mqa_parity.tensors.weight_comparison import WeightComparison
from mqa_parity.tolerance import PRECISIONS, error_unit
from mqa_registry import NotRunError, OutOfMemoryError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from mqa_parity.protocols import Candidate, Reference, WeightReport
    from mqa_parity.tensors.channels import GroupError
    from mqa_parity.tensors.output_matching import OutputMatch
    from mqa_parity.tolerance import Precision

    Array: TypeAlias = npt.NDArray[Any]
    Bools: TypeAlias = npt.NDArray[np.bool_]
    Arrays: TypeAlias = Mapping[str, Array]

FLOAT32 = PRECISIONS["float32"]


@dataclass(frozen=True)
class ReferenceRun:
    """The reference on a batch, in the candidate's precision and in float64; `mask` names the array that marks padding.

    The batch maps input names to arrays with one row for each example.
    """

    baseline: Reference
    oracle: Reference
    batch: Arrays
    mask: str = ""

    @cached_property
    def baseline_outputs(self) -> Arrays:
        return self.baseline.run(self.batch)

    @cached_property
    def oracle_outputs(self) -> Arrays:
        return self.oracle.run(self.batch)

    @cached_property
    def valid(self) -> npt.NDArray[np.bool_] | None:
        """Which positions are not padding; None without a mask, or where a decoder's positions look like the mask's."""
        if self.mask not in self.batch or has_ambiguous_positions(self.batch, self.mask):
            return None
        return self.batch[self.mask].astype(bool)


@dataclass(frozen=True)
class PairedRun:
    """A candidate and its reference on one batch. An error of more than `limit` times the baseline's own is a failure.

    `outputs` says which outputs are compared, by name or position if it is None. `full_batch` is the batch that the
    rows were taken from, where it has more. With `by_channel`, the worst channel or row of an array counts as well as
    its largest error, as it does in the verdict of `parity/tensors`.
    """

    reference: ReferenceRun
    candidate: Candidate
    precision: Precision = FLOAT32
    outputs: OutputMatch | None = None
    weights: WeightComparison | None = None
    full_batch: Arrays = field(default_factory=dict)
    by_channel: bool = False

    @property
    def limit(self) -> float:
        return self.precision.allowed

    @property
    def batch(self) -> Arrays:
        return self.reference.batch

    @property
    def rows(self) -> int:
        """The number of rows in the batch."""
        return len(next(iter(self.batch.values())))

    @property
    def fixed_rows(self) -> int:
        """The number of rows that the candidate takes at a time, where that is fixed; else 1."""
        return self.candidate.facts.fixed_rows or 1

    @cached_property
    def weight_report(self) -> WeightReport | None:
        """How the file's weights differ from the model's; None where either side does not give its weights."""
        comparison = self.weights or WeightComparison(self.reference.baseline, self.candidate)
        try:
            return comparison.report
        except NotRunError:
            return None

    @cached_property
    def _result(self) -> tuple[Arrays, str]:
        try:
            return self.candidate.run(self.batch), ""
        except OutOfMemoryError:
            raise
        except NotRunError as error:
            return {}, error.message
        except Exception as error:
            return {}, summarize_error(error)

    @property
    def candidate_outputs(self) -> Arrays:
        """The candidate's outputs; empty where it crashes."""
        return self._result[0]

    @property
    def crash(self) -> str:
        """The message of the candidate's error; empty where it runs."""
        return self._result[1]

    def error_ratio(self, found: Array, baseline: Array, oracle: Array) -> float:
        """How far off an array is, in units of the baseline's error; infinite where the shape differs."""
        whole = noise_ratio(found, baseline, oracle, self.reference.valid, self.precision)
        if not self.by_channel or not np.isfinite(whole):
            return whole
        return max(whole, channel_ratio(found, baseline, oracle, self.reference.valid, self.precision))

    def value_ratio(self, found: Array, baseline: Array, oracle: Array) -> float:
        """The same of a value of a graph, which may have another shape than the module's tensor."""
        return self.error_ratio(reshape_like(found, oracle), baseline, oracle)

    def similarity_ratio(self, found: Array, baseline: Array, oracle: Array) -> float:
        """How far an array is from a tensor as a whole, in any shape: small where both are the same tensor."""
        return noise_ratio(reshape_like(found, oracle), baseline, oracle, self.reference.valid, self.precision)

    def output_ratio(self, outputs: Arrays) -> float:
        """The largest ratio of the outputs that are compared; infinite if there are none."""
        baseline, oracle = self.reference.baseline_outputs, self.reference.oracle_outputs
        ratios = [self.error_ratio(outputs[one], baseline[two], oracle[two]) for one, two in self.matched(outputs)]
        return max(ratios, default=float("inf"))

    def matched(self, outputs: Iterable[str]) -> list[tuple[str, str]]:
        """The outputs of the candidate that are compared, each with the reference's name for it."""
        names, reference = list(outputs), self.reference.oracle_outputs
        if self.outputs is None:
            return [(theirs, ours) for ours, theirs in match_names(reference, names).items()]
        return [(theirs, ours) for ours, theirs in self.outputs.pairs.items() if theirs in names and ours in reference]

    def expected_outputs(self) -> list[str]:
        """Outputs of the reference that the candidate must have."""
        if self.outputs is None:
            return list(self.reference.oracle_outputs)
        return [*self.outputs.pairs, *self.outputs.missing]

    def missing_outputs(self) -> list[str]:
        """Those of them that it does not have."""
        there = {ours for _, ours in self.matched(self.candidate_outputs)}
        return [name for name in self.expected_outputs() if name not in there]

    @cached_property
    def ratio(self) -> float:
        """How far off the candidate is: infinite where it crashes on what the reference runs."""
        return self.output_ratio(self.candidate_outputs)

    @property
    def fails(self) -> bool:
        return self.ratio > self.limit

    def with_candidate(self, candidate: Candidate) -> PairedRun:
        return replace(self, candidate=candidate)

    def with_batch(self, batch: Arrays) -> PairedRun:
        return replace(self, reference=replace(self.reference, batch=batch))

    def with_rows(self, indices: list[int]) -> PairedRun:
        """The same on some of its rows. An array with another number of rows, as the texts of labels, is of the whole batch."""
        rows = self.rows
        fewer = self.with_batch(
            {name: array[indices] if len(array) == rows else array for name, array in self.batch.items()}
        )
        return replace(fewer, full_batch=self.full_batch or self.batch)

    def with_all_rows(self) -> PairedRun:
        """The same on the batch that its rows were taken from."""
        return self.with_batch(self.full_batch) if self.full_batch else self

    def with_length(self, length: int) -> PairedRun:
        """The same on the first positions of every row."""
        shape = self.batch[self.reference.mask].shape
        return self.with_batch(
            {name: array[:, :length] if array.shape[:2] == shape else array for name, array in self.batch.items()}
        )


def noise_ratio(
    found: Array, baseline: Array, oracle: Array, mask: Bools | None = None, precision: Precision = FLOAT32
) -> float:
    """The largest error of an array over the baseline's largest error.

    Both are distances from the oracle, at valid positions and where the reference is finite. Infinite where the shapes
    differ, or a number is missing that the reference has. `mask`, shape (rows, positions), is false at padding.
    """
    if found.shape != oracle.shape:
        return float("inf")
    counted = _is_counted(baseline, oracle, mask)
    if not counted.any():
        return 0.0
    if not np.isfinite(found[counted]).all():
        return float("inf")
    error = np.abs(found[counted].astype(np.float64) - oracle[counted]).max()
    return float(error / noise_unit(baseline, oracle, mask, precision))


def noise_unit(baseline: Array, oracle: Array, mask: Bools | None = None, precision: Precision = FLOAT32) -> float:
    """The baseline's largest error, with the floor of its precision; never 0."""
    counted = _is_counted(baseline, oracle, mask)
    noise = np.abs(baseline[counted].astype(np.float64) - oracle[counted]).max(initial=0.0)
    magnitude = np.abs(oracle[counted]).max(initial=0.0)
    return max(float(error_unit(noise, magnitude, precision.floor)), float(np.finfo(np.float64).tiny))


def channel_ratio(found: Array, baseline: Array, oracle: Array, mask: Bools | None, precision: Precision) -> float:
    """The error of the worst channel or row of an array, where `precision.allowed` is as much as it may be off.

    0 where the array has no channels, or the baseline has nothing to round.
    """
    worst = worst_channel(found, baseline, oracle, mask, precision)
    return precision.allowed * worst.units / worst.allowed_units if worst else 0.0


def worst_channel(
    found: Array, baseline: Array, oracle: Array, mask: Bools | None, precision: Precision
) -> GroupError | None:
    """The channel or row that is farthest off, as `parity/tensors` finds it in an output; rows are named by index."""
    if found.shape != oracle.shape or oracle.ndim < 2 or oracle.dtype.kind != "f":
        return None
    counted = _is_counted(baseline, oracle, mask)
    positions = [axis - 1 for axis in (1, 2) if mask is not None and _axis_has_positions(oracle, mask, axis)]
    parts = [
        sum_row_errors(str(row), (oracle[row], baseline[row], found[row]), counted[row], positions)
        for row in range(len(oracle))
        if counted[row].any()
    ]
    return find_worst_group(parts, precision) if parts else None


def reshape_like(found: Array, array: Array) -> Array:
    """An array in another's shape, if it has as many elements: a graph may have a tensor in another shape."""
    return found.reshape(array.shape) if found.size == array.size else found


def is_valid(array: Array, mask: Bools | None) -> Bools:
    """Which elements of an array belong to valid positions, and not to padding.

    Positions are the first two axes, both in one, or the first and the third; in other arrays all are valid.
    """
    if mask is None or array.ndim < 2:
        return np.ones(array.shape, bool)
    rows, length = mask.shape
    if array.shape[:2] == (rows, length):
        return _broadcast(mask, array)
    if array.shape[0] == rows * length:
        return _broadcast(mask.ravel(), array)
    if array.shape[:2] == (1, length):
        return _broadcast(np.atleast_2d(mask.any(axis=0)), array)
    if _axis_has_positions(array, mask, 2):
        return _broadcast(mask[:, None], array)
    return np.ones(array.shape, bool)


def _axis_has_positions(array: Array, mask: Bools, axis: int) -> bool:
    return array.ndim > axis and (array.shape[0], array.shape[axis]) == mask.shape


def _broadcast(mask: Bools, array: Array) -> Bools:
    """A mask over the axes that follow its own."""
    return np.broadcast_to(mask.reshape(mask.shape + (1,) * (array.ndim - mask.ndim)), array.shape)


def _is_counted(baseline: Array, oracle: Array, mask: Bools | None) -> Bools:
    return np.asarray(is_valid(oracle, mask) & np.isfinite(oracle) & np.isfinite(baseline), np.bool_)
