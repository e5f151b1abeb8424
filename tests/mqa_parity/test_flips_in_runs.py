"""Flips of two replayed backends, from a suite file to a report and judged again."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from mqa_registry import judge, run
from mqa_registry.reports import to_json
from mqa_registry.reports.console import print_report

ROWS = 400
EVIL = "[bold]no\x1b[31m"  # a class as somebody might call it
SUITE = """
format = 1
name = "flips"
seed = 7
[data.rows]
use = "datasets/file"
path = "rows.parquet"
[backends.torch]
use = "replay/file"
path = "torch.parquet"
classes = ["yes", "[bold]no\\u001b[31m"]
[backends.onnx]
use = "replay/file"
path = "onnx.parquet"
classes = ["yes", "[bold]no\\u001b[31m"]
[[check]]
name = "flips"
measure = "parity/flip-rate"
expect = { max = 0.001 }
[[check]]
name = "agreement"
measure = "parity/agreement"
by = { use = "fairness/column", column = "kind" }
expect = { min = 0.999 }
[[check]]
name = "holds"
measure = "parity/flip-rate"
expect = { max = 0.5 }
"""


@pytest.fixture
def suite(tmp_path):
    """Rows of which some are close calls that noise decides, and three are sure and answered otherwise."""
    rng = np.random.default_rng(7)
    ids = [f"row-{number}" for number in range(ROWS)]
    p = rng.uniform(0.02, 0.98, ROWS)
    p[:3] = 0.95, 0.9, 0.85
    p[3:8] = 0.5 + rng.uniform(0, 0.0005, 5)
    q = p + rng.uniform(0.0008, 0.0012, ROWS) * rng.choice([-1, 1], ROWS)
    q[:3] = 1 - p[:3]
    q[3:8] = p[3:8] - 0.001
    right = np.where(p > 0.5, "yes", EVIL)
    texts = [f"text [red]{number}\x1b[2J" for number in range(ROWS)]
    kinds = [f"kind-{number % 2}" for number in range(ROWS)]
    columns = {"id": ids, "text": texts, "target": right.tolist(), "kind": kinds}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    for name, yes in (("torch", p), ("onnx", q)):
        pq.write_table(pa.table({"id": ids, "yes": yes, EVIL: 1 - yes}), tmp_path / f"{name}.parquet")
    path = tmp_path / "suite.toml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def results(report):
    return {one["check"]: one | {"seconds": 0} for one in to_json(report)["results"]}


def test_flips_are_reported_as_ties_and_damage_with_the_change_of_correct_predictions(suite):
    found = results(run(suite))
    flips = found["flips"]["evidence"]["details"]["flips"]
    assert (flips["damage"], flips["largest_margin"]) == (3, 0.9)
    assert flips["ties"] == flips["count"] - 3 >= 5
    assert flips["largest_tie"] <= flips["tie_limit"] < 0.01
    assert found["flips"]["evidence"]["mcnemar"]["negative_flips"] == flips["count"]
    worst = [(row["id"], row["margin"], row["details"]["tie"]) for row in found["flips"]["evidence"]["examples"]]
    assert worst[:3] == [("row-0", 0.9, False), ("row-1", 0.8, False), ("row-2", 0.7, False)]
    assert len(worst) == flips["count"]
    assert all(tie for _, _, tie in worst[3:])
    assert found["agreement"]["evidence"]["details"]["flips"] == flips
    assert found["holds"]["verdict"] == "PASS"
    assert found["holds"]["evidence"] == {
        key: found["flips"]["evidence"][key] for key in ("mcnemar", "remarks", "details")
    }


def test_flips_are_the_same_when_judged_again(suite):
    report = run(suite)
    assert results(judge("last", store=suite.parent / ".mqa")) == results(report)


def test_without_examples_margins_are_kept_and_no_words(suite):
    whole, bare = results(run(suite)), results(run(suite, examples=False))
    assert bare["flips"]["evidence"]["details"]["flips"] == whole["flips"]["evidence"]["details"]["flips"]
    assert set(bare["flips"]["evidence"]["examples"][0]) == {"id", "margin", "probability", "details"}
    assert "[red]" not in json.dumps(bare)
    assert results(judge("last", store=suite.parent / ".mqa")) == bare


def test_the_console_has_one_line_and_escapes_words_of_the_data(suite):
    written = io.StringIO()
    print_report(run(suite), Console(file=written, width=200, force_terminal=True))
    shown = written.getvalue()
    (line,) = [line for line in shown.split("\n") if "3 damage (margins up to 0.9)" in line and "flips:" in line][:1]
    assert "newly wrong, 0 newly right, McNemar p = " in line
    assert "[bold]no" in shown
    assert "\x1b[31mtext" not in shown
    assert "\x1b[2J" not in shown
