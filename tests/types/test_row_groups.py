"""Groups of rows by a key: against a dictionary of lists, for neighbours and for rows that are far apart."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.types.tables import row_groups
from mqa_registry.types.tables.row_groups import RowGroups

KEYS = st.lists(st.sampled_from(["", "a", "b", "c", "a long key of more than eight bytes"]), max_size=30)


def chunked(values, kind=None, size=4):
    """A column of several chunks."""
    starts = range(0, max(1, len(values)), size)
    return pa.chunked_array([pa.array(values[start : start + size], kind) for start in starts], kind)


def by_key(keys, values):
    """The oracle."""
    groups: dict[str, list] = {}
    for key, value in zip(keys, values, strict=True):
        groups.setdefault(key, []).append(value)
    return groups


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(row_groups, "BLOCK_ROWS", 3)


@given(keys=KEYS)
def test_groups_are_in_the_order_of_their_first_rows_and_rows_in_that_of_the_table(keys):
    table = pa.table({"key": chunked(keys, pa.string()), "value": chunked(list(range(len(keys))), pa.int64())})
    expected = by_key(keys, range(len(keys)))
    groups = RowGroups.of(table.column("key"))
    joined = groups.join(table, {"value"}, None)
    assert len(groups) == len(expected)
    if keys:
        assert dict(zip(*joined.to_pydict().values(), strict=True)) == expected
        assert joined.column("key").to_pylist() == list(expected)
    assert groups.first_rows.tolist() == [rows[0] for rows in expected.values()]


@given(keys=KEYS, data=st.data())
def test_some_groups_are_the_same_as_among_all(keys, data):
    groups = RowGroups.of(chunked(keys, pa.string()))
    some = data.draw(st.lists(st.integers(0, len(groups) - 1))) if keys else []
    taken = groups.take(np.array(some, np.int64))
    every = [groups.rows[start:stop].tolist() for start, stop in zip(groups.starts, groups.starts[1:], strict=False)]
    assert [taken.rows[start:stop].tolist() for start, stop in zip(taken.starts, taken.starts[1:], strict=False)] == [
        every[group] for group in some
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["x", "y", "x", "y", "x"], pa.string()),
        (["x", "y", "x", "y", "x"], pa.dictionary(pa.int8(), pa.string())),
        ([1.5, None, 1.5, None, 1.5], pa.float64()),
        ([math.nan, 2.0, math.nan, 2.0, math.nan], pa.float64()),
        ([["a"], [], ["a"], [], ["a"]], pa.list_(pa.string())),
        ([{"a": 1}, None, {"a": 1}, None, {"a": 1}], pa.struct([("a", pa.int64())])),
    ],
)
def test_rows_of_a_group_that_differ_are_found_whatever_their_type(values, kind):
    groups = RowGroups.of(chunked(["p", "q", "p", "q", "p"]))
    assert groups.find_difference(chunked(values, kind)) is None
    assert groups.find_difference(chunked([*values[:4], values[1]], kind)) == (0, 4)
    assert groups.join(pa.table({"v": chunked(values, kind)}), set(), None).num_rows == 2


def test_a_group_of_more_rows_than_a_block_is_whole():
    groups = RowGroups.of(chunked(["big"] * 20 + ["small"]))
    assert [len(block) for block in groups.blocks()] == [1, 1]
    assert groups.join(pa.table({"v": chunked(list(range(21)))}), {"v"}, None).column("v")[0].as_py() == list(range(20))
