"""Benchmarks: batches of rows of the data, encoded before they are timed, and the clock around each run."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Le

from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import ProbeContext, Runner

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]


MAX_BATCH_SIZE = 4096  # each row is copied into the batch


@dataclass(frozen=True, kw_only=True)
class RepetitionOptions:
    """How often rows of the data are run.

    `warmup` is how many runs come before the first that counts. `repetitions` is how many runs count. `rows` is how many
    rows of the data are sampled, and run over and over, so that long and short ones come as often as in the data.
    """

    warmup: Annotated[int, Ge(0)] = 2
    repetitions: Annotated[int, Ge(1)] = 20
    rows: Annotated[int, Ge(1)] = 64


@dataclass(frozen=True, kw_only=True)
class BenchmarkOptions(RepetitionOptions):
    """How rows are put into batches.

    `batch_size` is how many rows are run at once.
    """

    batch_size: Annotated[int, Ge(1), Le(MAX_BATCH_SIZE)] = 1


@dataclass(frozen=True)
class Batch:
    """The arrays of one batch. `cost` is that of the codec, tokens or the like, padding included."""

    arrays: Arrays
    n_rows: int
    cost: int


def sample_rows(context: ProbeContext, n_rows: int) -> list[Arrays]:
    """`n_rows` rows of a view, or all where there are fewer, sampled without replacement, encoded, and in their parts.

    Rows that cannot be encoded are lost; NotRunError where no row is left.
    """
    rows = context.view.rows
    if not len(rows):
        raise NotRunError("there are no rows to run the model on")
    sampled = context.rng.choice(len(rows), min(n_rows, len(rows)), replace=False)
    assert context.model_under_test is not None  # a backend that runs a model has one
    encoded = context.encode(context.view.take(sampled.tolist()))
    parts = [part for row in encoded for part in context.model_under_test.codec.split(row.arrays)]
    if not parts:
        raise NotRunError("no row that was drawn can be encoded")
    return parts


def make_batches(context: ProbeContext, rows: Sequence[Arrays], batch_size: int) -> list[Batch]:
    """The rows in batches of one size, each about as often as any other, and none twice in a batch where that is possible.

    NotRunError where the model takes one row at a time, and `batch_size` is larger.
    """
    if batch_size > 1 and not context.batching.takes_batches:
        raise NotRunError(context.batching.reason, hint="time it with `batch_size = 1`")
    assert context.model_under_test is not None  # as above
    codec = context.model_under_test.codec
    repeated = cycle(rows)
    batches = []
    for _ in range(math.ceil(len(rows) / batch_size)):
        batch = list(islice(repeated, batch_size))
        batches.append(Batch(codec.collate(batch), len(batch), len(batch) * max(map(codec.cost, batch))))
    return batches


def time_run(runner: Runner, batch: Batch) -> float:
    """Seconds from arrays in this process's memory to arrays there, a GPU's work and its copies included."""
    began = time.perf_counter_ns()
    runner.run(batch.arrays)
    return (time.perf_counter_ns() - began) / 1e9


def time_repeatedly(
    runner: Runner, batches: Sequence[Batch], options: RepetitionOptions
) -> Iterator[tuple[Batch, float]]:
    """The batches over and over, each with the seconds of its run; the runs of the warm-up are not among the repetitions."""
    for batch in islice(cycle(batches), options.warmup):
        runner.run(batch.arrays)
    for batch in islice(cycle(batches), options.repetitions):
        yield batch, time_run(runner, batch)
