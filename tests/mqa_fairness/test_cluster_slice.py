"""Clusters of rows by a column of vectors, alone and as a user asks for them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from mqa_fairness.cluster_slice import clusters
from mqa_registry import DataError, judge, run

SUITE = """
format = 1
name = "weak"
[data.notes]
use = "datasets/file"
path = "notes.jsonl"
[backends.service]
use = "replay/file"
path = "predictions.jsonl"
[[check]]
name = "alike"
measure = "metrics/accuracy"
by = { use = "fairness/clusters", column = "embedding", n_clusters = 4 }
expect = { min = 0.5 }
"""
NEAR = [[0.0, 1.0], [0.0, 1.1], [9.0, 1.0]]


def table(vectors, kind=None):
    return pa.table({"id": [f"r{row}" for row in range(len(vectors))], "embedding": pa.array(vectors, kind)})


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 2)])
def test_rows_are_in_clusters_and_those_without_a_vector_in_a_group_of_their_own(kind):
    rows = table([NEAR[0], None, NEAR[1], NEAR[2]], kind)
    assert clusters(pa.concat_tables([rows, rows.slice(0, 1)]), column="embedding", n_clusters=2) == [
        "cluster 1 of 2: like r0, r0, r2", "(no embedding)", "cluster 1 of 2: like r0, r0, r2", "cluster 2 of 2: like r3",
        "cluster 1 of 2: like r0, r0, r2",
    ]  # fmt: skip


def test_an_empty_vector_is_none_and_whole_numbers_are_numbers():
    groups = clusters(table([[], [1, 2], [7, 9]]), column="embedding")
    assert groups == ["(no embedding)", "cluster 1 of 2: like r1", "cluster 2 of 2: like r2"]
    assert clusters(table([[], None], pa.list_(pa.float32())), column="embedding") == ["(no embedding)"] * 2


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1.0, 2.0], None, [1.0]], "have several lengths: 2 in row 'r0', 1 in row 'r2'"),
        ([[1.0], [float("nan")]], "in row 'r1' has a number that is missing or not finite"),
        ([[1.0], [None]], "in row 'r1' has a number that is missing or not finite"),
        ([[float("inf")], [1.0]], "in row 'r0' has a number that is missing or not finite"),
        (["[1, 2]", "[3, 4]"], "holds string, and not vectors"),
        ([["a"], ["b"]], "holds list<item: string>, and not vectors"),
    ],
)
def test_what_is_no_vector_is_refused_with_its_row(vectors, message):
    with pytest.raises(DataError) as raised:
        clusters(table(vectors), column="embedding")
    assert message in str(raised.value)


def test_a_column_that_is_not_there_is_refused_with_a_guess():
    with pytest.raises(DataError, match="no column `embeding`") as raised:
        clusters(table(NEAR), column="embeding")
    assert "did you mean `embedding`?" in raised.value.hint


@pytest.mark.parametrize("examples", [True, False])
def test_a_planted_weak_cluster_is_the_worst_group_of_a_run_and_of_the_same_run_judged_again(tmp_path, examples):
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(4, 8))
    rows, answers = [], []
    for row in range(240):
        blob = row % 4
        vector = (centres[blob] + 0.1 * rng.normal(size=8)).tolist()
        rows.append(
            {"id": f"{'weak' if blob == 2 else 'fine'}{row}", "target": "yes", "text": "-", "embedding": vector}
        )
        answers.append({"id": rows[-1]["id"], "label": "no" if rng.random() < (0.7 if blob == 2 else 0.05) else "yes"})
    (tmp_path / "notes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "predictions.jsonl").write_text("\n".join(map(json.dumps, answers)))
    (tmp_path / "suite.toml").write_text(SUITE)
    report = run(tmp_path / "suite.toml", examples=examples)
    (result,) = report.results
    assert result.verdict == "FAIL"
    worst = min(result.groups, key=lambda name: result.groups[name].numbers["value"].estimate)
    assert worst.partition(": ")[2].startswith("like weak")
    assert {part.numbers["value"].rows for part in result.groups.values()} == {60}
    (again,) = judge(report.run, store=tmp_path / ".mqa").results
    assert again.groups == result.groups
