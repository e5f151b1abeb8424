"""The predict step: from a plan to observations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.contributions import RunnerFacts
from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.execution.batching import RunBatching, encode, measured
from mqa_registry.execution.live_backend import LiveBackend
from mqa_registry.execution.preparation import first_rows, live_backends_of, with_classes
from mqa_registry.execution.probes import Looking
from mqa_registry.execution.row_lengths import TruncationStore, fixed_lengths, length_findings, of_fixed_length
from mqa_registry.observations import BackendRecord, Failure, Observations, ObservedView, PreparedData
from mqa_registry.store import join_keys, split_keys
from mqa_registry.types import fingerprint
from mqa_registry.types.rows import digest_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.boundary import Contributor
    from mqa_registry.contributions import Codec, ModelUnderTest, RunContext
    from mqa_registry.execution.batching import Encodings
    from mqa_registry.execution.progress import Progress
    from mqa_registry.observations import Truncation
    from mqa_registry.plan import Plan, RowSet, View
    from mqa_registry.store import Store
    from mqa_registry.store.database import Keys
    from mqa_registry.suite import Use
    from mqa_registry.types import Example, Rows

CHUNK = 2048  # rows of each set that are encoded together; the next chunk is encoded while this one is predicted


def predict(
    plan: Plan, prepared: PreparedData, context: RunContext, store: Store, progress: Progress, *, fresh: bool = False
) -> Observations:
    """Predict every view of the plan once; what the store has is not predicted again, unless `fresh`."""
    live, lost, lengths = _live_backends(plan, prepared, store)
    asked = {one: _fingerprints(seen.rows) for one, seen in prepared.usable.items()} if live else {}
    truncations = TruncationStore(store, *_task_of(plan, live)) if live else None
    with ExitStack() as stack:
        rule = RunBatching()
        if (rows := first_rows(plan, prepared.rows)) is not None:
            rule = measured(live.values(), rows, store, stack, progress, fresh=fresh)
        for backend in live.values():
            backend.batch_by(rule.batching)
        looking = stack.enter_context(
            Looking(prepared, live, store, progress, lost=lost, seed=plan.suite.seed, fresh=fresh)
        )
        looking.check(plan.sights)
        wanting = [backend for name, backend in live.items() if backend.want(_asked_of(plan, name, asked), fresh=fresh)]
        if wanting and truncations is not None:
            _answer(
                wanting,
                prepared,
                asked,
                task=_task_of(plan, live)[1].contributor,
                truncations=truncations,
                stack=stack,
                progress=progress,
            )
        answered = {
            view: _answered(view, prepared, live[view.backend], asked) for view in plan.views if view.backend in live
        }
        views = {
            view: with_classes(answered[view], prepared.classes)
            if view in answered
            else prepared.replays[view]
            if view in prepared.replays
            else _unmade(view, prepared, lost)
            for view in plan.views
        }
        sights = {sight: looking.at(sight, views) for sight in plan.sights}
    return Observations(
        prepared.rows,
        views,
        sights,
        backends={name: backend.record for name, backend in live.items()} | _replay_records(plan, prepared.replays),
        identities={name: backend.known for name, backend in live.items()},
        work={name: backend.work for name, backend in live.items()},
        model=next((backend.model for backend in live.values()), {}),
        truncations=_truncations(asked, truncations),
        findings=(
            *rule.findings(),
            *(found for backend in live.values() for found in backend.findings()),
            *length_findings(lengths, live),
        ),
    )


def _live_backends(
    plan: Plan, prepared: PreparedData, store: Store
) -> tuple[dict[str, LiveBackend], dict[str, Failure], dict[str, int]]:
    """The backends that the plan needs and that run the model, why others cannot, and the fixed lengths of some.

    The model is not built yet.
    """
    suite, live, model_under_test = plan.suite, live_backends_of(plan), prepared.model_under_test
    if model_under_test is None:
        return {}, dict.fromkeys(live, prepared.model_failure) if prepared.model_failure else {}, {}
    first = next(iter(suite.backends))
    made: dict[str, LiveBackend] = {}
    lengths, lost = fixed_lengths({name: suite.backends[name] for name in live}, model_under_test)
    model_under_test = of_fixed_length(model_under_test, lengths)
    for name in live:
        if name in lost:
            continue
        candidate = first in live and name != first
        try:
            made[name] = LiveBackend(name, suite.backends[name], model_under_test, store, candidate=candidate)
        except (ContributionError, NotRunError) as error:
            lost[name] = Failure.of(error)
    return made, lost, lengths


def _task_of(plan: Plan, live: Mapping[str, LiveBackend]) -> tuple[ModelUnderTest, Use]:
    assert plan.suite.model is not None  # something runs it
    return next(iter(live.values())).model_under_test, plan.suite.model.task


def _truncations(asked: Mapping[RowSet, Keys], store: TruncationStore | None) -> dict[str, Truncation]:
    """Per data set how its rows were truncated, those of its first set of rows: the unperturbed ones where there are any."""
    first: dict[str, Keys] = {}
    for row_set, fingerprints in sorted(asked.items(), key=lambda one: len(one[0].perturb)):
        first.setdefault(row_set.data, fingerprints)
    found = {name: store.of(fingerprints) if store else None for name, fingerprints in first.items()}
    return {name: truncation for name, truncation in found.items() if truncation is not None}


def _fingerprints(rows: Rows) -> Keys:
    return join_keys([fingerprint(example) for example in rows.examples()])


def _asked_of(plan: Plan, backend: str, asked: Mapping[RowSet, Keys]) -> Keys:
    """The examples that one backend has to predict, by fingerprint."""
    return np.concatenate([join_keys([]), *(asked[one] for one in plan.row_sets_of(backend) if one in asked)])


def _answer(
    backends: Sequence[LiveBackend],
    prepared: PreparedData,
    asked: Mapping[RowSet, Keys],
    *,
    task: Contributor,
    truncations: TruncationStore,
    stack: ExitStack,
    progress: Progress,
) -> None:
    """Let backends that lack predictions make them; each row is encoded once for all, by the task of that name."""
    _refuse_unusable_rows(backends[0].model_under_test.codec, prepared)
    for backend in backends:
        backend.open(stack, progress)
    ready = [backend for backend in backends if backend.failure is None]
    if not ready:
        return
    for backend in ready:
        backend.start(progress)
    chunks = _chunks(prepared, asked)
    try:
        codec = ready[0].codec.with_array_rows()
        for encodings in _ahead(encode(codec, chunk) for chunk in chunks):
            truncations.put(encodings.truncated, codec.limit)
            for backend in ready:
                backend.answer(encodings.rows, progress)
    except (ContributionError, NotRunError) as error:  # the task's, and with it of whoever needs its encodings
        for backend in ready:
            backend.failure = backend.failure or Failure.of(error)


def _refuse_unusable_rows(codec: Codec, prepared: PreparedData) -> None:
    """Find rows that the model cannot run before anything is predicted."""
    for row_set, seen in prepared.usable.items():
        if (found := codec.find_unusable(list(seen.rows.examples()))) is not None:
            place, why = found
            raise DataError(f"row `{seen.rows.ids[place]}` of `{row_set.name}` cannot be run: {why}")


def _chunks(prepared: PreparedData, asked: Mapping[RowSet, Keys]) -> Iterator[dict[bytes, Example]]:
    """The distinct examples, some rows of every set at a time, so that what is alike comes together."""
    for data in prepared.rows:
        sets = [(one, seen) for one, seen in prepared.usable.items() if one.data == data]
        readers = [zip(split_keys(asked[one]), seen.rows.examples(), strict=True) for one, seen in sets]
        while chunk := dict(pair for reader in readers for pair in islice(reader, CHUNK)):
            yield chunk


def _ahead(items: Iterator[Encodings]) -> Iterator[Encodings]:
    """The same items, each made in a thread while the one before it is in use."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _answered(view: View, prepared: PreparedData, backend: LiveBackend, asked: Mapping[RowSet, Keys]) -> ObservedView:
    seen = prepared.row_sets[view.rows]
    if isinstance(seen, Failure):
        return ObservedView(None, failure=seen)
    if backend.failure is not None:
        return ObservedView(seen, failure=backend.failure)
    return ObservedView(seen, backend.predictions(asked[view.rows], seen.rows.ids))


def _replay_records(plan: Plan, replayed: Mapping[View, ObservedView]) -> dict[str, BackendRecord]:
    """Of every backend that brings predictions: the digest of their files, and how they were read."""
    read: dict[str, dict[str, None]] = {}
    for view, observed in replayed.items():
        if observed.predictions is not None:
            read.setdefault(view.backend, {})[observed.predictions.read] = None
    remarks = {name: "; ".join(filter(None, told)) for name, told in read.items()}
    return {
        name: BackendRecord(
            digest_files(plan.suite.backends[name].options), RunnerFacts(details={"read": words} if words else {})
        )
        for name, words in remarks.items()
    }


def _unmade(view: View, prepared: PreparedData, lost: Mapping[str, Failure]) -> ObservedView:
    """A view of a backend that could not be made ready, or of rows that could not."""
    seen = prepared.row_sets[view.rows]
    return (
        ObservedView(None, failure=seen)
        if isinstance(seen, Failure)
        else ObservedView(seen, failure=lost[view.backend])
    )
