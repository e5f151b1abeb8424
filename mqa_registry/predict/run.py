"""The predict step: from a plan to observations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mqa_registry.boundary import encoding_arrays
from mqa_registry.contributions import Replay
from mqa_registry.data import fingerprint, labels_in, other_labels, schema_named
from mqa_registry.data.digest import digest_of_files
from mqa_registry.errors import ContributionError, DataError, ExitCode, MqaError, NotRunError
from mqa_registry.predict.batches import encode
from mqa_registry.predict.batching import RunBatching, measured
from mqa_registry.predict.disturb import disturb
from mqa_registry.predict.live import LiveBackend
from mqa_registry.predict.load import load
from mqa_registry.predict.looking import Looking
from mqa_registry.predict.observations import Disturbed, Failure, Observations, Observed, Prepared
from mqa_registry.predict.preflight import preflight
from mqa_registry.predict.replayed import replay
from mqa_registry.predict.subject import subject_of
from mqa_registry.predict.truncation import TruncationStore
from mqa_registry.store import joined, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mqa_registry.boundary import Contributor
    from mqa_registry.contributions import Backend, Codec, Conditions, Subject, Task
    from mqa_registry.data import Example, Rows
    from mqa_registry.plan import Plan, RowSet, View
    from mqa_registry.predict.batches import Encodings
    from mqa_registry.predict.progress import Progress
    from mqa_registry.predict.truncation import Truncation
    from mqa_registry.store import Store
    from mqa_registry.store.packing import Keys
    from mqa_registry.suite import Use

CHUNK = 2048  # rows of each set that are encoded together; the next chunk is encoded while this one is predicted


def load_rows(plan: Plan, conditions: Conditions) -> dict[str, Rows]:
    """Read the data sets that the plan needs."""
    suite, task = plan.suite, _task(plan)
    names = dict.fromkeys(row_set.data for row_set in plan.row_sets)
    return {name: load(suite.data[name], task, conditions, suite.seed) for name in names}


def prepare(plan: Plan, conditions: Conditions, progress: Progress) -> Prepared:
    """Read the data sets that the plan needs, and perturb their rows.

    The preflight comes before all that is costly: an error has everything that is wrong with the suite's data and checks.
    """
    progress.stage("reading the data")
    rows, lost = _load(plan, conditions)
    subject, unmade = _made_subject(plan, conditions, rows)
    if subject is not None:
        preflight(plan, rows, subject.task.schema, subject.model.labels)
    seen = perturb_rows(plan, rows, progress, lost)
    replayed = {view: _replayed(plan, view, seen[view.rows]) for view in _to_replay(plan)}
    classes = _classes(subject, replayed.values(), rows.values())
    if subject is None and unmade is None and (schema := _schema(replayed.values())):
        preflight(plan, rows, schema, classes)
    replayed = {view: _with_classes(one, classes) for view, one in replayed.items()}
    return Prepared(rows, seen, subject, unmade, replayed, classes)


def examine(plan: Plan, conditions: Conditions) -> dict[str, Rows]:
    """Read the rows, and look for all that a run would refuse before it predicts; nothing is perturbed, or kept.

    Of replayed predictions, those for the rows as they are are read; of backends, the files that they name.
    """
    rows = load_rows(plan, conditions)
    subject = _subject(plan, conditions, rows)
    if subject is not None:
        for name in _live(plan):
            _identified(plan.suite.backends[name], subject)
        preflight(plan, rows, subject.task.schema, subject.model.labels)
        return rows
    views = [view for view in _to_replay(plan) if not view.rows.perturb]
    replayed = [_replayed(plan, view, Disturbed(rows[view.rows.data])) for view in views]
    if schema := _schema(replayed):
        preflight(plan, rows, schema, _classes(None, replayed, rows.values()))
    return rows


def perturb_rows(
    plan: Plan, rows: Mapping[str, Rows], progress: Progress, lost: Mapping[str, Failure] | None = None
) -> dict[RowSet, Disturbed | Failure]:
    """Every set of rows as the model sees it; of data sets that were lost, why."""
    if any(row_set.perturb for row_set in plan.row_sets):
        progress.stage("disturbing rows")
    task = _task(plan)
    return {
        one: lost[one.data]
        if lost and one.data in lost
        else disturb(rows[one.data], one.perturb, task, plan.suite.seed)
        for one in plan.row_sets
    }


def _load(plan: Plan, conditions: Conditions) -> tuple[dict[str, Rows], dict[str, Failure]]:
    """The data sets that the plan needs, and why there is nothing of those whose source is broken or cannot run."""
    suite, task = plan.suite, _task(plan)
    rows: dict[str, Rows] = {}
    lost: dict[str, Failure] = {}
    for name in dict.fromkeys(row_set.data for row_set in plan.row_sets):
        try:
            rows[name] = load(suite.data[name], task, conditions, suite.seed)
        except (ContributionError, NotRunError) as error:
            lost[name] = Failure.of(error)
    return rows, lost


def predict(
    plan: Plan, prepared: Prepared, conditions: Conditions, store: Store, progress: Progress, *, fresh: bool = False
) -> Observations:
    """Predict every view of the plan once; what the store has is not predicted again, unless `fresh`."""
    live, lost = _live_backends(plan, prepared, store)
    asked = {one: _fingerprints(seen.rows) for one, seen in prepared.sound.items()} if live else {}
    truncations = TruncationStore(store, *_task_of(plan, live)) if live else None
    with ExitStack() as stack:
        rule = RunBatching()
        if (rows := _first_rows(plan, prepared.rows)) is not None:
            rule = measured(live.values(), rows, store, stack, progress, fresh=fresh)
        for backend in live.values():
            backend.batch_by(rule.batching)
        wanting = [backend for name, backend in live.items() if backend.want(_asked_of(plan, name, asked), fresh=fresh)]
        if wanting and truncations is not None:
            _answer(
                wanting,
                prepared,
                asked,
                task=_task_of(plan, live)[1].who,
                truncations=truncations,
                stack=stack,
                progress=progress,
            )
        answered = {
            view: _answered(view, prepared, live[view.backend], asked) for view in plan.views if view.backend in live
        }
        views = {
            view: _with_classes(answered[view], prepared.classes)
            if view in answered
            else prepared.replayed[view]
            if view in prepared.replayed
            else _unmade(view, prepared, lost)
            for view in plan.views
        }
        with Looking(prepared, views, live, store, progress, lost=lost, seed=plan.suite.seed, fresh=fresh) as looking:
            sights = {sight: looking.at(sight) for sight in plan.sights}
    return Observations(
        prepared.rows,
        views,
        sights,
        facts={name: backend.facts for name, backend in live.items()} | _replay_facts(plan, prepared.replayed),
        identities={name: backend.known for name, backend in live.items()},
        work={name: backend.work for name, backend in live.items()},
        model=next((backend.model for backend in live.values()), {}),
        truncations=_truncations(asked, truncations),
        findings=(*rule.findings(), *(found for backend in live.values() for found in backend.findings())),
    )


def _task(plan: Plan) -> Task | None:
    return cast("Task", plan.suite.model.task.contribution) if plan.suite.model else None


def _live(plan: Plan) -> list[str]:
    """The backends that the plan needs and that run the model, by name."""
    seen = (view for sight in plan.sights if sight.probe.sees == "runner" for view in sight.views)
    names = dict.fromkeys(view.backend for view in (*plan.views, *seen))
    return [name for name in names if not isinstance(plan.suite.backends[name].contribution, Replay)]


def _to_replay(plan: Plan) -> list[View]:
    live = _live(plan)
    return [view for view in plan.views if view.backend not in live]


def _subject(plan: Plan, conditions: Conditions, rows: Mapping[str, Rows]) -> Subject | None:
    """The model under test, which is not built yet; None where no backend runs it."""
    suite = plan.suite
    if suite.model is None or not _live(plan):
        return None
    return subject_of(suite.model, conditions, _first_rows(plan, rows))


def _made_subject(
    plan: Plan, conditions: Conditions, rows: Mapping[str, Rows]
) -> tuple[Subject | None, Failure | None]:
    """The model under test, or why there is none: its source or task is broken, or cannot run here."""
    try:
        return _subject(plan, conditions, rows), None
    except (ContributionError, NotRunError) as error:
        return None, Failure.of(error)


def _identified(use: Use, subject: Subject) -> None:
    """Let a backend say what it would run; what only this machine lacks is for the run to say."""
    try:
        use.call_part(cast("Backend", use.contribution).identity, subject)
    except MqaError as error:
        if error.exit_code is ExitCode.WRONG_INPUT:
            raise


def _live_backends(plan: Plan, prepared: Prepared, store: Store) -> tuple[dict[str, LiveBackend], dict[str, Failure]]:
    """The backends that the plan needs and that run the model, and why others cannot; it is not built yet."""
    suite, live, subject = plan.suite, _live(plan), prepared.subject
    if subject is None:
        return {}, dict.fromkeys(live, prepared.unmade) if prepared.unmade else {}
    first = next(iter(suite.backends))
    made: dict[str, LiveBackend] = {}
    lost: dict[str, Failure] = {}
    for name in live:
        candidate = first in live and name != first
        try:
            made[name] = LiveBackend(name, suite.backends[name], subject, store, candidate=candidate)
        except (ContributionError, NotRunError) as error:
            lost[name] = Failure.of(error)
    return made, lost


def _first_rows(plan: Plan, rows: Mapping[str, Rows]) -> Rows | None:
    """Those of the suite's first data set, else of the first that the plan needs."""
    return rows.get(next(iter(plan.suite.data)), next(iter(rows.values()), None))


