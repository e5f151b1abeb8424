"""Batches of encoded rows: how many rows, of how much, and which together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import Batching, shapes

WHATEVER = 10**9  # a budget that no batch reaches


def sizes_of(batching, sizes, budget):
    """The sizes of the rows in every batch; rows of one size have one shape."""
    return [list(batch) for batch in batching.batches(sizes, budget, size=lambda row: row, shape=lambda row: row)]


def test_left_out_rows_are_padded_and_come_several_at_a_time():
    assert (Batching().rule, Batching().takes_batches, Batching().reason) == ("padded", True, "")


def test_short_rows_come_in_batches_of_512_at_most():
    assert [len(batch) for batch in sizes_of(Batching(), [1] * 1300, WHATEVER)] == [512, 512, 276]
    assert [len(batch) for batch in sizes_of(Batching("equal length"), [1] * 600, WHATEVER)] == [512, 88]


@pytest.mark.parametrize(
    ("rule", "batches"),
    [
        ("padded", [[9], [6, 5], [5, 5], [2, 1]]),  # padded to the first, the longest
        ("equal length", [[9], [6], [5, 5], [5], [2], [1]]),
        ("single", [[9], [6], [5], [5], [5], [2], [1]]),
    ],
)
def test_the_budget_counts_padding_and_a_row_that_is_larger_runs_alone(rule, batches):
    found = sizes_of(
        Batching(rule, takes_batches=rule != "single"), [9, 6, 5, 5, 5, 2, 1], 12 if rule == "padded" else 10
    )
    assert found == batches


@given(
    st.lists(st.integers(0, 30), max_size=60),
    st.integers(0, 100),
    st.sampled_from(["padded", "equal length", "single"]),
)
def test_every_row_is_in_one_batch_and_none_beyond_the_budget(sizes, budget, rule):
    rows = sorted(sizes, reverse=True)
    found = sizes_of(Batching(rule), rows, budget)
    assert sorted((row for batch in found for row in batch), reverse=True) == rows
    for batch in found:
        assert len(batch) == 1 or batch[0] * len(batch) <= budget
        assert rule != "single" or len(batch) == 1
        assert rule != "equal length" or len(set(batch)) == 1


def test_rows_whose_arrays_have_other_shapes_are_told_apart():
    row = {"ids": np.zeros((1, 3)), "mask": np.zeros(3)}
    assert shapes(row) == (("ids", (1, 3)), ("mask", (3,)))
    assert shapes(dict(reversed(row.items()))) == shapes(row)
    assert shapes(row | {"mask": np.zeros(4)}) != shapes(row)
