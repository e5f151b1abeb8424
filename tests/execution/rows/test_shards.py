"""Shards: how rows are cut, and that nothing depends on it but what is in memory at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import plan as plans
from mqa_registry.contributions import RunContext
from mqa_registry.execution import SilentProgress, Workspace, predict, prepare
from mqa_registry.execution.rows import shards
from mqa_registry.execution.rows.shards import SHARD_BYTES, SHARD_ROWS, cut, look_ahead
from mqa_registry.store import open_store
from mqa_registry.types import Rows
from tests.conftest import Watching


def rows_of(texts):
    return Rows(pa.table({"id": [str(number) for number in range(len(texts))], "text": texts}), ("text",))


@given(st.integers(1, 3 * SHARD_ROWS), st.integers(1, 30))
def test_every_row_is_in_one_shard_in_its_order(count, copies):
    found = cut("words", rows_of([""] * count), copies)
    assert [shard.start for shard in found] == [0, *(shard.stop for shard in found[:-1])]
    assert found[-1].stop == count
    assert [shard.is_last for shard in found] == [False] * (len(found) - 1) + [True]
    assert all(0 < shard.stop - shard.start <= SHARD_ROWS for shard in found)


@pytest.mark.parametrize("copies", [1, 4])
def test_large_rows_make_small_shards(copies):
    rows = rows_of(["x" * (SHARD_BYTES // 16)] * 20)
    found = cut("words", rows, copies)
    assert all(copies * shard.take(rows).field_bytes <= SHARD_BYTES for shard in found)
    assert len(found) <= 4 * copies


def test_a_row_that_is_larger_than_a_shard_is_one_alone():
    assert [(one.start, one.stop) for one in cut("words", rows_of(["x" * (SHARD_BYTES + 1)] * 2), 1)] == [
        (0, 1),
        (1, 2),
    ]


def test_rows_of_a_shard_have_the_numbers_of_their_source():
    whole = rows_of(["a", "b", "c"])
    assert list(whole.slice(1, 3).numbers) == [2, 3]
    assert list(whole.slice(1, 3).leave_out([0]).numbers) == [3]
    assert whole.leave_out([0, 2]).table.column("text").to_pylist() == ["b"]


def test_the_next_item_is_made_while_one_is_used():
    made, is_used = threading.Event(), threading.Event()

    def items():
        yield 1
        assert is_used.wait(10)
        made.set()
        yield 2

    with ThreadPoolExecutor(1) as pool:
        found = look_ahead(items(), pool)
        assert next(found) == 1
        is_used.set()
        assert made.wait(10)
        assert list(found) == [2]


@pytest.mark.parametrize("pool", [None, ThreadPoolExecutor(1)])
def test_an_error_comes_where_its_item_would(pool):
    def items():
        yield 1
        raise ValueError("of the second")

    found = look_ahead(items(), pool)
    assert next(found) == 1
    with pytest.raises(ValueError, match="of the second"):
        next(found)


@pytest.fixture(name="run")
def _run(engine):
    """Runs a suite in a store of its own, with the plan and the observations; `watch` is its progress."""

    def run(suite, *, store="store", watch=None, fresh=False, workspace=None):
        plan, place = plans.make(suite), open_store(engine.folder / store)
        try:
            prepared = prepare(plan, RunContext(exports=engine.folder), SilentProgress(), workspace=workspace)
            return predict(plan, prepared, place, watch or Watching(engine.letters), fresh=fresh)
        finally:
            place.close()

    return run


@pytest.fixture(name="small")
def _small(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_ROWS", 7)


def tables_of(observations):
    return {
        (view.rows.name, view.backend): (seen.perturbed.rows.table.to_pydict(), seen.predictions.table.to_pydict())
        for view, seen in observations.views.items()
    }


def suite_of(engine, *perturbations):
    checks = [engine.check(one.__name__, one, on=("one", "two")) for one in perturbations]
    return engine.suite(engine.check(on=("one", "two")), *checks, backends=("one", "two"))


@pytest.mark.parametrize("memory", [1, 2**40])
def test_observations_do_not_depend_on_how_rows_are_cut(engine, run, swap, memory, request):
    texts = engine.table["text"].to_pylist()
    texts[3] = texts[30] = ""  # which one perturbation declines
    engine.table = engine.table.set_column(0, "text", [texts])
    whole = run(suite_of(engine, swap))
    request.getfixturevalue("small")
    workspace = Workspace(scratch=lambda: engine.folder, memory=memory)
    parts = run(suite_of(engine, swap), store="other", workspace=workspace)
    assert tables_of(parts) == tables_of(whole)
    counts = [
        [(seen.perturbed.declined, seen.perturbed.changed, seen.perturbed.edits) for seen in one.views.values()]
        for one in (whole, parts)
    ]
    assert counts[0] == counts[1]
    assert {declined for declined, *_ in counts[0]} == {0, 2}


@pytest.mark.usefixtures("small")
def test_equal_rows_of_two_shards_are_predicted_once(engine, run):
    engine.table = pa.table({"text": ["bee"] * 20, "label": ["many"] * 20})
    observations = run(engine.suite(engine.check()))
    assert engine.letters.batches == [["bee"]]
    assert observations.work["one"].predicted == 1


@pytest.mark.usefixtures("small")
def test_a_run_goes_on_where_another_was_interrupted(engine, run):
    whole = run(engine.suite(engine.check()), store="other")
    engine.letters.batches.clear()

    class Interrupted(Watching):
        done = 0

        def advance(self, backend, rows):
            self.done += rows
            if self.done >= 20:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(engine.suite(engine.check()), watch=Interrupted(engine.letters))
    before, encoded = sum(map(len, engine.letters.batches)), len(engine.letters.encoded)
    observations = run(engine.suite(engine.check()))
    assert tables_of(observations) == tables_of(whole)
    assert observations.work["one"].found >= before - 7 > 0
    assert sum(map(len, engine.letters.batches)) == len(engine.table)
    assert len(engine.letters.encoded) - encoded <= len(engine.table) - 14  # complete shards are not encoded


@pytest.mark.usefixtures("small")
def test_a_backend_that_turns_out_to_be_another_gets_nothing_of_the_one_before(engine, run):
    suite = engine.suite(engine.check())
    texts = engine.table["text"].to_pylist()
    engine.table = engine.table.slice(0, 14)
    run(suite)
    engine.table = pa.table({"text": texts, "label": ["few"] * len(texts)})
    engine.letters.batches.clear()
    engine.letters.landed = {"device": "elsewhere"}
    observations = run(suite)
    assert (observations.work["one"].found, observations.work["one"].predicted) == (0, len(texts))
    assert sorted(text for batch in engine.letters.batches for text in batch) == sorted(texts)


class Told(Watching):
    """Remembers what it is told of rows."""

    def __init__(self, letters):
        super().__init__(letters)
        self.started, self.advanced, self.updates = [], 0, {}

    def start(self, backend, rows):
        super().start(backend, rows)
        self.started.append(rows)

    def advance(self, backend, rows):
        self.advanced += rows

    def update(self, work, done, total):
        super().update(work, done, total)
        self.updates[work.rows.name] = (done, total)


@pytest.mark.usefixtures("small")
def test_progress_ends_at_all_rows_that_no_perturbation_declined(engine, run, swap):
    texts = engine.table["text"].to_pylist()
    texts[3] = ""
    engine.table = engine.table.set_column(0, "text", [texts])
    told = Told(engine.letters)
    run(engine.suite(engine.check(), engine.check("swapped", swap)), watch=told)
    assert told.started == [100]  # as far as it was known
    assert told.advanced == 99
    assert sorted(told.updates.values()) == [(49, 49), (50, 50)]


# Lost rows.


def crash_on(word):
    def crash(example, rng):
        if word in example["text"]:
            raise ValueError(f"no {word}s")
        return {"text": example["text"] + "!"}

    return crash


def view_of(observations, *, perturbed=False):
    return next(seen for view, seen in observations.views.items() if bool(view.rows.perturb) == perturbed)


@pytest.mark.usefixtures("small")
def test_a_row_that_a_perturbation_crashes_on_is_lost(engine, run):
    observations = run(engine.suite(engine.check(), engine.check("crash", crash_on("stone"))))
    seen = view_of(observations, perturbed=True)
    assert (seen.failure, seen.lost.count, seen.perturbed.declined) == (None, 5, 0)
    assert "no stones" in seen.lost.named[0].reason
    assert seen.predictions.ids.to_pylist() == seen.perturbed.rows.ids.to_pylist()
    assert len(seen.predictions) == 45
    assert not view_of(observations).lost


@pytest.mark.usefixtures("small")
def test_a_perturbation_that_crashes_on_every_row_fails(engine, run):
    observations = run(engine.suite(engine.check(), engine.check("crash", crash_on(""))))
    failure = view_of(observations, perturbed=True).failure
    assert failure.message.endswith(", on row `" + view_of(observations).predictions.ids[0].as_py() + "`")
    assert "ValueError" in failure.trace


@pytest.fixture(params=["encode", "run", "memory", "decode"], name="fails_at")
def _fails_at(request, engine, monkeypatch):
    """A step that fails for every text with an `x`, alone or in a batch."""
    if request.param in ("run", "memory"):
        collate = engine.letters._collate
        error = {"run": ValueError("no such letter"), "memory": MemoryError("no such letter")}[request.param]

        def refuse(rows):
            if any(ord("x") in row["codes"] for row in rows):
                raise error
            return collate(rows)

        monkeypatch.setattr(engine.letters, "_collate", refuse)
    elif request.param == "encode":
        encode = engine.letters._encode

        def refuse(examples):
            if any("x" in example["text"] for example in examples):
                raise ValueError("no such letter")
            return encode(examples)

        monkeypatch.setattr(engine.letters, "_encode", refuse)
    else:
        decode = engine.letters._decode

        def refuse(outputs, rows):
            if any(ord("x") in row["codes"] for row in rows):
                raise ValueError("no such letter")
            return decode(outputs, rows)

        monkeypatch.setattr(engine.letters, "_decode", refuse)
    return request.param


def with_letter(table, *positions):
    texts = table["text"].to_pylist()
    for position in positions:
        texts[position] += "x"
    return table.set_column(0, "text", [texts])


@pytest.mark.usefixtures("small", "fails_at")
def test_a_row_that_fails_alone_is_lost_and_no_other(engine, run):
    clean = run(engine.suite(engine.check()), store="other")
    ids = view_of(clean).predictions.ids.to_pylist()
    engine.table = with_letter(engine.table, 2, 20, 21, 22, 23, 24, 25, 26, 27, 49)
    suite = suite_of(engine)
    seen = {view.backend: seen for view, seen in run(suite).views.items()}
    left = [name for number, name in enumerate(ids) if number not in {2, *range(20, 28), 49}]
    for one in seen.values():
        assert one.failure is None
        assert one.lost.count == 10
        assert "no such letter" in one.lost.named[0].reason
        assert one.predictions.ids.to_pylist() == one.perturbed.rows.ids.to_pylist() == left
    predicted = view_of(clean).predictions.table.to_pylist()
    assert seen["one"].predictions.table.to_pylist() == [row for row in predicted if row["id"] in left]


@pytest.mark.usefixtures("small", "fails_at")
def test_what_fails_on_every_row_fails_itself(engine, run):
    engine.table = with_letter(engine.table, *range(50))
    failure = view_of(run(engine.suite(engine.check()))).failure
    assert "no such letter" in failure.message


@pytest.mark.usefixtures("small")
def test_a_backend_that_fails_on_a_row_that_it_could_run_before_fails(engine, run):
    engine.letters.crash_after = 3
    observations = run(engine.suite(engine.check()))
    assert "the machine is on fire" in view_of(observations).failure.message
    assert view_of(observations).predictions is None


@pytest.mark.usefixtures("small", "fails_at")
def test_lost_rows_are_tried_again_in_the_next_run_and_no_others(engine, run):
    engine.table = with_letter(engine.table, 2, 20)
    first = run(engine.suite(engine.check()))
    again = run(engine.suite(engine.check()))
    assert tables_of(again) == tables_of(first)
    assert view_of(again).lost.named == view_of(first).lost.named
    assert again.work["one"].predicted == 0
