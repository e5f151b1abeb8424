"""Observations as they come: each view once it is complete, each probe once it has run."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from mqa_registry import plan as plans
from mqa_registry.contributions import Dataset, RunContext
from mqa_registry.execution import SilentProgress, predict, prepare
from mqa_registry.store import SqliteStore
from mqa_registry.suite import Data, Severity, Use
from tests.conftest import Watching
from tests.stand_ins import make_probe

ON_BOTH = {"on": ("one", "two")}


class Diary(Watching):
    """Writes down what it is told, in order."""

    def __init__(self, letters):
        super().__init__(letters)
        self.entries = []

    def start(self, backend, rows):
        super().start(backend, rows)
        self.entries.append(f"{backend} starts with {rows}")

    def advance(self, backend, rows):
        if not self.entries[-1].endswith("goes on"):
            self.entries.append(f"{backend} goes on")

    def complete(self, work):
        name = getattr(work, "use", None)
        self.entries.append(f"{name.name if name else f'{work.rows.data} on {work.backend}'} is complete")


@pytest.fixture(name="watch")
def _watch(engine):
    """Predicts a suite, and returns what was told of it, the observations, and what the observer was given."""

    def watch(suite, *, fresh=False):
        plan, diary, seen = plans.make(suite), Diary(engine.letters), []
        store = SqliteStore(engine.folder / "store")
        prepared = prepare(plan, RunContext(exports=engine.folder), SilentProgress())

        def observer(work, observations):
            assert work in {**observations.views, **observations.probe_results}
            seen.append(work)

        try:
            observations = predict(plan, prepared, store, diary, fresh=fresh, observer=observer)
        finally:
            store.close()
        assert sorted(map(str, seen)) == sorted(map(str, [*observations.views, *observations.probe_results]))
        return diary.entries, observations

    return watch


def two_sets(engine):
    """A suite with a check of each of two data sets on two backends."""
    suite = engine.suite(
        engine.check("first", **ON_BOTH),
        replace(engine.check("second", **ON_BOTH), data="others"),
        backends=("one", "two"),
    )
    others = Dataset("table", lambda context: pa.table({"text": ["owl", "ewe"], "label": ["few", "many"]}))
    backends = {**suite.backends, "two": Use("letters/other", suite.backends["two"].contribution)}
    data = {**suite.data, "others": Data("others", Use("letters/others", others))}
    return replace(suite, data=data, backends=backends)


def test_a_view_is_complete_before_the_next_backend_and_the_next_data_set_go_on(engine, watch):
    assert watch(two_sets(engine))[0] == [
        "one starts with 52", "one goes on", "words on one is complete",
        "two starts with 52", "two goes on", "words on two is complete",
        "one goes on", "others on one is complete", "two goes on", "others on two is complete",
    ]  # fmt: skip


def test_what_the_store_has_is_complete_at_once(engine, watch):
    engine.run(engine.suite(engine.check()))
    entries, _ = watch(two_sets(engine))
    assert [entry for entry in entries if not entry.endswith("goes on")] == [
        "words on one is complete", "two starts with 52", "words on two is complete",
        "one starts with 2", "others on one is complete", "others on two is complete",
    ]  # fmt: skip
    again, _ = watch(two_sets(engine))
    assert again == [
        f"{name} is complete" for name in ("words on one", "words on two", "others on one", "others on two")
    ]


def test_what_another_backend_of_the_same_digest_predicted_is_complete_too(engine, watch):
    suite = engine.suite(engine.check(**ON_BOTH), backends=("one", "two"))
    assert watch(suite)[0][1:] == ["one goes on", "words on one is complete", "words on two is complete"]


def test_a_crash_leaves_the_views_that_were_complete_before_it(engine, watch):
    engine.run(engine.suite(engine.check()))
    engine.letters.crash_after = 2 * len(engine.letters.batches) + 1  # in the second batch of the second backend
    _, observations = watch(two_sets(engine), fresh=True)
    failed = {(view.rows.data, view.backend): observed.failure for view, observed in observations.views.items()}
    assert failed.pop(("words", "one")) is None
    assert all("the machine is on fire" in failure.message for failure in failed.values())


def test_views_of_one_backend_that_complete_together_are_those_of_a_run_at_once(engine, watch, shout, swap):
    checks = [engine.check("plain"), engine.check("loud", shout), engine.check("swapped", swap)]
    _, observations = watch(engine.suite(*checks))
    _, again = watch(engine.suite(*checks))
    for view, observed in observations.views.items():
        assert observed.predictions.table.equals(again.views[view].predictions.table)


def test_probes_come_last_in_the_order_of_their_checks(engine, watch):
    probes = [Use(f"letters/{name}", make_probe(name, lambda context: pa.table({"value": [1.0]}))) for name in "ab"]
    checks = [engine.check(name=use.name, measure=use, steps=(Severity(()),)) for use in probes]
    entries, _ = watch(engine.suite(checks[1], engine.check(), checks[0]))
    assert entries[-3:] == ["words on one is complete", "letters/b is complete", "letters/a is complete"]
