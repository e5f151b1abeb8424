"""Batching: how many rows go into a batch, and which."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry.contributions import Batching, shapes


def batches(rule, lengths, budget, *, shape=lambda row: row):
    return list(Batching(rule).batches(sorted(lengths, reverse=True), budget, size=lambda row: row, shape=shape))


def test_a_batch_costs_no_more_than_the_budget_with_its_padding():
    assert batches("padded", [9, 5, 5, 4, 1], 18) == [[9, 5], [5, 4, 1]]


def test_a_row_above_the_budget_is_a_batch_alone():
    assert batches("padded", [50, 3, 2], 10) == [[50], [3, 2]]


@pytest.mark.parametrize("cost", [0, 1])
def test_a_batch_has_at_most_512_rows_however_short_they_are(cost):
    assert [len(batch) for batch in batches("padded", [cost] * 1100, 10**9)] == [512, 512, 76]


def test_rows_of_other_shapes_are_not_batched_together_where_nothing_may_be_padded():
    assert batches("equal length", [3, 2, 3, 2, 2], 100) == [[3, 3], [2, 2, 2]]
    assert batches("equal length", [3, 2, 3], 100, shape=lambda row: "alike") == [[3, 3, 2]]


def test_single_rows_are_batches():
    assert batches("single", [3, 3, 2], 100) == [[3], [3], [2]]


def test_the_shape_of_a_row_is_that_of_all_its_arrays():
    row = {"mask": np.ones(3), "ids": np.ones((2, 3))}
    assert shapes(row) == (("ids", (2, 3)), ("mask", (3,)))
