"""Rankings that were made elsewhere: a row for each group, or one for each of its members."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from mqa_registry import DataError
from mqa_replay.file import FileOptions, FileReplay
from tests.mqa_replay.test_file import write

SCORES = {
    "id": ["q1", "q2", "q1", "q2", "q1"],
    "member": ["a", "b", "c", "d", "e"],
    "score": [0.1, 0.5, 0.9, 0.5, 0.3],
}


def read(tmp_path, scores, **options):
    file = write(tmp_path / "scores.parquet", pa.table(scores))
    return FileReplay().read("queries", FileOptions(path=file, schema="ranking", **options))


def test_a_row_for_each_member_gives_rankings_by_falling_score_and_ties_in_the_order_of_rows(tmp_path):
    predictions = read(tmp_path, SCORES)
    assert predictions.ids.to_pylist() == ["q1", "q2"]
    assert predictions.to_pylist() == [["c", "e", "a"], ["b", "d"]]
    assert predictions.table.column("scores").to_pylist() == [[0.9, 0.3, 0.1], [0.5, 0.5]]
    assert predictions.read == "rankings from `score`, a row for each `member`"


def test_columns_with_other_names_are_mapped(tmp_path):
    columns = {"query_id": [1, 1], "doc_id": [7, 8], "relevance": [1, 2]}
    named = {"id": "query_id", "member": "doc_id", "score": "relevance"}
    assert read(tmp_path, columns, columns=named).to_pylist() == [["8", "7"]]


def test_a_row_for_each_group_is_read_as_it_is(tmp_path):
    columns = {"id": ["q1"], "ranking": [["b", "a"]], "scores": [[2.0, 1.0]], "score": [1.0]}
    assert read(tmp_path, columns).to_pylist() == [["b", "a"]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"member": ["a", "b", "a", "d", "e"]}, "row 3 has the member `a` of `q1` once more"),
        ({"member": ["a", "b", None, "d", "e"]}, "row 3 has no `member`"),
        ({"id": ["q1", None, "q1", "q2", "q1"]}, "row 2 has no `id`"),
        ({"score": [0.1, 0.5, math.nan, 0.5, 0.3]}, "row 3 has no finite `score`"),
        ({"score": ["high"] * 5}, "column `score` holds string, and numbers are needed"),
        ({"member": [0.5] * 5}, "column `member` holds double, and names are needed"),
    ],
)
def test_what_is_no_score_of_a_member_is_named_by_its_row(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, SCORES | change)


def test_scores_without_members_are_no_ranking(tmp_path):
    with pytest.raises(DataError, match="there is no column `member`"):
        read(tmp_path, {"id": ["q1"], "score": [1.0]})


ITEMS = [[{"item": "a", "score": 0.5}, {"item": "b", "score": 2}], [], None]


def test_lists_of_things_with_their_scores_are_ranked_by_these(tmp_path):
    predictions = read(tmp_path, {"user_id": [1, 2, 3], "ranking": ITEMS})
    assert predictions.ids.to_pylist() == ["1", "2", "3"]
    assert predictions.to_pylist() == [["b", "a"], [], None]
    assert predictions.table.column("scores").to_pylist() == [[2.0, 0.5], [], None]
    assert predictions.read.endswith("rankings from objects of `item` and `score`")


@pytest.mark.parametrize(
    ("ranking", "message"),
    [
        ([{"item": "a", "score": 1.0}, {"item": None, "score": 1.0}], "row 2 ranks something without `item`"),
        ([{"item": "a", "score": None}], "row 2 has no finite `score` of something"),
        ([{"item": "a", "score": math.inf}], "row 2 has no finite `score` of something"),
        ([{"item": "a", "score": 1.0}, {"item": "a", "score": 2.0}], "row `q2` has `a` twice in its ranking"),
    ],
)
def test_what_is_no_thing_with_a_score_is_named_by_its_row(tmp_path, ranking, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, {"id": ["q1", "q2"], "ranking": [[{"item": "b", "score": 1.0}], ranking]})


def test_objects_without_a_name_or_a_score_are_refused_with_their_keys(tmp_path):
    with pytest.raises(DataError, match="the objects in `ranking` have the keys `product`, `score`"):
        read(tmp_path, {"id": ["q1"], "ranking": [[{"product": "a", "score": 1.0}]]})
