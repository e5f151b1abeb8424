"""Rows that are picked from columns and tables of several chunks, as from a table in one piece."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.types.blocks import RUN_ROWS, iter_blocks, take_table, take_values

VALUES = ["a", None, "b", "", "c", "a", "d"]
COLUMN = pa.chunked_array([VALUES[:2], [], VALUES[2:3], VALUES[3:]], pa.string())


@given(st.lists(st.integers(0, len(VALUES) - 1)))
def test_values_are_taken_in_the_order_of_their_positions(positions):
    assert take_values(COLUMN, np.array(positions, dtype=np.int64)).to_pylist() == [VALUES[one] for one in positions]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3 * RUN_ROWS)), max_size=4))
def test_a_table_has_the_rows_at_the_positions_whether_or_not_they_are_neighbours(runs):
    numbers = np.arange(4 * RUN_ROWS)
    table = pa.table(
        {"number": pa.chunked_array([numbers[:100], numbers[100:]]), "text": pa.array(numbers.astype(str))}
    )
    positions = np.concatenate([np.zeros(0, np.int64), *(np.arange(start, start + size) for start, size in runs)])
    assert take_table(table, positions).equals(table.take(pa.array(positions)))


@pytest.mark.parametrize("positions", [[-1, 0], [0, 7], list(range(-300, 0)), list(range(300))])
def test_a_position_beyond_the_rows_is_refused(positions):
    with pytest.raises(IndexError):
        take_table(pa.table({"text": COLUMN}), np.array(positions))


def test_blocks_are_all_values_in_their_order():
    blocks = [block.to_pylist() for block in iter_blocks(COLUMN, 2)]
    assert [value for block in blocks for value in block] == VALUES
    assert max(map(len, blocks)) == 2
