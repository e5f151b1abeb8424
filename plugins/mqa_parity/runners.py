"""The three runners of one model: the oracle in float64, the baseline in the candidate's precision, the candidate."""

from __future__ import annotations

import math
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.precision import output_precision, precision_name
from mqa_parity.protocols import SupportsCaches, SupportsPrecisions
from mqa_registry import MqaError, NotRunError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from contextlib import AbstractContextManager

    import numpy.typing as npt

    from mqa_parity.precision import Precision
    from mqa_registry import Runner, ViewContext

PYTORCH, FILE = "PyTorch", "the reference file"


@dataclass(frozen=True)
class Runners:
    """`oracle` and `baseline` are the reference in float64 and in `precision`, which is the candidate's if it has that.

    `candidate_precision` is the name of the candidate's own precision. Where the reference does not have it, as int8,
    the baseline's errors say nothing about the candidate's. Neither do they where a reference file has no float64:
    `doubt` then says why, and `oracle` is the reference as it is. `reference_name` is what reports call the reference.
    """

    oracle: Runner
    baseline: Runner
    candidate: Runner
    candidate_precision: str
    precision: Precision
    reference_name: str = PYTORCH
    doubt: str = ""

    @property
    def is_comparable(self) -> bool:
        """Whether the baseline has the candidate's precision, and its error is known."""
        return self.candidate_precision == self.precision.name and not self.doubt

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
        with _in_precision(reference, "float64") as oracle, _in_precision(reference, precision.name) as baseline:
            yield Runners(oracle, baseline, candidate.runner, name, precision)
        return
    own = reference.runner
    with ExitStack() as stack:
        oracle, doubt = own, ""
        try:
            oracle = stack.enter_context(_in_precision(reference, "float64"))
        except NotRunError as error:
            doubt = error.message
        yield Runners(oracle, own, candidate.runner, name, output_precision(precision_name(own)), FILE, doubt)


def with_checked_oracle(runners: Runners, batch: Mapping[str, Any]) -> Runners:
    """The same, with a `doubt` where the oracle does not run on a batch, or a file's oracle is off beyond rounding.

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
            runners, oracle=runners.baseline, doubt=f"{name} does not run in float64: {summarize_error(error)}"
        )
    eps = runners.precision.eps
    wrong = next((output for output, array in exact.items() if _exceeds_rounding(array, baseline[output], eps)), "")
    if wrong and name == FILE:
        doubt = f"`{wrong}` of {name} lies beyond rounding from what comes out in float64"
        return replace(runners, oracle=runners.baseline, doubt=doubt)
    return runners


def _exceeds_rounding(oracle: npt.NDArray[Any], baseline: npt.NDArray[Any], eps: float) -> bool:
    """Whether more than half of a format's digits are lost."""
    if oracle.dtype.kind != "f" or oracle.shape != baseline.shape:
        return oracle.shape != baseline.shape
    finite = np.isfinite(oracle) & np.isfinite(baseline)
    largest = np.abs(oracle[finite]).max(initial=0.0)
    return bool(np.abs(oracle[finite] - baseline[finite]).max(initial=0.0) > math.sqrt(eps) * largest)


def _is_file(runner: Runner) -> bool:
    """Whether it runs an ONNX file, which has one precision, and sometimes float64."""
    return "opset" in runner.facts


def _in_precision(view: ViewContext, precision: str) -> AbstractContextManager[Runner]:
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
