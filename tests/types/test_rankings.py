"""Rankings: how scores make them, which are none, and what their targets are."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import DataError, as_predictions, make_rankings, name_members, read_targets
from mqa_registry.types import Rows, blocks, get_schema
from mqa_registry.types.schemas import ranking


def read(rankings, scores=None):
    columns = {"id": [f"u{row}" for row in range(len(rankings))], "ranking": pa.array(rankings, pa.list_(pa.string()))}
    if scores is not None:
        columns["scores"] = pa.array(scores, pa.list_(pa.float64()))
    return as_predictions(pa.table(columns), "ranking").to_pylist()


@given(st.lists(st.lists(st.floats(-5, 5), max_size=6), min_size=1, max_size=4))
def test_scores_make_rankings_that_fall_and_equal_ones_keep_their_order(scores):
    names = [name_members({}, len(row)) for row in scores]
    table = make_rankings([np.array(row) for row in scores], names)
    for row, ranked, given_scores in zip(
        scores, table["ranking"].to_pylist(), table["scores"].to_pylist(), strict=True
    ):
        order = sorted(range(len(row)), key=lambda position: -row[position])
        assert ranked == [str(position + 1) for position in order]
        assert given_scores == [row[position] for position in order]
    assert as_predictions(table.add_column(0, "id", pa.array([str(n) for n in range(len(scores))])), "ranking")


def test_padding_is_no_member_and_a_row_with_nan_has_no_ranking():
    table = make_rankings(
        np.array([[1.0, 2.0, 0.0], [1.0, np.nan, 3.0]]), [np.array(["a", "b"]), np.array(["c", "d", "e"])]
    )
    assert table.to_pylist() == [
        {"ranking": ["b", "a"], "scores": [2.0, 1.0]},
        {"ranking": None, "scores": None},
    ]


@pytest.mark.parametrize(
    ("rankings", "scores", "said"),
    [
        ([["a"], ["b", None]], None, "row `u1` has a ranking without a name in it"),
        ([["a"], ["b", "c", "b"]], None, "row `u1` has `b` twice in its ranking"),
        ([["a", "b"], ["b", "a"]], [[1.0, 0.5], [1.0]], "row `u1` has 2 names and 1 scores"),
        ([["a", "b"], ["b", "a"]], [[1.0, 0.5], None], "row `u1` has 2 names and 0 scores"),
        ([["a", "b"], ["b", "a"]], [[1.0, 0.5], [1.0, np.nan]], "row `u1` has a score that is no finite number"),
        ([["a", "b"], ["b", "a"]], [[1.0, 1.0], [1.0, 2.0]], "row `u1` has scores that rise"),
    ],
)
def test_what_is_no_ranking_is_refused_with_its_row(rankings, scores, said, monkeypatch):
    for size in (blocks.BLOCK_ROWS, 1):
        monkeypatch.setattr(ranking, "BLOCK_ROWS", size)
        with pytest.raises(DataError) as refused:
            read(rankings, scores)
        assert refused.value.message == said
        assert refused.value.hint


def test_rows_without_a_ranking_and_empty_rankings_are_read():
    assert read([None, [], ["a", "b"]], [None, [], [1.0, 1.0]]) == [None, [], ["a", "b"]]


def test_targets_name_what_is_relevant():
    graded = [[{"id": "a", "relevance": 2.0}], []]
    for targets in ([["a"], []], graded):
        rows = Rows(pa.table({"id": ["u0", "u1"], "target": targets}), ())
        found = read_targets(rows, "ranking", (), data="d").main.to_pylist()
        assert [[one["id"] for one in row] for row in found] == [["a"], []]
    with pytest.raises(DataError, match="column `target` of the data set `d` holds double"):
        read_targets(Rows(pa.table({"id": ["u0"], "target": [0.5]}), ()), "ranking", (), data="d")


def test_a_ranking_agrees_with_the_same_order_and_with_a_target_where_its_first_is_relevant():
    schema = get_schema("ranking")
    assert schema.agree(["a", "b"], ["a", "b"])
    assert not schema.agree(["a", "b"], ["b", "a"])
    target = [{"id": "b", "relevance": 1.0}, {"id": "c", "relevance": 0.0}]
    assert schema.agree(["b", "a"], target)
    assert not any(schema.agree(one, target) for one in (["a", "b"], ["c", "b"], [], None))
