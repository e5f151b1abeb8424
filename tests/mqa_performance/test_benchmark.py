"""Batches of real rows, and the clock around a run."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from mqa_performance.benchmark import Batch, RepetitionOptions, make_batches, sample_rows, time_repeatedly, time_run
from mqa_registry import Batching, NotRunError


@pytest.fixture
def alone(context, sleeper):
    """A context of a model that takes one row at a time."""
    return dataclasses.replace(context(sleeper()), batching=Batching(takes_batches=False, reason="one row at a time"))


def test_a_model_that_takes_one_row_at_a_time_is_refused_larger_batches(alone):
    rows = sample_rows(alone, 5)
    assert [batch.n_rows for batch in make_batches(alone, rows, 1)] == [1] * 5
    with pytest.raises(NotRunError, match="one row at a time") as refused:
        make_batches(alone, rows, 2)
    assert "`batch_size = 1`" in refused.value.hint


@pytest.mark.parametrize(("n_rows", "batch_size", "n_batches"), [(5, 2, 3), (4, 2, 2), (1, 3, 1), (3, 7, 1)])
def test_rows_are_spread_evenly_over_batches(context, sleeper, n_rows, batch_size, n_batches):
    one = context(sleeper(), rows=n_rows)
    batches = make_batches(one, sample_rows(one, n_rows), batch_size)
    assert [batch.n_rows for batch in batches] == [batch_size] * n_batches
    lengths = np.concatenate([(batch.arrays["codes"] != 0).sum(axis=1) for batch in batches])
    counts = np.unique(lengths, return_counts=True)[1]
    assert len(counts) == n_rows
    assert counts.max() - counts.min() <= 1


def test_the_cost_of_a_batch_counts_its_padding(context, sleeper):
    one = context(sleeper(), rows=3)  # texts of 1, 2 and 3 letters
    (batch,) = make_batches(one, sample_rows(one, 3), 3)
    assert batch.cost == 9


def test_the_time_of_a_run_is_in_seconds(sleeper):
    batch = Batch({"codes": np.zeros((1, 1))}, 1, 1)
    began = time.perf_counter()
    seconds = time_run(sleeper(0.02), batch)
    assert 0.02 <= seconds <= time.perf_counter() - began


def test_batches_are_repeated_in_order_after_the_warm_up(sleeper):
    runner = sleeper()
    batches = [Batch({"codes": np.full((1, 1), number)}, 1, number) for number in range(3)]
    timed = [batch.cost for batch, _ in time_repeatedly(runner, batches, RepetitionOptions(warmup=2, repetitions=5))]
    assert timed == [0, 1, 2, 0, 1]
    assert [int(codes[0, 0]) for _, codes in runner.log] == [0, 1, 0, 1, 2, 0, 1]
