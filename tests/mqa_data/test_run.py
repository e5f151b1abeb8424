"""A suite of the data alone, from end to end, without a model."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq

PLUGIN = '"""The plugin under a name of its own, whatever is installed."""\nfrom mqa_data import mqa_probes\n'
SUITE = """
format = 1
name = "rows"
[data.test]
use = "datasets/file"
path = "test.parquet"
[data.train]
use = "datasets/file"
path = "train.parquet"
[backends.service]
use = "replay/file"
path = "predictions.csv"
[[check]]
measure = "probing/overlap"
against = { data = "train" }
expect = { max = 0.5, conflicting_labels = { max = 1.0 } }
[[check]]
measure = "probing/drift"
against = { data = "train" }
expect = { max = 0.9, label_p_value = { min = 0.0 } }
[[check]]
measure = "probing/duplicates"
expect = { max = 0.5 }
gate = "point"
[[check]]
measure = "probing/label-balance"
expect = { min = 0.1, imbalance_ratio = { max = 5 } }
[[check]]
measure = "probing/profile"
expect = { max = 0.1, empty = { max = 0.2 } }
"""
SECRET = "secretword one two three four five"


def mqa(*arguments, folder):
    command = [sys.executable, "-m", "mqa_registry.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_every_probe_has_a_result_and_no_examples_removes_every_text(tmp_path):
    words = ["red", "blue", "slow", "fast", "tea", "sun"]
    texts = [f"{words[row % 6]} {words[row % 5]} is number {row}" for row in range(120)]
    labels = [("good", "bad")[row % 2] for row in range(120)]
    test = pa.table(
        {"id": [f"t{row}" for row in range(122)], "text": [*texts, SECRET, SECRET], "target": [*labels, "good", "bad"]}
    )
    train = pa.table({"text": [f"{text} more" for text in texts[:60]] + [SECRET], "target": [*labels[:60], "bad"]})
    pq.write_table(test, tmp_path / "test.parquet")
    pq.write_table(train, tmp_path / "train.parquet")
    (tmp_path / "predictions.csv").write_text("id,label\n" + "".join(f"t{row},good\n" for row in range(122)))
    (tmp_path / "probing.py").write_text(PLUGIN)
    (tmp_path / "rows.toml").write_text(SUITE)
    flags = ("--plugin", "probing.py", "--json", "report.json")
    done = mqa("run", "rows.toml", *flags, folder=tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    results = {result["check"]: result for result in report["results"]}
    assert len(results) == 5, done.stdout + done.stderr
    assert all(result["backend"] is None for result in results.values())
    overlap = next(result for name, result in results.items() if "overlap" in name)
    assert overlap["numbers"]["exact"]["estimate"] == 2 / 122
    assert overlap["numbers"]["conflicting_labels"]["estimate"] == 1 / 2
    assert SECRET in json.dumps(overlap["evidence"]["examples"])
    assert {result["verdict"] for result in results.values()} <= {"PASS", "INCONCLUSIVE", "FAIL"}
    assert mqa("run", "rows.toml", *flags, "--no-examples", folder=tmp_path).returncode == done.returncode
    assert "secretword" not in (tmp_path / "report.json").read_text()
