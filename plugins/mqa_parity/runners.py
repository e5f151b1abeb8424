"""The three runners of one model: the oracle in float64, the baseline in the candidate's precision, the candidate.

They are opened, run, and checked: whether the oracle is right, and whether the reference repeats its own outputs.
"""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.protocols import SupportsCaches, SupportsPrecisions
from mqa_parity.sample_batches import infer_layout
from mqa_parity.tolerance import output_precision, precision_name
from mqa_registry import MqaError, NotRunError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.sample_batches import Batch, OutputLayout
    from mqa_parity.tolerance import Precision
    from mqa_registry import Runner, ViewContext

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

PYTORCH, FILE = "PyTorch", "the reference file"
# Sums in no fixed order, as on a GPU, differ by some roundings of the largest number; dropout differs by far more.
MAX_ROUNDINGS = 64


@dataclass(frozen=True)
class Runners:
    """`oracle` and `baseline` are the reference in float64 and in `precision`, which is the candidate's if it has that.

    `candidate_precision` is the name of the candidate's own precision. Where the reference does not have it, as int8,
    the baseline's errors say nothing about the candidate's. Neither do they where a reference file has no float64:
    `oracle_problem` then says why, and `oracle` is the reference as it is. `reference_name` is what reports call the reference.
    """

    oracle: Runner
    baseline: Runner
    candidate: Runner
    candidate_precision: str
    precision: Precision
    reference_name: str = PYTORCH
    oracle_problem: str = ""

    @property
    def is_comparable(self) -> bool:
        """Whether the baseline has the candidate's precision, and its error is known."""
        return self.candidate_precision == self.precision.name and not self.oracle_problem

    def with_matching_caches(self, outputs: Collection[str]) -> Runners:
        """The same, with references that give keys and values where the candidate's `outputs` contain them."""
        if not isinstance(self.oracle, SupportsCaches) or not isinstance(self.baseline, SupportsCaches):
            return self
        return replace(
            self, oracle=self.oracle.with_cache_outputs(outputs), baseline=self.baseline.with_cache_outputs(outputs)
        )


@contextmanager
def open_runners(reference: ViewContext, candidate: ViewContext) -> Iterator[Runners]:
    """All three; raises NotRunError where a reference that is not an ONNX file does not run in float64."""
    name = precision_name(candidate.runner)
    precision = output_precision(name)
    if not _is_file(reference.runner):
        with (
            _open_in_precision(reference, "float64") as oracle,
            _open_in_precision(reference, precision.name) as baseline,
        ):
            yield Runners(oracle, baseline, candidate.runner, name, precision)
        return
    own = reference.runner
    with ExitStack() as stack:
        oracle, oracle_problem = own, ""
        try:
            oracle = stack.enter_context(_open_in_precision(reference, "float64"))
        except NotRunError as error:
            oracle_problem = error.message
        yield Runners(oracle, own, candidate.runner, name, output_precision(precision_name(own)), FILE, oracle_problem)


def check_oracle(runners: Runners, batch: Mapping[str, Any]) -> Runners:
    """The same, with an `oracle_problem` where the oracle does not run on a batch, or a file's oracle is off beyond rounding.

    The baseline's error is the unit of every other error, so a wrong oracle would let anything pass.
    """
    baseline = runners.baseline.run(batch)
    name = runners.reference_name
    try:
        exact = runners.oracle.run(batch)
    except MqaError:
        raise
    except Exception as error:
        return replace(
            runners, oracle=runners.baseline, oracle_problem=f"{name} does not run in float64: {summarize_error(error)}"
        )
    eps = runners.precision.eps
    wrong = next((output for output, array in exact.items() if _exceeds_rounding(array, baseline[output], eps)), "")
    if wrong and name == FILE:
        oracle_problem = f"`{wrong}` of {name} lies beyond rounding from what comes out in float64"
        return replace(runners, oracle=runners.baseline, oracle_problem=oracle_problem)
    return runners


