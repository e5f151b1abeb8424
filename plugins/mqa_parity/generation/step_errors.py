"""How far a candidate's logits and caches lie from the reference's at every step of a generation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from mqa_parity.runners import max_distance, max_magnitude, run_reference
from mqa_parity.sample_batches import Batch
from mqa_registry import Generation, MqaError, NotRunError, iter_generation, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.runners import Runners
    from mqa_parity.sample_batches import Row
    from mqa_registry import Codec, GenerationStep, Runner, State

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

ENDED = -1  # in place of a token, after the end of a text
LOGITS: Final = "logits"
CACHE: Final = "cache"


@dataclass(frozen=True)
class StepError:
    """One array of one row after one step, counted from 1: the logits of the next token, or a part of the cache.

    `error` and `baseline_error` are the largest distances of the candidate and of the baseline from the oracle, `magnitude`
    is the oracle's largest number. Where `mismatch` says why nothing can be compared, `error` is infinite.

    Logits have the most probable token of both sides, and the `margin`: how far the reference's logit of its own token lies
    above that of the candidate's. The reference's token is `ENDED` after the end of its text.
    """

    id: str
    fields: str
    step: int
    kind: Literal["logits", "cache"]
    array: str
    error: float
    baseline_error: float = 0.0
    magnitude: float = 0.0
    elements: int = 0
    mismatch: str = ""
    reference_token: int | None = None
    candidate_token: int | None = None
    margin: float | None = None


@dataclass(frozen=True)
class _RunStep:
    """One step of all three runners, each after the same tokens."""

    number: int
    baseline: GenerationStep
    oracle: GenerationStep
    candidate: GenerationStep

    def arrays(self, name: str) -> tuple[Array, Array, Array]:
        """An output of the baseline, the oracle and the candidate."""
        return self.baseline.outputs[name], self.oracle.outputs[name], self.candidate.outputs[name]


def require_generation(codec: Codec) -> Generation:
    """How the rows of a task are generated; raises NotRunError where they are not."""
    if not isinstance(codec.run_mode, Generation):
        raise NotRunError("the task generates no tokens", hint="compare the outputs of its forward pass instead")
    return codec.run_mode


def observe_steps(runners: Runners, backend: str, codec: Codec, batch: Batch, steps: int) -> Iterator[StepError]:
    """The errors of every row, step and array of one batch. `backend` is the name of the reference.

    The baseline chooses the most probable token at each step, and all three runners are fed that one. Each has its own
    cache, and one step of each is in memory. A candidate that crashes has no further steps.
    """
    mode = require_generation(codec)
    rows = [row.arrays for row in batch.rows]
    tokens = np.zeros((len(rows), steps), np.int64)  # filled while the steps go on
    baseline, oracle = (
        iter_generation(codec, partial(_run, runner, backend, batch), rows, steps=steps, tokens=given)
        for runner, given in ((runners.baseline, None), (runners.oracle, tokens))
    )
    candidate = iter_generation(codec, runners.candidate.run, rows, steps=steps, tokens=tokens)
    running = np.ones(len(rows), dtype=bool)
    for number, step in enumerate(baseline, start=1):
        tokens[:, number - 1] = step.tokens
        exact, found = next(oracle), _run_candidate_step(candidate)
        if isinstance(found, str):
            for row in batch.rows:
                yield StepError(row.id, row.text, number, LOGITS, mode.logits, np.inf, mismatch=found)
            return
        for position, row in enumerate(batch.rows):
            yield from _compare_row(mode, _RunStep(number, step, exact, found), position, row, bool(running[position]))
        running &= ~np.isin(step.tokens, mode.end_tokens)


def _run(runner: Runner, backend: str, batch: Batch, arrays: Arrays) -> Arrays:
    """The outputs of the reference for the inputs of one step."""
    return run_reference(runner, backend, Batch(batch.rows, arrays))


def _run_candidate_step(steps: Iterator[GenerationStep]) -> GenerationStep | str:
    """The candidate's next step, or a message about its crash."""
    try:
        return next(steps)
    except MqaError:  # the run was refused, which says nothing about the file
        raise
    except Exception as error:
        return f"the candidate crashes: {summarize_error(error)}"


def _compare_row(mode: Generation, step: _RunStep, position: int, row: Row, running: bool) -> Iterator[StepError]:
    """The errors of one row of a batch: of its cache in the order of the layers, then of its logits."""
    mask = step.baseline.inputs.get(mode.mask)
    valid = None if mask is None else mask[position] != 0
    for state in mode.states:
        if all(state.output in one.outputs for one in (step.baseline, step.oracle, step.candidate)):
            cache = StepError(row.id, row.text, step.number, CACHE, state.output, np.inf)
            parts = [_select_valid(state, array[position], valid) for array in step.arrays(state.output)]
            yield _measure(cache, *parts)
    arrays = step.arrays(mode.logits)
    base, exact, found = (array[position] if array.ndim == 2 else array[position, -1] for array in arrays)
    error = _measure(StepError(row.id, row.text, step.number, LOGITS, mode.logits, np.inf), base, exact, found)
    if not error.mismatch:
        own, other = int(np.argmax(base)), int(np.argmax(found))
        margin = float(base[own].astype(np.float64) - base[other].astype(np.float64))
        token = own if running else ENDED
        error = replace(error, reference_token=token, candidate_token=other, margin=margin)
    yield error


def _select_valid(state: State, array: Array, valid: npt.NDArray[np.bool_] | None) -> Array:
    """A row's part of a cache without the positions of padding, which hold what nothing reads."""
    for axis in state.growing_axes:
        if valid is not None and array.shape[axis - 1] == len(valid):
            array = np.compress(valid, array, axis=axis - 1)
    return array


def _measure(error: StepError, base: Array, exact: Array, found: Array) -> StepError:
    """The error with the distances of the candidate and of the baseline from the oracle, or with a mismatch."""
    if found.shape != exact.shape:
        return replace(error, mismatch=f"shape {found.shape} instead of {exact.shape}")
    if not np.array_equal(np.isfinite(found), np.isfinite(base)):
        return replace(error, mismatch="NaN or Inf in other places than the reference")
    return replace(
        error,
        error=max_distance(found, exact),
        baseline_error=max_distance(base, exact),
        magnitude=max_magnitude(exact),
        elements=exact.size,
    )