def _task_of(plan: Plan, live: Mapping[str, LiveBackend]) -> tuple[Subject, Use]:
    assert plan.suite.model is not None  # something runs it
    return next(iter(live.values())).subject, plan.suite.model.task


def _truncations(asked: Mapping[RowSet, Keys], store: TruncationStore | None) -> dict[str, Truncation]:
    """Per data set how its rows were truncated, those of its first set of rows: the undisturbed ones where there are any."""
    first: dict[str, Keys] = {}
    for row_set, fingerprints in sorted(asked.items(), key=lambda one: len(one[0].perturb)):
        first.setdefault(row_set.data, fingerprints)
    found = {name: store.of(fingerprints) if store else None for name, fingerprints in first.items()}
    return {name: truncation for name, truncation in found.items() if truncation is not None}


def _fingerprints(rows: Rows) -> Keys:
    return joined([fingerprint(example) for example in rows.examples()])


def _asked_of(plan: Plan, backend: str, asked: Mapping[RowSet, Keys]) -> Keys:
    """The examples that one backend has to predict, by fingerprint."""
    return np.concatenate([joined([]), *(asked[one] for one in plan.row_sets_of(backend) if one in asked)])


def _answer(
    backends: Sequence[LiveBackend],
    prepared: Prepared,
    asked: Mapping[RowSet, Keys],
    *,
    task: Contributor,
    truncations: TruncationStore,
    stack: ExitStack,
    progress: Progress,
) -> None:
    """Let backends that lack predictions make them; each row is encoded once for all, by the task of that name."""
    _refuse_unusable_rows(backends[0].subject.codec, prepared)
    for backend in backends:
        backend.open(stack, progress)
    ready = [backend for backend in backends if backend.failure is None]
    if not ready:
        return
    for backend in ready:
        backend.start(progress)
    chunks = _chunks(prepared, asked)
    try:
        codec = encoding_arrays(task, ready[0].codec)
        for encodings in _ahead(encode(codec, chunk) for chunk in chunks):
            truncations.put(encodings.truncated, codec.limit)
            for backend in ready:
                backend.answer(encodings.rows, progress)
    except (ContributionError, NotRunError) as error:  # the task's, and with it of whoever needs its encodings
        for backend in ready:
            backend.failure = backend.failure or Failure.of(error)