def run_reference(runner: Runner, backend: str, batch: Batch) -> Arrays:
    """The reference's outputs; raises MqaError where it does not run."""
    try:
        return runner.run(batch.arrays)
    except MqaError:
        raise
    except Exception as error:
        raise MqaError(
            f"backend `{backend}` cannot run these rows: {summarize_error(error)}",
            hint="do they fit the model, in name, type and size?",
        ) from error


def run_candidate(runner: Runner, batch: Batch) -> Arrays | str:
    """The candidate's outputs, or a message about its crash on a batch that the reference runs."""
    try:
        return runner.run(batch.arrays)
    except MqaError:  # the run was refused, which says nothing about the file
        raise
    except Exception as error:
        return f"the candidate crashes: {summarize_error(error)}"


@dataclass(frozen=True)
class DeterminismCheck:
    """Two runs of the same batches: the layout of the outputs, and the largest difference of each between the runs."""

    layout: OutputLayout
    rerun: Mapping[str, float]


def check_determinism(runner: Runner, backend: str, batches: Sequence[Batch], eps: float) -> DeterminismCheck:
    """Run batches twice; raises MqaError where an output differs by more than `MAX_ROUNDINGS` eps of its largest value.

    An export cannot agree with a model that does not agree with itself.
    """
    first = [(batch, run_reference(runner, backend, batch)) for batch in batches]
    second = [run_reference(runner, backend, batch) for batch in batches]
    layout = infer_layout(first)
    rerun = {}
    for name, values in first[0][1].items():
        pairs = [
            (cut(before[name]), cut(after[name]))
            for (batch, before), after in zip(first, second, strict=True)
            for _, cut in layout.row_slices(name, batch)
        ]
        rerun[name] = max(max_distance(one, other) for one, other in pairs)
        largest = max(max_magnitude(one) for one, _ in pairs)
        if rerun[name] > MAX_ROUNDINGS * (eps if values.dtype.kind == "f" else 0) * largest:
            raise MqaError(
                f"backend `{backend}` does not give the same output twice: `{name}` moves by {rerun[name]:.2g}",
                hint="no export can agree with a model that draws random numbers;"
                " is there dropout that `eval()` does not reach?",
            )
    return DeterminismCheck(layout, rerun)


def max_distance(one: Array, other: Array) -> float:
    """The largest distance of two elements. NaN equals NaN, and is infinitely far from any number."""
    if one.shape != other.shape:
        return float("inf")
    first, second = one.astype(np.float64), other.astype(np.float64)
    differ = ~((first == second) | (np.isnan(first) & np.isnan(second)))
    distances = np.abs(first[differ] - second[differ])
    return float(np.nan_to_num(distances, nan=np.inf).max(initial=0.0))


def max_magnitude(values: Array) -> float:
    """The largest absolute value of the finite elements; 0 if there are none."""
    finite = values[np.isfinite(values)]
    return float(np.abs(finite.astype(np.float64)).max(initial=0.0))


def _is_file(runner: Runner) -> bool:
    """Whether it runs an ONNX file, which has one precision, and sometimes float64."""
    return runner.facts.opset is not None


def _open_in_precision(view: ViewContext, precision: str) -> AbstractContextManager[Runner]:
    """A view's runner in some precision; raises NotRunError where it has no other than its own."""
    runner = view.runner
    if precision_name(runner) == precision:
        return nullcontext(runner)
    if not isinstance(runner, SupportsPrecisions):
        raise NotRunError(
            f"backend `{view.backend}` runs in no other precision, and the exact outputs are those in `float64`",
            hint='name a backend of `transformers/torch` in `against = { backend = "..." }`',
        )
    return runner.variant(dtype=precision)


def _exceeds_rounding(oracle: npt.NDArray[Any], baseline: npt.NDArray[Any], eps: float) -> bool:
    """Whether more than half of a format's digits are lost."""
    if oracle.dtype.kind != "f" or oracle.shape != baseline.shape:
        return oracle.shape != baseline.shape
    finite = np.isfinite(oracle) & np.isfinite(baseline)
    largest = np.abs(oracle[finite]).max(initial=0.0)
    return bool(np.abs(oracle[finite] - baseline[finite]).max(initial=0.0) > math.sqrt(eps) * largest)
