"""The predict step: from a plan and its prepared rows to observations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from mqa_registry.contributions import RunnerFacts
from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.execution.backends import prepare_backends
from mqa_registry.execution.batching import (
    RunBatching,
    encode,
    fixed_length_findings,
    measure_batching,
)
from mqa_registry.execution.cache import TruncationCache
from mqa_registry.execution.collector import Collector, ignore_observed
from mqa_registry.execution.preparation import first_rows
from mqa_registry.execution.probes import ProbeRunner
from mqa_registry.execution.resources import Resources
from mqa_registry.observations import BackendRecord, Failure, Observations, ObservedView, PreparedData
from mqa_registry.store import join_keys, split_keys
from mqa_registry.types import fingerprint
from mqa_registry.types.rows import digest_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.contributions import Codec
    from mqa_registry.execution.batching import Encodings
    from mqa_registry.execution.collector import Observer
    from mqa_registry.execution.live_backend import LiveBackend
    from mqa_registry.execution.resources import Progress
    from mqa_registry.observations import Truncation
    from mqa_registry.plan import Plan, RowSet, View
    from mqa_registry.store import Store
    from mqa_registry.store.database import Keys
    from mqa_registry.types import Example

CHUNK = 2048  # rows of each set that are encoded together; the next chunk is encoded while this one is predicted


def predict(
    plan: Plan,
    prepared: PreparedData,
    store: Store,
    progress: Progress,
    *,
    fresh: bool = False,
    observer: Observer = ignore_observed,
) -> Observations:
    """Predict every view of the plan, each once, and run every probe.

    Predictions in the store are not made again, unless `fresh`. A failure of a backend or a probe is stored with its
    views and results; input of the user that is wrong raises an MqaError. `observer` is called with every view and probe
    once it is observed.
    """
    backends = prepare_backends(plan, prepared, store)
    live = backends.live
    fingerprints = _fingerprint_rows(prepared) if live else {}
    truncations = _truncation_cache(plan, live, store)
    with ExitStack() as stack:
        resources = Resources(store, stack, progress, fresh)
        batching = _choose_batching(plan, prepared, live, resources)
        probes = stack.enter_context(ProbeRunner(prepared, live, resources, backends.failures, plan.suite.seed))
        probes.check(plan.probe_requests)
        incomplete = [
            backend
            for name, backend in live.items()
            if backend.request_predictions(_requested_by(name, plan, fingerprints), fresh=fresh)
        ]
        collector = Collector(plan.views, prepared, backends, progress, observer)
        collector.collect_views()
        if incomplete and truncations is not None:
            _predict_missing(incomplete, prepared, fingerprints, truncations, resources, collector=collector)
        collector.collect_views(is_last=True)
        for request in plan.probe_requests:
            collector.collect_probe(request, probes.run(request, collector.views))
    return replace(
        collector.observations,
        views={view: collector.views[view] for view in plan.views},
        backends={name: backend.record for name, backend in live.items()} | _replay_records(plan, prepared.replays),
        identities={name: backend.declared_identity for name, backend in live.items()},
        work={name: backend.work for name, backend in live.items()},
        model=next((backend.model for backend in live.values()), {}),
        truncations=_summarize_truncations(fingerprints, truncations) if truncations is not None else {},
        findings=(
            *batching.findings(),
            *(finding for backend in live.values() for finding in backend.findings()),
            *fixed_length_findings(backends.fixed_lengths, live),
        ),
    )


# Before anything is predicted.


def _fingerprint_rows(prepared: PreparedData) -> dict[RowSet, Keys]:
    """The fingerprints of the rows of every usable set, in their order."""
    return {
        row_set: join_keys([fingerprint(example) for example in perturbed.rows.examples()])
        for row_set, perturbed in prepared.usable.items()
    }


def _truncation_cache(plan: Plan, live: Mapping[str, LiveBackend], store: Store) -> TruncationCache | None:
    """The cache of truncated rows; None where no backend runs the model."""
    if plan.suite.model is None or not live:
        return None
    return TruncationCache(store, next(iter(live.values())).model_under_test, plan.suite.model.task)


def _choose_batching(
    plan: Plan, prepared: PreparedData, live: Mapping[str, LiveBackend], resources: Resources
) -> RunBatching:
    """Measure by which rule rows have to be batched, and set it on every backend."""
    rows = first_rows(plan, prepared.rows)
    batching = measure_batching(live.values(), rows, resources) if rows is not None else RunBatching()
    for backend in live.values():
        backend.set_batching(batching.batching)
    return batching


def _requested_by(backend: str, plan: Plan, fingerprints: Mapping[RowSet, Keys]) -> dict[View, Keys]:
    """The views that one backend has to predict, with the fingerprints of their rows."""
    views = (view for view in plan.views if view.backend == backend)
    return {view: fingerprints[view.rows] for view in views if view.rows in fingerprints}


# Predicting.


def _predict_missing(
    backends: Sequence[LiveBackend],
    prepared: PreparedData,
    fingerprints: Mapping[RowSet, Keys],
    truncations: TruncationCache,
    resources: Resources,
    *,
    collector: Collector,
) -> None:
    """Make the predictions that backends lack. Each row is encoded once, for all of them.

    Views are collected after each backend's part of a chunk: the rows of a chunk are batched together, whatever view
    they belong to.
    """
    _refuse_unusable_rows(backends[0].model_under_test.codec, prepared)
    for backend in backends:
        backend.open(resources)
    collector.collect_views()
    opened = [backend for backend in backends if backend.failure is None]
    if not opened:
        return
    try:
        codec = opened[0].codec.with_array_rows()
        for encodings in _prefetch(encode(codec, chunk) for chunk in _chunks(prepared, fingerprints)):
            truncations.put(encodings.full_costs, codec.limit)
            for backend in opened:
                backend.predict(encodings.rows, resources.progress)
                collector.collect_views()
    except (ContributionError, NotRunError) as error:  # of the task, whose encodings all backends need
        for backend in opened:
            backend.failure = backend.failure or Failure.of(error)


def _refuse_unusable_rows(codec: Codec, prepared: PreparedData) -> None:
    """A DataError for the first row that the model cannot run, before anything is predicted."""
    for row_set, perturbed in prepared.usable.items():
        if (unusable := codec.find_unusable(list(perturbed.rows.examples()))) is not None:
            index, reason = unusable
            raise DataError(f"row `{perturbed.rows.ids[index]}` of `{row_set.name}` cannot be run: {reason}")


def _chunks(prepared: PreparedData, fingerprints: Mapping[RowSet, Keys]) -> Iterator[dict[bytes, Example]]:
    """The distinct examples by fingerprint, in chunks.

    A chunk has some rows of every set of one data set, so that rows with the same encoding come together.
    """
    for data in prepared.rows:
        row_sets = [(row_set, perturbed) for row_set, perturbed in prepared.usable.items() if row_set.data == data]
        readers = [
            zip(split_keys(fingerprints[row_set]), perturbed.rows.examples(), strict=True)
            for row_set, perturbed in row_sets
        ]
        while chunk := dict(pair for reader in readers for pair in islice(reader, CHUNK)):
            yield chunk


def _prefetch(items: Iterator[Encodings]) -> Iterator[Encodings]:
    """The same items, each computed in a thread while the one before it is used."""
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = pool.submit(next, items, None)
            yield item


# What else is observed.


def _summarize_truncations(fingerprints: Mapping[RowSet, Keys], truncations: TruncationCache) -> dict[str, Truncation]:
    """How the rows of every data set were truncated: of its unperturbed rows, else of its first set of rows."""
    first: dict[str, Keys] = {}
    for row_set, keys in sorted(fingerprints.items(), key=lambda item: len(item[0].perturb)):
        first.setdefault(row_set.data, keys)
    return {name: summary for name, keys in first.items() if (summary := truncations.summarize(keys)) is not None}


def _replay_records(plan: Plan, replays: Mapping[View, ObservedView]) -> dict[str, BackendRecord]:
    """The record of every backend that replays predictions: the digest of its files, and how they were read."""
    readings: dict[str, list[str]] = {}
    for view, observed in replays.items():
        if observed.predictions is not None:
            readings.setdefault(view.backend, []).append(observed.predictions.read)
    records = {}
    for name, texts in readings.items():
        read = "; ".join(dict.fromkeys(filter(None, texts)))
        facts = RunnerFacts(details={"read": read} if read else {})
        records[name] = BackendRecord(digest_files(plan.suite.backends[name].options), facts)
    return records
