"""A reference and a candidate on one batch: their outputs, how far the candidate is off, and the same on fewer rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.attribution.dimensions import has_ambiguous_positions
from mqa_parity.attribution.noise_ratio import FLOAT32, channel_ratio, noise_ratio, reshape_like
from mqa_parity.tensors.output_matching import match_names
from mqa_parity.tensors.weight_comparison import WeightComparison
from mqa_registry import NotRunError, OutOfMemoryError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from mqa_parity.precision import Precision
    from mqa_parity.protocols import Candidate, Reference, WeightReport
    from mqa_parity.tensors.output_matching import OutputMatch

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

MAX_SINGLE_ROWS = 8  # rows that are tried alone


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
        return int(self.candidate.facts.get("fixed_rows", 1))

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
        """The same on some of its rows."""
        fewer = self.with_batch({name: array[indices] for name, array in self.batch.items()})
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


def worst_run(runs: Iterable[PairedRun]) -> PairedRun | None:
    """The run on which the candidate is farthest off, if it fails on any."""
    found = max(runs, key=lambda run: run.ratio, default=None)
    return found if found is not None and found.fails else None


def isolate_row(run: PairedRun) -> PairedRun:
    """The row that is farthest off, if it fails alone too; else the run itself.

    A candidate that takes a fixed number of rows is given that many copies of the row.
    """
    if run.rows == run.fixed_rows == 1:
        return run
    order = np.argsort(-_row_ratios(run), kind="stable")[:MAX_SINGLE_ROWS]
    return next((alone for row in order if still_fails(alone := run.with_rows([int(row)] * run.fixed_rows))), run)


def minimize(run: PairedRun) -> PairedRun:
    """The same failure on less, by bisection: on the fewest rows, then on the fewest positions."""
    return _fewest_positions(_fewest_rows(isolate_row(run)))


def still_fails(run: PairedRun) -> bool:
    """Whether it fails; not where the reference does not run, since some models need a least number of rows."""
    try:
        return run.fails
    except Exception:
        return False


def _row_ratios(run: PairedRun) -> npt.NDArray[np.float64]:
    """How far off each row is; 0 where the outputs have no row axis."""
    ratios = np.zeros(run.rows)
    baseline, oracle, valid = run.reference.baseline_outputs, run.reference.oracle_outputs, run.reference.valid
    for theirs, name in run.matched(run.candidate_outputs):
        found = run.candidate_outputs[theirs]
        if found.shape == oracle[name].shape and len(found) == run.rows:
            for row in range(run.rows):
                part = slice(row, row + 1)
                mask = None if valid is None else valid[part]
                ratio = noise_ratio(found[part], baseline[name][part], oracle[name][part], mask, run.precision)
                ratios[row] = max(ratios[row], ratio)
    return ratios


def _fewest_rows(run: PairedRun) -> PairedRun:
    indices = list(range(run.rows))
    halves = (run.with_rows(half) for half in (indices[: run.rows // 2], indices[run.rows // 2 :]) if half)
    failing = next((half for half in halves if still_fails(half)), None) if run.rows > run.fixed_rows else None
    return run if failing is None else _fewest_rows(failing)


def _fewest_positions(run: PairedRun) -> PairedRun:
    if run.reference.mask not in run.batch:
        return run
    low, high = 1, run.batch[run.reference.mask].shape[1]
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if still_fails(run.with_length(middle)) else (middle + 1, high)
    shorter = run.with_length(high)
    return shorter if still_fails(shorter) else run
