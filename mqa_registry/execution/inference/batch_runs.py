"""Running a batch of encoded rows as their codec says: by a forward pass, in parts, token by token or chunk by chunk."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from mqa_registry.contributions import Streaming, shapes
from mqa_registry.contributions.task import stack_outputs
from mqa_registry.errors import NotRunError, OutOfMemoryError
from mqa_registry.execution.inference.decoding import generate
from mqa_registry.execution.inference.encoding import digest_row
from mqa_registry.execution.inference.streaming import select_row, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mqa_registry.contributions import Backend, Batching, Codec, RunnerFacts
    from mqa_registry.contributions.task import Batch, Encoded, Outputs

    Run: TypeAlias = Callable[[Batch], Outputs]

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


def run_rows(codec: Codec, run: Run, rows: Sequence[Encoded], batching: Batching, budget: int) -> Outputs:
    """The outputs for some rows, the rows first, as `codec.decode` takes them.

    `run` maps a batch to outputs, as a runner does. The rows are one batch; their parts are put into batches by
    `batching` and `budget`.
    """
    mode = codec.run_mode
    if isinstance(mode, Streaming):
        parts = [codec.split(row) for row in rows]
        return _join(codec, stream(codec, mode, run, parts), rows)
    if mode is not None:
        return generate(codec, mode, run, rows, [digest_row(row) for row in rows])
    if codec.splits:
        return _run_parts(codec, run, rows, batching, budget)
    return run(codec.collate(rows))


def _run_parts(codec: Codec, run: Run, rows: Sequence[Encoded], batching: Batching, budget: int) -> Outputs:
    """The outputs for rows whose parts are run in batches of their own, the costliest first, and then joined."""
    parts: list[Encoded] = []
    costs: list[int] = []
    ends: list[int] = []  # of each row among the parts
    for row in rows:
        split = codec.split(row)
        parts += split
        costs += codec.costs(split)
        ends.append(len(parts))
    order = sorted(range(len(parts)), key=costs.__getitem__, reverse=True)  # parts of one cost stay in their order
    outputs: dict[int, Outputs] = {}
    for batch in batching.batches(order, budget, cost=costs.__getitem__, shape=lambda part: shapes(parts[part])):
        given = run_in_halves(partial(_run_batch, codec, run), [parts[part] for part in batch])
        outputs.update(zip(batch, given, strict=True))
    by_row = [[outputs[part] for part in range(start, end)] for start, end in pairwise([0, *ends])]
    return _join(codec, by_row, rows)


def _run_batch(codec: Codec, run: Run, parts: Sequence[Encoded]) -> list[Outputs]:
    """What is kept of the outputs for each part of a batch."""
    given = codec.reduce(run(codec.collate(parts)), parts)
    return [select_row(given, place) for place in range(len(parts))]


def run_in_halves(run: Callable[[Sequence[ItemT]], Sequence[ResultT]], items: Sequence[ItemT]) -> list[ResultT]:
    """What `run` gives for each of some items. Where memory runs out, it is given the first half of them, and then the other."""
    try:
        return list(run(items))
    except OutOfMemoryError:
        if len(items) == 1:
            raise
    middle = len(items) // 2
    return [*run_in_halves(run, items[:middle]), *run_in_halves(run, items[middle:])]


def _join(codec: Codec, outputs: Sequence[Sequence[Outputs]], rows: Sequence[Encoded]) -> Outputs:
    """The outputs for whole rows, made of those for the parts of each."""
    return stack_outputs([codec.join(parts, row) for parts, row in zip(outputs, rows, strict=True)])


def check_run_mode(name: str, backend: Backend[Any], codec: Codec, facts: RunnerFacts) -> None:
    """A NotRunError where a backend, by its `name` in the suite, cannot run batches as the task needs it.

    It may not have the mode, or run a file that does not take the states.
    """
    mode = codec.run_mode
    if mode is None:
        return
    if mode.name not in backend.run_modes:
        listed = ", ".join(f"`{one}`" for one in backend.run_modes)
        raise NotRunError(
            f"backend `{name}` does not run a model by `{mode.name}`, as this task does",
            hint=f"it runs {listed}",
        )
    unread = [state.input for state in mode.states if state.input in facts.unread_inputs]
    if unread:
        raise NotRunError(
            f"backend `{name}` runs a file that takes no `{unread[0]}`, which the task feeds back at each step",
            hint="export it with its states as inputs and outputs",
        )
