"""The session of a backend: its runner, once it is open, and the predictions that it makes of encoded rows.

A session knows no store. It works alike in the process of a run and in that of a worker.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import (
    CheckedCodec,
    ForwardPasses,
    check_identity,
    open_runner,
    read_budget,
    read_facts,
)
from mqa_registry.contributions import Backend, Batching, shapes
from mqa_registry.errors import ContributionError, DataError, MqaError, NotRunError, OutOfMemoryError
from mqa_registry.execution.inference.batch_runs import check_run_mode, run_rows
from mqa_registry.execution.inference.encoding import select_encodings
from mqa_registry.execution.model_building import runner_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import ExitStack

    from mqa_registry.contributions import ModelUnderTest, OutputReading, Runner, RunnerFacts
    from mqa_registry.contributions.task import Batch, Outputs
    from mqa_registry.execution.inference.encoding import Encoding
    from mqa_registry.suite import Use


@dataclass(frozen=True)
class BatchPredictions:
    """What one batch gave: a row of `table` for each of the fingerprints. `lost` are the errors of those that failed alone."""

    fingerprints: Sequence[bytes]
    table: pa.Table | None
    lost: Mapping[bytes, MqaError] = field(default_factory=dict)


class BackendSession:
    """One backend, opened once, that predicts encoded rows.

    `identity` is what the backend says of itself; that of the runner, once it is open. A `candidate` comes after another
    backend, which shows that the task can read outputs of the model.
    """

    def __init__(self, name: str, use: Use, model_under_test: ModelUnderTest, *, candidate: bool = False) -> None:
        self.name = name
        self.is_remote = False
        self.model_under_test = model_under_test
        self.batching = Batching()
        self.runner: Runner | None = None
        self.facts: RunnerFacts | None = None
        self._candidate = candidate
        self._use = use
        self._backend = use.contribution_as(Backend)
        self._passes = ForwardPasses(use.contributor)
        self._reading: OutputReading | None = None
        self._budget = 1
        self._predicted: Encoding | None = None  # a row that this session has predicted
        declared = use.call_method(self._backend.identity, model_under_test)
        self.declared_identity: Mapping[str, str] = check_identity(use.contributor, declared)
        self.identity: Mapping[str, str] = self.declared_identity

    @property
    def spec(self) -> dict[str, Any] | None:
        """How another process opens it; None where that is unknown."""
        return runner_spec(self._use, self.model_under_test)

    @property
    def codec(self) -> CheckedCodec:
        """The task's codec; once the backend is open, it decodes this backend's outputs."""
        return self._checked_codec.with_reading(self._reading)

    # Opening.

    def open(self, stack: ExitStack) -> Runner:
        """The runner, loaded and open as long as the stack; raises any error of the backend."""
        contributor = self._use.contributor
        opened = self._use.call_method(self._backend.open, self.model_under_test)
        runner: Runner = stack.enter_context(open_runner(contributor, opened))
        self.identity, facts = read_facts(contributor, runner)
        self._reading = self._infer_reading(runner)
        meaning = self._reading.meaning if self._reading else ""
        self.facts = replace(facts, fixed_length=self.model_under_test.codec.length, read_as=meaning)
        check_run_mode(self.name, self._backend, self._checked_codec, self.facts)
        self.runner = runner
        return runner

    def check_identity(self, identity: Mapping[str, str]) -> None:
        """A NotRunError where a worker has opened another backend than this one, by its identity."""
        names = [
            name for name in dict.fromkeys([*self.identity, *identity]) if self.identity.get(name) != identity.get(name)
        ]
        if names:
            one, other = (
                ", ".join(f"`{name}` {of.get(name, 'unknown')}" for name in names) for of in (self.identity, identity)
            )
            raise NotRunError(
                f"backend `{self.name}` is not the same on all workers: {one} on one, {other} on another",
                hint="run it on machines of one kind",
            )

    def open_here(self, stack: ExitStack) -> Runner:
        """A runner in this process, for probes, which look inside of it; raises any error of the backend."""
        return self.runner or self.open(stack)

    def _infer_reading(self, runner: Runner) -> OutputReading | None:
        """How the outputs of a runner are decoded, inferred from those for the task's sample, a row at a time."""
        codec = self._checked_codec
        if not codec.reads_outputs:
            return None
        try:
            rows = list(codec.encode(self.model_under_test.samples()))
            outputs = [self._passes.run(runner, codec.collate([row])) for row in rows]
        except Exception:  # predicting the rows of the run fails too, and reports it
            return None
        return codec.read_outputs({name: join_outputs([one[name] for one in outputs]) for name in outputs[0]}, rows)

    @property
    def _checked_codec(self) -> CheckedCodec:
        codec = self.model_under_test.codec
        assert isinstance(codec, CheckedCodec)  # `build_model` binds no other
        return codec

    # Predicting.

    def run(self, batch: Batch) -> Outputs:
        """The outputs of the open runner for a batch."""
        assert self.runner is not None
        return self._passes.run(self.runner, batch)

    def predict(
        self, requested: Sequence[Encoding], missing: set[bytes], *, has_found: bool = False
    ) -> Iterator[BatchPredictions]:
        """The predictions of those of the requested rows that are missing, batch by batch.

        Batches are made of all that are requested, so that the batch of a row does not depend on the store. A row that
        fails alone is lost. The error is raised where the backend fails on every row that it is given; `has_found` says
        that it has predicted others before, which the store has.
        """
        assert self.runner is not None
        budget = self._budget = read_budget(self._use.contributor, self.runner)
        batches = self.batching.batches(
            requested, budget, cost=lambda row: row.cost, shape=lambda row: shapes(row.arrays)
        )
        error: MqaError | None = None
        for batch in batches:
            rows = select_encodings(batch, missing)
            if rows:
                predictions = self._predict_batch(rows)
                if predictions.table is None:
                    error = error or self._check_alive(predictions)
                yield predictions
        if error is not None and self._predicted is None and not has_found:
            raise error

    def _predict_batch(self, rows: Sequence[Encoding]) -> BatchPredictions:
        """Run one batch and decode its outputs: a prediction for every example with one of these encodings.

        Where a batch does not fit into memory, or the model refuses it, its halves are run.
        """
        try:
            outputs = run_rows(self._checked_codec, self.run, [row.arrays for row in rows], self.batching, self._budget)
            table = self._decode(outputs, rows)
        except (OutOfMemoryError, ContributionError) as error:
            if isinstance(error, ContributionError) and not isinstance(error.__cause__, Exception):
                raise  # what it gave is not what it must give, or it was still at work when its time was up
            if len(rows) == 1:
                return BatchPredictions((), None, dict.fromkeys(rows[0].fingerprints, error))
            # BART's head takes no rows with different numbers of `</s>` in one batch, and each of them alone.
            middle = len(rows) // 2
            return _join(self._predict_batch(rows[:middle]), self._predict_batch(rows[middle:]))
        self._predicted = self._predicted or rows[-1]
        positions = [position for position, row in enumerate(rows) for _ in row.fingerprints]
        names = list(chain.from_iterable(row.fingerprints for row in rows))
        return BatchPredictions(names, table.take(pa.array(positions, pa.int64())))

    def _check_alive(self, failed: BatchPredictions) -> MqaError:
        """The first error of a batch that lost all its rows. It is raised where a row that was predicted before fails, too."""
        error = next(iter(failed.lost.values()))
        if self._predicted is not None and self._predict_batch([self._predicted]).table is None:
            raise error
        return error

    def _decode(self, outputs: Outputs, rows: Sequence[Encoding]) -> pa.Table:
        """The predictions in these outputs. Outputs that the task cannot read are the failure of a candidate.

        Of the first backend they are an error of the suite, as its task does not fit the model.
        """
        try:
            return self.codec.decode(outputs, [row.arrays for row in rows])
        except DataError as error:
            if not self._candidate:
                raise
            raise NotRunError(f"the task cannot read the outputs of backend `{self.name}`: {error.message}") from error


def _join(*parts: BatchPredictions) -> BatchPredictions:
    """What the parts of one batch gave, together."""
    tables = [part.table for part in parts if part.table is not None]
    names = list(chain.from_iterable(part.fingerprints for part in parts))
    lost = {name: error for part in parts for name, error in part.lost.items()}
    return BatchPredictions(names, pa.concat_tables(tables) if tables else None, lost)


def join_outputs(parts: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """Concatenate parts of an output along the rows; narrower parts are padded with zeros to the shape of the widest."""
    if not all(part.ndim for part in parts):
        return parts[0]
    shape = np.max([part.shape[1:] for part in parts], axis=0)
    padded = [
        np.pad(part, [(0, 0), *((0, int(to - by)) for to, by in zip(shape, part.shape[1:], strict=True))])
        for part in parts
    ]
    return np.concatenate(padded)
