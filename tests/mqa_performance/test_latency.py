"""Latency is the time of the runs that count, on rows as the data have them."""

from __future__ import annotations

import pytest

from mqa_performance.latency import PERCENTILES, evidence, latency, numbers
from mqa_registry import NotRunError


def test_it_takes_as_long_as_the_runner(scene, sleeper):
    seen = latency(scene(sleeper(0.004)), warmup=1, repetitions=10)
    found = numbers(seen)
    assert (found["value"] >= 4).all()
    assert {name: one.share for name, one in found.items() if name != "value"} == PERCENTILES
    assert all((one.values == found["value"]).all() for name, one in found.items() if name != "value")
    assert evidence(seen)["fastest_ms"] >= 4


def test_the_warm_up_comes_first_and_does_not_count(scene, sleeper):
    runner = sleeper()
    assert len(latency(scene(runner), warmup=3, repetitions=5)) == 5
    assert len(runner.log) == 8


def test_a_slow_start_is_not_in_it(scene, sleeper):
    runner = sleeper(0.2)
    run = runner.run

    def cold(batch):
        outputs = run(batch)
        runner.takes = 0.0
        return outputs

    runner.run = cold
    assert latency(scene(runner), warmup=1, repetitions=3).column("milliseconds").to_numpy().max() < 100


@pytest.mark.parametrize(("rows", "batch", "shapes"), [(20, 1, {1}), (20, 8, {8}), (3, 8, {8}), (1, 1, {1})])
def test_every_batch_has_as_many_rows_as_were_asked_for(scene, sleeper, rows, batch, shapes):
    runner = sleeper()
    seen = latency(scene(runner, rows=rows), batch=batch, repetitions=30)
    assert {len(codes) for _, codes in runner.log} == shapes == set(seen.column("rows").to_pylist())


def test_the_rows_are_drawn_from_all_of_the_data_and_each_is_run_as_often(scene, sleeper):
    runner = sleeper()
    latency(scene(runner, rows=20), rows=20, warmup=0, repetitions=40)
    lengths = [codes.shape[1] for _, codes in runner.log]
    assert sorted(lengths) == sorted([*range(1, 21)] * 2)


def test_fewer_rows_are_a_draw_that_follows_from_the_seed(scene, sleeper):
    drawn = []
    for seed in (1, 1, 2):
        runner = sleeper()
        latency(scene(runner, seed=seed), rows=5, warmup=0, repetitions=5)
        drawn.append([codes.shape[1] for _, codes in runner.log])
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) == 5


def test_the_sizes_of_what_was_run_are_told(scene, sleeper):
    shown = evidence(latency(scene(sleeper()), rows=20, repetitions=20))
    assert (shown["smallest_size"], shown["largest_size"]) == (1, 20)


def test_no_rows_is_not_run(scene, sleeper):
    with pytest.raises(NotRunError, match="no rows"):
        latency(scene(sleeper(), rows=0))
