"""Latency of the timed runs, speedup over the reference round by round, and throughput of the best batch size."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_performance.speed import (
    PERCENTILES,
    Latency,
    LatencyOptions,
    Speedup,
    SpeedupOptions,
    Throughput,
    ThroughputOptions,
)
from mqa_registry import DataError, NotRunError


def test_latency_is_at_least_what_the_runner_takes(context, sleeper):
    table = Latency().observe(context(sleeper(0.004)), LatencyOptions(warmup=1, repetitions=10))
    numbers = Latency().numbers(table)
    assert (numbers["value"] >= 4).all()
    assert {name: one.share for name, one in numbers.items() if name != "value"} == PERCENTILES
    assert all((one.values == numbers["value"]).all() for name, one in numbers.items() if name != "value")
    assert Latency().evidence(table).details["min_ms"] >= 4


def test_the_warm_up_comes_first_and_does_not_count(context, sleeper):
    runner = sleeper()
    assert len(Latency().observe(context(runner), LatencyOptions(warmup=3, repetitions=5))) == 5
    assert len(runner.log) == 8


def test_a_slow_first_run_is_not_in_the_latency(context, sleeper):
    runner = sleeper(0.2)
    run = runner.run

    def cold(batch):
        outputs = run(batch)
        runner.takes = 0.0
        return outputs

    runner.run = cold
    table = Latency().observe(context(runner), LatencyOptions(warmup=1, repetitions=3))
    assert table.column("milliseconds").to_numpy().max() < 100


@pytest.mark.parametrize(("rows", "batch_size", "shapes"), [(20, 1, {1}), (20, 8, {8}), (3, 8, {8}), (1, 1, {1})])
def test_every_batch_has_the_requested_number_of_rows(context, sleeper, rows, batch_size, shapes):
    runner = sleeper()
    table = Latency().observe(context(runner, rows=rows), LatencyOptions(batch_size=batch_size, repetitions=30))
    assert {len(codes) for _, codes in runner.log} == shapes == set(table.column("rows").to_pylist())


def test_every_row_of_the_data_is_run_equally_often(context, sleeper):
    runner = sleeper()
    Latency().observe(context(runner, rows=20), LatencyOptions(rows=20, warmup=0, repetitions=40))
    lengths = [codes.shape[1] for _, codes in runner.log]
    assert sorted(lengths) == sorted([*range(1, 21)] * 2)


def test_the_seed_decides_which_rows_are_sampled(context, sleeper):
    samples = []
    for seed in (1, 1, 2):
        runner = sleeper()
        Latency().observe(context(runner, seed=seed), LatencyOptions(rows=5, warmup=0, repetitions=5))
        samples.append([codes.shape[1] for _, codes in runner.log])
    assert samples[0] == samples[1] != samples[2]
    assert len(set(samples[0])) == 5


def test_the_costs_of_the_batches_are_in_the_evidence(context, sleeper):
    evidence = Latency().evidence(Latency().observe(context(sleeper()), LatencyOptions(rows=20, repetitions=20)))
    assert (evidence.details["min_cost"], evidence.details["max_cost"]) == (1, 20)


def test_a_view_without_rows_is_not_run(context, sleeper):
    with pytest.raises(NotRunError, match="no rows"):
        Latency().observe(context(sleeper(), rows=0), LatencyOptions())


def test_a_backend_that_takes_a_third_of_the_time_is_about_three_times_as_fast(context, sleeper):
    table = Speedup().observe(context(sleeper(0.01), sleeper(0.03)), SpeedupOptions(warmup=0, repetitions=7))
    numbers = {name: np.median(one.values) for name, one in Speedup().numbers(table).items()}
    assert {one.share for one in Speedup().numbers(table).values()} == {0.5}
    assert 2 < numbers["value"] < 4
    assert numbers["reference_ms"] > 30
    assert numbers["candidate_ms"] > 10
    assert Speedup().evidence(table).details == {"rounds": 7, "faster_rounds": 7}


def test_both_backends_run_the_same_batches_each_timed_run_after_an_untimed_one(context, sleeper):
    log = []
    Speedup().observe(
        context(sleeper(name="new", log=log), sleeper(name="old", log=log)), SpeedupOptions(warmup=1, repetitions=9)
    )
    turns = [(name, codes.shape) for name, codes in log]
    assert len(turns) == 4 * 10
    assert turns[::2] == turns[1::2], "each timed run follows an untimed one"
    rounds = [turns[start : start + 4 : 2] for start in range(0, 40, 4)]
    assert all({name for name, _ in pair} == {"new", "old"} for pair in rounds)
    assert all(first[1] == second[1] for first, second in rounds)
    assert len({pair[0][0] for pair in rounds}) == 2, "the order is random"


def test_the_speedup_is_the_median_of_ratios_by_round():
    table = pa.table({"reference_ms": [1.0, 10.0, 100.0], "candidate_ms": [1.0, 5.0, 25.0], "cost": [1, 1, 1]})
    assert Speedup().numbers(table)["value"].values.tolist() == [1.0, 2.0, 4.0]


def test_a_run_of_zero_milliseconds_has_an_infinite_speedup():
    table = pa.table({"reference_ms": [1.0], "candidate_ms": [0.0], "cost": [1]})
    assert Speedup().numbers(table)["value"].values == [np.inf]


def test_the_largest_batch_is_best_where_all_take_the_same_time(context, sleeper):
    table = Throughput().observe(
        context(sleeper(0.004)), ThroughputOptions(batch_sizes=[1, 8], warmup=0, repetitions=4)
    )
    numbers = Throughput().numbers(table)
    assert numbers["batch_size"] == 8
    assert 0 < numbers["value"].compute(np.ones(4)) <= 8 / 0.004
    assert list(Throughput().evidence(table).details["rows_per_second"]) == ["1", "8"]


def test_throughput_is_all_rows_by_all_seconds_of_the_best_batch_size():
    table = pa.table({"batch_size": [1, 1, 4, 4], "rows": [1, 1, 4, 4], "seconds": [0.5, 0.5, 1.0, 3.0]})
    numbers = Throughput().numbers(table)
    assert Throughput().evidence(table).details == {"rows_per_second": {"1": 2.0, "4": 2.0}}
    value = numbers["value"]
    assert numbers["batch_size"] == 1
    assert value.bins.tolist() == [0, 1, -1, -1]
    assert (value.n_bins, value.compute(np.ones(2)), value.compute(np.array([[2.0, 0.0]])).tolist()) == (2, 2.0, [2.0])


def test_a_resample_weighs_runs_by_their_seconds():
    table = pa.table({"batch_size": [4, 4], "rows": [4, 4], "seconds": [1.0, 3.0]})
    compute = Throughput().numbers(table)["value"].compute
    assert compute(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])).tolist() == pytest.approx([2.0, 4.0, 4 / 3])


@pytest.mark.parametrize("batch_sizes", [[], [0], [8, -1]])
def test_impossible_batch_sizes_are_refused(context, sleeper, batch_sizes):
    with pytest.raises(DataError, match="`batch_sizes` is"):
        Throughput().observe(context(sleeper()), ThroughputOptions(batch_sizes=batch_sizes))


def test_a_repeated_batch_size_is_timed_once(context, sleeper):
    assert len(Throughput().observe(context(sleeper()), ThroughputOptions(batch_sizes=[2, 2], repetitions=3))) == 3


def test_the_default_batch_sizes_are_1_8_and_32(context, sleeper):
    table = Throughput().observe(context(sleeper()), ThroughputOptions(repetitions=2))
    assert list(Throughput().evidence(table).details["rows_per_second"]) == ["1", "8", "32"]


def test_a_batch_has_at_most_4096_rows(context, sleeper):
    options = ThroughputOptions(batch_sizes=[4096], repetitions=2, warmup=0)
    assert Throughput().observe(context(sleeper()), options).column("rows")[0].as_py() == 4096
    with pytest.raises(DataError, match="of 1 to 4,096 rows"):
        Throughput().observe(context(sleeper()), ThroughputOptions(batch_sizes=[4097]))
