"""The rows of a view as probes read them: in the cut of the run's shards, whatever rows are left of each."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.execution.rows.shards import Shard
from mqa_registry.execution.rows.view_rows import ViewRows
from mqa_registry.plan import RowSet
from mqa_registry.types import Rows

COUNT = 12


@given(st.sets(st.integers(0, COUNT - 1), max_size=COUNT - 1), st.sets(st.integers(1, COUNT - 1)))
def test_every_row_that_is_left_comes_once_in_the_shard_that_it_was_cut_into(left_out, ends):
    table = pa.table({"id": [f"row {number}" for number in range(COUNT)], "text": ["x"] * COUNT})
    whole = Rows(table, ("text",))
    stops = [*sorted(ends), COUNT]
    cut = [Shard("words", start, stop, stop == COUNT) for start, stop in zip([0, *stops], stops, strict=False)]
    rows = whole.leave_out(sorted(left_out))
    view = ViewRows(rows, whole, RowSet("words", ()), cut, None, 7)
    kept = [[f"row {one}" for one in range(shard.start, shard.stop) if one not in left_out] for shard in cut]
    assert [part.ids.to_pylist() for part in view.shards()] == [ids for ids in kept if ids]
    last = len(rows) - 1
    assert view.take([last, 0]).ids.to_pylist() == [rows.ids[last].as_py(), rows.ids[0].as_py()]
