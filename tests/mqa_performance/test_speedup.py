"""The speedup is a ratio of times taken by turns, on the same batches."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mqa_performance.speedup import evidence, numbers, speedup


def test_a_backend_that_takes_a_third_of_the_time_is_about_three_times_as_fast(scene, sleeper):
    seen = speedup(scene(sleeper(0.01), sleeper(0.03)), warmup=0, repetitions=7)
    found = {name: np.median(one.values) for name, one in numbers(seen).items()}
    assert {one.share for one in numbers(seen).values()} == {0.5}
    assert 2 < found["value"] < 4
    assert found["reference_ms"] > 30
    assert found["candidate_ms"] > 10
    assert evidence(seen) == {"rounds": 7, "faster_in": 7}


def test_both_run_the_same_batches_by_turns_each_time_after_a_run_of_their_own(scene, sleeper):
    log = []
    speedup(scene(sleeper(name="new", log=log), sleeper(name="old", log=log)), warmup=1, repetitions=9)
    turns = [(name, codes.shape) for name, codes in log]
    assert len(turns) == 4 * 10
    assert turns[::2] == turns[1::2], "what is timed follows what is not"
    rounds = [turns[place : place + 4 : 2] for place in range(0, 40, 4)]
    assert all({name for name, _ in pair} == {"new", "old"} for pair in rounds)
    assert all(first[1] == second[1] for first, second in rounds)
    assert len({pair[0][0] for pair in rounds}) == 2, "who comes first is drawn by lot"


def test_the_ratio_is_the_median_of_the_rounds_and_not_of_the_sides():
    seen = pa.table({"reference_ms": [1.0, 10.0, 100.0], "candidate_ms": [1.0, 5.0, 25.0], "size": [1, 1, 1]})
    assert numbers(seen)["value"].values.tolist() == [1.0, 2.0, 4.0]


def test_a_run_too_quick_for_the_clock_is_no_division_by_zero():
    seen = pa.table({"reference_ms": [1.0], "candidate_ms": [0.0], "size": [1]})
    assert numbers(seen)["value"].values == [np.inf]
