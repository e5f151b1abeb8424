"""Latency is the time of the runs that count, on rows as the data have them; the speedup is a ratio of times taken in turns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_performance.latency import PERCENTILES, Latency, LatencyOptions, Speedup, SpeedupOptions
from mqa_registry import NotRunError


def test_it_takes_as_long_as_the_runner(context, sleeper):
    table = Latency().observe(context(sleeper(0.004)), LatencyOptions(warmup=1, repetitions=10))
    numbers = Latency().numbers(table)
    assert (numbers["value"] >= 4).all()
    assert {name: one.share for name, one in numbers.items() if name != "value"} == PERCENTILES
    assert all((one.values == numbers["value"]).all() for name, one in numbers.items() if name != "value")
    assert Latency().evidence(table).details["fastest_ms"] >= 4


def test_the_warm_up_comes_first_and_does_not_count(context, sleeper):
    runner = sleeper()
    assert len(Latency().observe(context(runner), LatencyOptions(warmup=3, repetitions=5))) == 5
    assert len(runner.log) == 8


def test_a_slow_start_is_not_in_it(context, sleeper):
    runner = sleeper(0.2)
    run = runner.run

    def cold(batch):
        outputs = run(batch)
        runner.takes = 0.0
        return outputs

    runner.run = cold
    assert (
        Latency()
        .observe(context(runner), LatencyOptions(warmup=1, repetitions=3))
        .column("milliseconds")
        .to_numpy()
        .max()
        < 100
    )


@pytest.mark.parametrize(("rows", "batch", "shapes"), [(20, 1, {1}), (20, 8, {8}), (3, 8, {8}), (1, 1, {1})])
def test_every_batch_has_the_requested_number_of_rows(context, sleeper, rows, batch, shapes):
    runner = sleeper()
    table = Latency().observe(context(runner, rows=rows), LatencyOptions(batch=batch, repetitions=30))
    assert {len(codes) for _, codes in runner.log} == shapes == set(table.column("rows").to_pylist())


def test_the_rows_are_drawn_from_all_of_the_data_and_each_is_run_as_often(context, sleeper):
    runner = sleeper()
    Latency().observe(context(runner, rows=20), LatencyOptions(rows=20, warmup=0, repetitions=40))
    lengths = [codes.shape[1] for _, codes in runner.log]
    assert sorted(lengths) == sorted([*range(1, 21)] * 2)


def test_fewer_rows_are_a_draw_that_follows_from_the_seed(context, sleeper):
    drawn = []
    for seed in (1, 1, 2):
        runner = sleeper()
        Latency().observe(context(runner, seed=seed), LatencyOptions(rows=5, warmup=0, repetitions=5))
        drawn.append([codes.shape[1] for _, codes in runner.log])
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 5


def test_the_costs_of_the_batches_are_in_the_evidence(context, sleeper):
    shown = Latency().evidence(Latency().observe(context(sleeper()), LatencyOptions(rows=20, repetitions=20)))
    assert (shown.details["smallest_size"], shown.details["largest_size"]) == (1, 20)


def test_no_rows_is_not_run(context, sleeper):
    with pytest.raises(NotRunError, match="no rows"):
        Latency().observe(context(sleeper(), rows=0), LatencyOptions())


def test_a_backend_that_takes_a_third_of_the_time_is_about_three_times_as_fast(context, sleeper):
    table = Speedup().observe(context(sleeper(0.01), sleeper(0.03)), SpeedupOptions(warmup=0, repetitions=7))
    numbers = {name: np.median(one.values) for name, one in Speedup().numbers(table).items()}
    assert {one.share for one in Speedup().numbers(table).values()} == {0.5}
    assert 2 < numbers["value"] < 4
    assert numbers["reference_ms"] > 30
    assert numbers["candidate_ms"] > 10
    assert Speedup().evidence(table).details == {"rounds": 7, "faster_in": 7}


def test_both_backends_run_the_same_batches_each_timed_run_after_an_untimed_one(context, sleeper):
    log = []
    Speedup().observe(
        context(sleeper(name="new", log=log), sleeper(name="old", log=log)), SpeedupOptions(warmup=1, repetitions=9)
    )
    turns = [(name, codes.shape) for name, codes in log]
    assert len(turns) == 4 * 10
    assert turns[::2] == turns[1::2], "what is timed follows what is not"
    rounds = [turns[place : place + 4 : 2] for place in range(0, 40, 4)]
    assert all({name for name, _ in pair} == {"new", "old"} for pair in rounds)
    assert all(first[1] == second[1] for first, second in rounds)
    assert len({pair[0][0] for pair in rounds}) == 2, "who comes first is drawn by lot"


def test_the_ratio_is_the_median_of_the_rounds_and_not_of_the_sides():
    table = pa.table({"reference_ms": [1.0, 10.0, 100.0], "candidate_ms": [1.0, 5.0, 25.0], "size": [1, 1, 1]})
    assert Speedup().numbers(table)["value"].values.tolist() == [1.0, 2.0, 4.0]


def test_a_run_too_quick_for_the_clock_is_no_division_by_zero():
    table = pa.table({"reference_ms": [1.0], "candidate_ms": [0.0], "size": [1]})
    assert Speedup().numbers(table)["value"].values == [np.inf]
