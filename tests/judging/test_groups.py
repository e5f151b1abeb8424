"""Groups of a data set in a sample that has some of its rows, in any order."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.judging.groups import groups_within

ROWS = st.lists(st.integers(0, 12), unique=True)


@given(sample=ROWS, groups=st.dictionaries(st.sampled_from("abc"), ROWS.map(sorted)))
def test_a_group_has_the_positions_of_those_of_its_rows_that_the_sample_has(sample, groups):
    arrays = {name: np.array(rows, dtype=np.int64) for name, rows in groups.items() if rows}
    found = groups_within(np.array(sample, dtype=np.int64), arrays)
    assert {name: positions.tolist() for name, positions in found.items()} == {
        name: [sample.index(row) for row in groups[name] if row in sample] for name in arrays
    }
