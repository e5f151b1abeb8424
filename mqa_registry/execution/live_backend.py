"""A live backend: one that runs the model, and keeps what it answers in the store."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import CheckedCodec, ForwardPasses, check_identity, open_runner, read_budget, read_facts
from mqa_registry.contributions import Backend, Batching, RunnerFacts, shapes
from mqa_registry.errors import ContributionError, DataError, ExitCode, MqaError, NotRunError, OutOfMemoryError
from mqa_registry.execution.batching import join_outputs, only
from mqa_registry.execution.model_building import runner_spec
from mqa_registry.findings import Finding
from mqa_registry.naming import counted
from mqa_registry.observations import BackendRecord, Failure, Work
from mqa_registry.store import join_keys, split_keys
from mqa_registry.suite import identity
from mqa_registry.types import Predictions, get_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import ExitStack

    from mqa_registry.contributions import ModelUnderTest, OutputReading, Runner
    from mqa_registry.contributions.task import Batch, Outputs
    from mqa_registry.execution.batching import Encoding
    from mqa_registry.execution.progress import Progress
    from mqa_registry.store import Store
    from mqa_registry.store.database import Keys
    from mqa_registry.suite import Use

CODEC = 2  # counts up when the host itself would keep other predictions for the same answers


class LiveBackend:
    """One backend during one run: what it has to answer, what the store has already, and the runner once it is open.

    A `candidate` comes after another backend, which shows that the task can read what the model gives.
    """

    def __init__(
        self, name: str, use: Use, model_under_test: ModelUnderTest, store: Store, *, candidate: bool = False
    ) -> None:
        self.name = name
        self._candidate = candidate
        self.failure: Failure | None = None
        self.work = Work()
        self._use = use
        self._made_by = identity(use)
        self._model_under_test = model_under_test
        self._store = store
        self._batching = Batching()
        self._reading: OutputReading | None = None
        self._facts: RunnerFacts | None = None
        self._runner: Runner | None = None
        self._passes = ForwardPasses(use.contributor)
        self._fingerprints: Keys = join_keys([])
        self._kept: pa.Table | None = None  # the predictions of these fingerprints, in their order, once all are there
        self._backend = use.contribution_as(Backend)
        given = use.call_method(self._backend.identity, model_under_test)
        self.known = check_identity(use.contributor, given)  # before it is opened
        self._settle(self.known)

    @property
    def unopened(self) -> Failure | None:
        """Why it could not be opened; None where it only failed on some rows, of which a probe may tell more."""
        return self.failure if self._runner is None else None

    @property
    def model(self) -> dict[str, Any]:
        """What the model's source says of it."""
        return {"digest": self._model_under_test.model.digest, **self._model_under_test.model.about}

    @property
    def model_under_test(self) -> ModelUnderTest:
        """What it runs."""
        return self._model_under_test

    @property
    def spec(self) -> dict[str, Any] | None:
        """How another process opens it; None where nobody knows."""
        return runner_spec(self._use, self._model_under_test)

    @property
    def codec(self) -> CheckedCodec:
        """The task's codec, which decodes what this backend gives, once it is open."""
        return self._checked_codec.with_reading(self._reading)

    @property
    def runner(self) -> Runner | None:
        """The runner, once it is open."""
        return self._runner

    @property
    def batching(self) -> Batching:
        """How its rows are put into batches."""
        return self._batching

    @property
    def digest(self) -> bytes:
        """What its answers depend on, but for the example; of what it asks for, until it is open."""
        return self._digest

    @property
    def record(self) -> BackendRecord:
        """What the backend ran on, in this run or in the one that filled the store, and the digest of what it is."""
        table = {name: fact for name, fact in self._store.get_facts(self._digest).items() if name != "identity"}
        return BackendRecord(f"sha256:{self._sha256}", RunnerFacts.from_table(table))

    def findings(self) -> list[Finding]:
        """How its outputs were read, where that is not as usual."""
        read_as = self.record.facts.read_as
        return [Finding("note", self.name, f"its outputs are read as {read_as}")] if read_as else []

    def batch_by(self, batching: Batching) -> None:
        """Put rows into batches like that from now on; predictions of other batches are not taken for these."""
        self._batching = batching
        self._settle(self._identity)
        self._note_facts()

    def want(self, fingerprints: Keys, *, fresh: bool) -> bool:
        """Ask for the predictions of these examples; says whether some of them are not in the store."""
        self._fingerprints = np.unique(fingerprints)
        if fresh:
            self._store.delete(self._digest)
        found = self._look_up()
        self.work = Work(found=found)
        if found == len(self._fingerprints):
            return False
        self._store.repair(self._digest)
        return True

    def open(self, stack: ExitStack, progress: Progress) -> None:
        """Load the model, once; a failure is kept, and the backend then answers nothing."""
        if self._runner is None and self.failure is None:
            self._guarded(lambda: self.load(stack, progress))

    def start(self, progress: Progress) -> None:
        """Say how many rows are about to be predicted."""
        progress.start(self.name, int((~self._store.contains(self._digest, self._keys(self._fingerprints))).sum()))

    def load(self, stack: ExitStack, progress: Progress) -> Runner:
        """The runner, open as long as the stack is; raises whatever it raises."""
        progress.stage(f"loading {self.name}")
        contributor = self._use.contributor
        runner: Runner = stack.enter_context(
            open_runner(contributor, self._use.call_method(self._backend.open, self._model_under_test))
        )
        identity, facts = read_facts(contributor, runner)
        if identity != self._identity:
            self._settle(identity)
        self._reading = self._read_by(runner)
        meaning = self._reading.meaning if self._reading else ""
        self._facts = replace(facts, fixed_length=self._model_under_test.codec.length, read_as=meaning)
        self._note_facts()
        self._runner = runner
        return runner

    def answer(self, encodings: Sequence[Encoding], progress: Progress) -> None:
        """Predict those of the encoded rows that are asked for and not in the store, in the batches of the plan."""
        assert self._runner is not None
        asked = only(encodings, self._asked(encodings))
        missing = self._missing(asked)
        budget = self._guarded(self._budget)
        if not budget:
            return
        batches = self._batching.batches(asked, budget, size=lambda row: row.size, shape=lambda row: shapes(row.arrays))
        for batch in batches:
            lacking = only(batch, missing)
            if lacking and self.failure is None:
                self._guarded(partial(self._predict, lacking, progress))

    def predictions(self, fingerprints: Keys, ids: pa.ChunkedArray) -> Predictions:
        """What the store has for these examples, in their order and under these ids; it has them all."""
        if self._kept is None:
            lacking = len(self._fingerprints) - self._look_up()
            if lacking or self._kept is None:
                raise MqaError(f"backend `{self.name}` left {counted(lacking, 'row')} without a prediction")
        task = self._model_under_test.task
        classes = self._model_under_test.model.labels if get_schema(task.schema).has_classes else ()
        table = self._kept.take(pa.array(np.searchsorted(self._fingerprints, fingerprints)))
        return Predictions(task.schema, table.append_column("id", ids), classes)

    def _look_up(self) -> int:
        """How many of the predictions asked for are in the store; where all are, they are held ready."""
        places, table = self._store.get(self._digest, self._keys(self._fingerprints))
        if table is not None and (places >= 0).all():
            self._kept = table.take(pa.array(places))
        return int((places >= 0).sum())

    def _note_facts(self) -> None:
        if self._facts is not None:
            self._store.put_facts(self._digest, {"identity": self._identity, **self._facts.to_table()})

    @property
    def _checked_codec(self) -> CheckedCodec:
        codec = self._model_under_test.codec
        assert isinstance(codec, CheckedCodec)  # `build_model` binds no other
        return codec

    def _read_by(self, runner: Runner) -> OutputReading | None:
        """How the outputs of a runner are decoded, by those for the task's sample, a row at a time."""
        codec = self._checked_codec
        if not codec.reads_outputs:
            return None
        try:
            rows = list(codec.encode(self._model_under_test.samples()))
            outputs = [self._passes.run(runner, codec.collate([row])) for row in rows]
        except Exception:  # the run itself fails on such rows too, and says so
            return None
        return codec.read_outputs({name: join_outputs([one[name] for one in outputs]) for name in outputs[0]}, rows)

    def _settle(self, identity: Mapping[str, str]) -> None:
        """Know the backend, and with it all keys in the store, by what it really is."""
        self._identity = dict(identity)
        whole = {
            "format": CODEC,
            "subject": self._model_under_test.digest,
            "backend": self._made_by,
            "identity": self._identity,
            "batching": self._batching.rule,
        }
        text = json.dumps(whole, sort_keys=True, default=str).encode()
        self._digest = hashlib.blake2b(text, digest_size=16).digest()
        self._sha256 = hashlib.sha256(text).hexdigest()

    def _keys(self, fingerprints: Keys) -> Keys:
        return join_keys(
            [hashlib.blake2b(one, digest_size=16, key=self._digest).digest() for one in split_keys(fingerprints)]
        )

    def _asked(self, encodings: Sequence[Encoding]) -> set[bytes]:
        """Which of these examples this backend has to answer."""
        fingerprints = join_keys([fingerprint for encoding in encodings for fingerprint in encoding.fingerprints])
        return set(split_keys(fingerprints[np.isin(fingerprints, self._fingerprints)]))

    def _missing(self, batch: Sequence[Encoding]) -> set[bytes]:
        fingerprints = join_keys([fingerprint for encoding in batch for fingerprint in encoding.fingerprints])
        return set(split_keys(fingerprints[~self._store.contains(self._digest, self._keys(fingerprints))]))

    def _budget(self) -> int:
        assert self._runner is not None
        return read_budget(self._use.contributor, self._runner)

    def _predict(self, rows: Sequence[Encoding], progress: Progress) -> None:
        """One batch, from arrays to the store."""
        answers = self._decoded(self._outputs(rows), rows)
        copies = [(place, one) for place, row in enumerate(rows) for one in row.fingerprints]
        table = answers.take(pa.array([place for place, _ in copies], pa.int64()))
        self._store.put(self._digest, split_keys(self._keys(join_keys([one for _, one in copies]))), table)
        self.work = Work(self.work.found, self.work.predicted + len(copies), self.work.passes + 1)
        progress.advance(self.name, len(copies))

    def _decoded(self, outputs: Outputs, rows: Sequence[Encoding]) -> pa.Table:
        """What the task reads in them; outputs that it cannot read are a candidate's own failure, and no wrong suite."""
        try:
            return self.codec.decode(outputs, [row.arrays for row in rows])
        except DataError as error:
            if not self._candidate:
                raise
            raise NotRunError(f"the task cannot read what backend `{self.name}` gives: {error.message}") from error

    def run(self, batch: Batch) -> Outputs:
        """What the open runner gives for a batch."""
        assert self._runner is not None
        return self._passes.run(self._runner, batch)

    def _outputs(self, rows: Sequence[Encoding]) -> Outputs:
        """The outputs for one batch; where it does not fit into memory, or is refused as a batch, for its halves."""
        batch: Batch = self._model_under_test.codec.collate([row.arrays for row in rows])
        try:
            return self.run(batch)
        except OutOfMemoryError:
            if len(rows) == 1:
                raise
        except ContributionError as error:
            # BART's head takes no rows with different numbers of `</s>` at once, and each of them alone.
            if len(rows) == 1 or not isinstance(error.__cause__, Exception):
                raise
        middle = len(rows) // 2
        halves = (self._outputs(rows[:middle]), self._outputs(rows[middle:]))
        return {name: join_outputs([half[name] for half in halves]) for name in halves[0]}

    def _guarded(self, step: Callable[[], Any]) -> Any:
        """What a step gives; what it raises becomes this backend's failure, unless the user has to fix the input."""
        try:
            return step()
        except ContributionError as error:
            self.failure = Failure.of_error(error)
        except MqaError as error:
            if error.exit_code is ExitCode.WRONG_INPUT or not isinstance(error, NotRunError):
                raise
            self.failure = Failure.of_refusal(error)
        return None