def _refuse_unusable_rows(codec: Codec, prepared: Prepared) -> None:
    """Find rows that the model cannot run before anything is predicted."""
    if codec.unusable is None:
        return
    for row_set, seen in prepared.sound.items():
        if (found := codec.unusable(list(seen.rows.examples()))) is not None:
            place, why = found
            raise DataError(f"row `{seen.rows.ids[place]}` of `{row_set.name}` cannot be run: {why}")


def _chunks(prepared: Prepared, asked: Mapping[RowSet, Keys]) -> Iterator[dict[bytes, Example]]:
    """The distinct examples, some rows of every set at a time, so that what is alike comes together."""
    for data in prepared.rows:
        sets = [(one, seen) for one, seen in prepared.sound.items() if one.data == data]
        readers = [zip(split(asked[one]), seen.rows.examples(), strict=True) for one, seen in sets]
        while chunk := dict(pair for reader in readers for pair in islice(reader, CHUNK)):
            yield chunk


def _ahead(items: Iterator[Encodings]) -> Iterator[Encodings]:
    """The same items, each made in a thread while the one before it is in use."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def _answered(view: View, prepared: Prepared, backend: LiveBackend, asked: Mapping[RowSet, Keys]) -> Observed:
    seen = prepared.seen[view.rows]
    if isinstance(seen, Failure):
        return Observed(None, failure=seen)
    if backend.failure is not None:
        return Observed(seen, failure=backend.failure)
    return Observed(seen, backend.predictions(asked[view.rows], seen.rows.ids))


def _replay_facts(plan: Plan, replayed: Mapping[View, Observed]) -> dict[str, dict[str, Any]]:
    """Of every backend that brings predictions: the digest of their files, and how they were read."""
    read: dict[str, dict[str, None]] = {}
    for view, observed in replayed.items():
        if observed.predictions is not None:
            read.setdefault(view.backend, {})[observed.predictions.read] = None
    return {
        name: {"digest": digest_of_files(plan.suite.backends[name].options)} | ({"read": words} if words else {})
        for name, told in read.items()
        if (words := "; ".join(filter(None, told))) is not None
    }


def _unmade(view: View, prepared: Prepared, lost: Mapping[str, Failure]) -> Observed:
    """A view of a backend that could not be made ready, or of rows that could not."""
    seen = prepared.seen[view.rows]
    return Observed(None, failure=seen) if isinstance(seen, Failure) else Observed(seen, failure=lost[view.backend])


def _replayed(plan: Plan, view: View, seen: Disturbed | Failure) -> Observed:
    if isinstance(seen, Failure):
        return Observed(None, failure=seen)
    return replay(view, plan.suite.backends[view.backend], seen)


def _schema(replayed: Iterable[Observed]) -> str:
    """The schema of replayed predictions; empty where there are none."""
    return next((one.predictions.schema for one in replayed if one.predictions is not None), "")


def _classes(subject: Subject | None, replayed: Iterable[Observed], rows: Iterable[Rows]) -> tuple[str, ...]:
    """The classes that all predictions are drawn from: the model's, else those that replayed predictions bring."""
    known = subject.model.labels if subject is not None else ()
    brought = [observed.predictions for observed in replayed if observed.predictions is not None]
    brought = [predictions for predictions in brought if schema_named(predictions.schema).classed]
    if known or not brought:
        return known
    named = tuple(dict.fromkeys(name for predictions in brought for name in predictions.classes))
    if any(predictions.probabilities is not None for predictions in brought):
        return named
    return tuple(sorted({*named, *other_labels({label for one in rows for label in labels_in(one)}, named)}))


def _with_classes(observed: Observed, classes: tuple[str, ...]) -> Observed:
    predictions = observed.predictions
    if predictions is None or not schema_named(predictions.schema).classed:
        return observed
    strangers = sorted(set(predictions.classes) - set(classes))
    if strangers:
        known = ", ".join(f"`{name}`" for name in classes)
        raise DataError(f"replayed predictions have the label `{strangers[0]}`", hint=f"the model knows {known}")
    return replace(observed, predictions=predictions.with_classes(classes))
