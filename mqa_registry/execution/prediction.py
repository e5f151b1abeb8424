"""The predict step: from a plan and its prepared rows to observations."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from mqa_registry.contributions import RunnerFacts
from mqa_registry.execution.backends import prepare_backends
from mqa_registry.execution.collector import Collector, ignore_observed
from mqa_registry.execution.inference.batching import RunBatching, fixed_length_findings, measure_batching
from mqa_registry.execution.inference.shard_loop import ShardLoop
from mqa_registry.execution.preparation import first_rows
from mqa_registry.execution.probes import ProbeRunner
from mqa_registry.execution.resources import Resources
from mqa_registry.observations import BackendRecord, Observations, ObservedView
from mqa_registry.types.digests import digest_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.execution.collector import Observer
    from mqa_registry.execution.inference.live_backend import LiveBackend
    from mqa_registry.execution.preparation import PreparedData
    from mqa_registry.execution.resources import Progress
    from mqa_registry.execution.workers.driver import Workers
    from mqa_registry.observations import Truncation
    from mqa_registry.plan import Plan, View
    from mqa_registry.store import Store


def predict(
    plan: Plan,
    prepared: PreparedData,
    store: Store,
    progress: Progress,
    *,
    fresh: bool = False,
    observer: Observer = ignore_observed,
    workers: Workers | None = None,
) -> Observations:
    """Predict every view of the plan, each once, and run every probe.

    Predictions in the store are not made again, unless `fresh`. A failure of a backend or a probe is stored with its
    views and results; input of the user that is wrong raises an MqaError. `observer` is called with every view and probe
    once it is observed. `workers` predict where the executor is not this process.
    """
    backends = prepare_backends(plan, prepared, store, workers)
    live = backends.live
    with ExitStack() as stack:
        resources = Resources(store, stack, progress, fresh)
        batching = _choose_batching(plan, prepared, live, resources)
        probes = stack.enter_context(ProbeRunner(prepared, live, resources, backends.failures, plan.suite.seed))
        probes.check(plan.probe_requests)
        collector = Collector(plan.views, prepared, backends, progress, observer)
        truncations = _predict_views(plan, prepared, live, resources, collector, workers=workers)
        prepared.row_sets.make()
        collector.collect_rest()
        for request in plan.probe_requests:
            collector.collect_probe(request, probes.run(request, collector.views))
    return replace(
        collector.observations,
        views={view: collector.views[view] for view in plan.views},
        backends={name: backend.record for name, backend in live.items()} | _replay_records(plan, prepared.replays),
        identities={name: backend.declared_identity for name, backend in live.items()},
        work={name: backend.work for name, backend in live.items()},
        model=next((backend.model for backend in live.values()), {}),
        truncations=truncations,
        findings=(
            *batching.findings(),
            *(finding for backend in live.values() for finding in backend.findings()),
            *fixed_length_findings(backends.fixed_lengths, live),
        ),
    )


def _choose_batching(
    plan: Plan, prepared: PreparedData, live: Mapping[str, LiveBackend], resources: Resources
) -> RunBatching:
    """Measure by which rule rows have to be batched, and set it on every backend."""
    rows = first_rows(plan, prepared.rows)
    batching = measure_batching(live.values(), rows, resources) if rows is not None else RunBatching()
    for backend in live.values():
        backend.set_batching(batching.batching)
    return batching


def _predict_views(
    plan: Plan,
    prepared: PreparedData,
    live: Mapping[str, LiveBackend],
    resources: Resources,
    collector: Collector,
    *,
    workers: Workers | None,
) -> dict[str, Truncation]:
    """Predict the views that run the model, where there are any; returns how the rows of each data set were truncated."""
    collector.collect_settled()
    if plan.suite.model is None or not live:
        return {}
    loop = ShardLoop(plan, prepared.row_sets, live, resources, collector, workers=workers)
    loop.run()
    return loop.truncations


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
