"""A live backend: one that runs the model, and keeps what it answers in the store."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa

from mqa_registry.data import Predictions, schema_named
from mqa_registry.errors import DataError, ExitCode, MqaError, NotRunError, OutOfMemoryError
from mqa_registry.naming import counted
from mqa_registry.predict.batches import only, packed
from mqa_registry.predict.observations import Failure, Work
from mqa_registry.predict.subject import origin_of
from mqa_registry.store import joined, split
from mqa_registry.suite import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import ExitStack

    from mqa_registry.contributions import Backend, Codec, Runner, Subject
    from mqa_registry.contributions.subject import Batch, Outputs
    from mqa_registry.predict.batches import Encoding
    from mqa_registry.predict.progress import Progress
    from mqa_registry.store import Store
    from mqa_registry.store.packing import Keys
    from mqa_registry.suite import Use

CODEC = 1  # counts up when the host itself would keep other predictions for the same answers


class LiveBackend:
    """One backend during one run: what it has to answer, what the store has already, and the runner once it is open.

    A `candidate` comes after another backend, which shows that the task can read what the model gives.
    """

    def __init__(self, name: str, use: Use, subject: Subject, store: Store, *, candidate: bool = False) -> None:
        self.name = name
        self._candidate = candidate
        self.failure: Failure | None = None
        self.work = Work()
        self._use = use
        self._made_by = identity(use)
        self._subject = subject
        self._store = store
        self._runner: Runner | None = None
        self._fingerprints: Keys = joined([])
        self._kept: pa.Table | None = None  # the predictions of these fingerprints, in their order, once all are there
        backend = cast("Backend", use.contribution)
        self.known = dict(backend.identity(subject, **use.options))  # before it is opened
        self._settle(self.known)

    @property
    def unopened(self) -> Failure | None:
        """Why it could not be opened; None where it only failed on some rows, of which a probe may tell more."""
        return self.failure if self._runner is None else None

    @property
    def model(self) -> dict[str, Any]:
        """What the model's source says of it."""
        return {"digest": self._subject.model.digest, **self._subject.model.about}

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes the model answers with."""
        return self._subject.model.labels

    @property
    def subject(self) -> Subject:
        """What it runs."""
        return self._subject

    @property
    def origin(self) -> dict[str, Any] | None:
        """How another process opens it; None where nobody knows."""
        return origin_of(self._use, self._subject)

    @property
    def codec(self) -> Codec:
        return self._subject.codec

    @property
    def digest(self) -> bytes:
        """What its answers depend on, but for the example; of what it asks for, until it is open."""
        return self._digest

    @property
    def facts(self) -> dict[str, Any]:
        """What the backend ran on, in this run or in the one that filled the store."""
        return self._store.noted(self._digest)

    def want(self, fingerprints: Keys, *, fresh: bool) -> bool:
        """Ask for the predictions of these examples; says whether some of them are not in the store."""
        self._fingerprints = np.unique(fingerprints)
        if fresh:
            self._store.forget(self._digest)
        found = self._look_up()
        self.work = Work(found=found)
        if found == len(self._fingerprints):
            return False
        self._store.mend(self._digest)
        return True

    def open(self, stack: ExitStack, progress: Progress) -> None:
        """Load the model; a failure is kept, and the backend then answers nothing."""
        runner: Runner | None = self._guarded(lambda: self.load(stack, progress))
        if runner is None:
            return
        self._runner = runner
        progress.start(self.name, int((~self._store.known(self._digest, self._keys(self._fingerprints))).sum()))

    def load(self, stack: ExitStack, progress: Progress) -> Runner:
        """The runner, open as long as the stack is; raises whatever it raises."""
        progress.stage(f"loading {self.name}")
        runner: Runner = stack.enter_context(self._use.call(self._subject))
        if dict(runner.identity) != self._identity:
            self._settle(runner.identity)
        self._store.note(self._digest, {"identity": self._identity, **runner.facts})
        return runner

    def answer(self, encodings: Sequence[Encoding], progress: Progress) -> None:
        """Predict those of the encoded rows that are asked for and not in the store, in the batches of the plan."""
        assert self._runner is not None
        asked = only(encodings, self._asked(encodings))
        missing = self._missing(asked)
        for batch in packed(asked, self._runner.budget):
            lacking = only(batch, missing)
            if lacking and self.failure is None:
                self._guarded(partial(self._predict, lacking, progress))

    def predictions(self, fingerprints: Keys, ids: pa.ChunkedArray) -> Predictions:
        """What the store has for these examples, in their order and under these ids; it has them all."""
        if self._kept is None:
            lacking = len(self._fingerprints) - self._look_up()
            if lacking or self._kept is None:
                raise MqaError(f"backend `{self.name}` left {counted(lacking, 'row')} without a prediction")
        task = self._subject.task
        classes = self._subject.model.labels if schema_named(task.schema).classed else ()
        table = self._kept.take(pa.array(np.searchsorted(self._fingerprints, fingerprints)))
        return Predictions(task.schema, table.append_column("id", ids), classes)

    def _look_up(self) -> int:
        """How many of the predictions asked for are in the store; where all are, they are held ready."""
        places, table = self._store.get(self._digest, self._keys(self._fingerprints))
        if table is not None and (places >= 0).all():
            self._kept = table.take(pa.array(places))
        return int((places >= 0).sum())

    def _settle(self, identity: Mapping[str, str]) -> None:
        """Know the backend, and with it all keys in the store, by what it really is."""
        self._identity = dict(identity)
        whole = {
            "format": CODEC,
            "subject": self._subject.digest,
            "backend": self._made_by,
            "identity": self._identity,
        }
        text = json.dumps(whole, sort_keys=True, default=str)
        self._digest = hashlib.blake2b(text.encode(), digest_size=16).digest()

    def _keys(self, fingerprints: Keys) -> Keys:
        return joined([hashlib.blake2b(one, digest_size=16, key=self._digest).digest() for one in split(fingerprints)])

    def _asked(self, encodings: Sequence[Encoding]) -> set[bytes]:
        """Which of these examples this backend has to answer."""
        fingerprints = joined([fingerprint for encoding in encodings for fingerprint in encoding.fingerprints])
        return set(split(fingerprints[np.isin(fingerprints, self._fingerprints)]))

    def _missing(self, batch: Sequence[Encoding]) -> set[bytes]:
        fingerprints = joined([fingerprint for encoding in batch for fingerprint in encoding.fingerprints])
        return set(split(fingerprints[~self._store.known(self._digest, self._keys(fingerprints))]))

    def _predict(self, rows: Sequence[Encoding], progress: Progress) -> None:
        """One batch, from arrays to the store."""
        answers = self._decoded(self._outputs(rows), rows)
        copies = [(place, one) for place, row in enumerate(rows) for one in row.fingerprints]
        table = answers.take(pa.array([place for place, _ in copies], pa.int64()))
        self._store.put(self._digest, split(self._keys(joined([one for _, one in copies]))), table)
        self.work = Work(self.work.found, self.work.predicted + len(copies), self.work.passes + 1)
        progress.advance(self.name, len(copies))

    def _decoded(self, outputs: Outputs, rows: Sequence[Encoding]) -> pa.Table:
        """What the task reads in them; outputs that it cannot read are a candidate's own failure, and no wrong suite."""
        try:
            return self._subject.codec.decode(outputs, [row.arrays for row in rows])
        except DataError as error:
            if not self._candidate:
                raise
            raise NotRunError(f"the task cannot read what backend `{self.name}` gives: {error.message}") from error

    def _outputs(self, rows: Sequence[Encoding]) -> Outputs:
        """The outputs for one batch; where it does not fit into memory, for its halves."""
        batch: Batch = self._subject.codec.collate([row.arrays for row in rows])
        assert self._runner is not None
        try:
            return self._runner.run(batch)
        except OutOfMemoryError:
            if len(rows) == 1:
                raise
        middle = len(rows) // 2
        halves = (self._outputs(rows[:middle]), self._outputs(rows[middle:]))
        return {name: _stacked(halves[0][name], halves[1][name]) for name in halves[0]}

    def _guarded(self, step: Callable[[], Any]) -> Any:
        """What a step gives; what it raises becomes this backend's failure, unless the user has to mend the input."""
        try:
            return step()
        except MqaError as error:
            if error.exit_code is ExitCode.WRONG_INPUT or not isinstance(error, NotRunError):
                raise
            self.failure = Failure.of_refusal(error)
        except Exception as error:
            self.failure = Failure.of_crash(f"backend `{self.name}` crashed", error)
        return None


def _stacked(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Two halves of an output, the narrower one padded with zeros to the other's shape."""
    shape = np.maximum(first.shape[1:], second.shape[1:])
    padded = [
        np.pad(half, [(0, 0), *((0, to - by) for to, by in zip(shape, half.shape[1:], strict=True))])
        for half in (first, second)
    ]
    return np.concatenate(padded)
