"""Throughput is that of the batch size that suits the backend best."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_performance.throughput import Throughput, ThroughputOptions
from mqa_registry import DataError


def test_where_a_batch_takes_the_same_time_whatever_its_size_the_largest_is_best(context, sleeper):
    table = Throughput().observe(context(sleeper(0.004)), ThroughputOptions(batches=[1, 8], warmup=0, repetitions=4))
    numbers = Throughput().numbers(table)
    assert numbers["batch"] == 8
    assert 0 < numbers["value"].compute(np.ones(4)) <= 8 / 0.004
    assert list(Throughput().evidence(table).details["rows_per_second"]) == ["1", "8"]


def test_the_rate_is_all_rows_by_all_seconds_of_that_batch_size():
    table = pa.table({"batch": [1, 1, 4, 4], "rows": [1, 1, 4, 4], "seconds": [0.5, 0.5, 1.0, 3.0]})
    numbers = Throughput().numbers(table)
    assert Throughput().evidence(table).details == {"rows_per_second": {"1": 2.0, "4": 2.0}}
    value = numbers["value"]
    assert numbers["batch"] == 1
    assert value.bins.tolist() == [0, 1, -1, -1]
    assert (value.n_bins, value.compute(np.ones(2)), value.compute(np.array([[2.0, 0.0]])).tolist()) == (2, 2.0, [2.0])


def test_a_resample_counts_long_runs_by_their_length():
    table = pa.table({"batch": [4, 4], "rows": [4, 4], "seconds": [1.0, 3.0]})
    compute = Throughput().numbers(table)["value"].compute
    assert compute(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])).tolist() == pytest.approx([2.0, 4.0, 4 / 3])


@pytest.mark.parametrize("batches", [[], [0], [8, -1]])
def test_batches_of_no_rows_are_refused(context, sleeper, batches):
    with pytest.raises(DataError, match="`batches` is"):
        Throughput().observe(context(sleeper()), ThroughputOptions(batches=batches))


def test_a_batch_size_named_twice_is_timed_once(context, sleeper):
    assert len(Throughput().observe(context(sleeper()), ThroughputOptions(batches=[2, 2], repetitions=3))) == 3


def test_where_no_batch_sizes_are_named_there_are_three(context, sleeper):
    table = Throughput().observe(context(sleeper()), ThroughputOptions(repetitions=2))
    assert list(Throughput().evidence(table).details["rows_per_second"]) == ["1", "8", "32"]


def test_a_batch_has_4096_rows_at_most(context, sleeper):
    assert (
        Throughput()
        .observe(context(sleeper()), ThroughputOptions(batches=[4096], repetitions=2, warmup=0))
        .column("rows")[0]
        .as_py()
        == 4096
    )
    with pytest.raises(DataError, match="of 1 to 4,096 rows"):
        Throughput().observe(context(sleeper()), ThroughputOptions(batches=[4097]))
