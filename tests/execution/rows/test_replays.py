"""Replayed predictions are brought into the order of the rows, by their ids alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import DataError, as_predictions
from mqa_registry.execution.rows.replays import replay
from mqa_registry.observations import PerturbedRows
from mqa_registry.plan import RowSet, View
from mqa_registry.suite import Use
from mqa_registry.types import Rows
from tests.stand_ins import make_replay

VIEW = View("service", RowSet("reviews"))
ROWS = 70_000  # more than one block


def replayed(rows, table, scratch=None):
    given = as_predictions(table)
    use = Use("acme/replay", make_replay(lambda view: given))
    ids = pa.chunked_array([pa.array(rows[:1000]), pa.array(rows[1000:])]) if len(rows) > 1000 else pa.array(rows)
    return replay(VIEW, use, PerturbedRows(Rows(pa.table({"id": ids}), ())), scratch).predictions


@pytest.mark.parametrize("on_disk", [False, True])
def test_predictions_in_another_order_are_those_of_their_rows(tmp_path, on_disk):
    names = np.array([f"row-{number}" for number in range(ROWS)])
    order = np.random.default_rng(7).permutation(ROWS)
    labels = np.array(["no", "yes", "maybe"])[np.arange(ROWS) % 3]
    further = pa.table({"id": ["another"], "label": ["no"]})
    table = pa.concat_tables([pa.table({"id": names[order], "label": labels[order]}), further])
    found = replayed(names, table, (lambda: tmp_path) if on_disk else None)
    assert found.ids.to_pylist() == names.tolist()
    assert found.main.to_pylist() == labels.tolist()


def test_rows_without_a_prediction_are_counted_and_one_is_named():
    with pytest.raises(DataError, match=r"no prediction for 2 of 3 rows of `reviews`, `b` among them"):
        replayed(["a", "b", "c"], pa.table({"id": ["d", "a"], "label": ["no", "yes"]}))
