"""A suite that asks how fast a model is and what it weighs, from end to end."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PLUGIN = """
import contextlib, time, types
from dataclasses import dataclass
import numpy as np
import pyarrow as pa
from mqa_registry import Backend, Codec, Model, ModelSource, NoOptions, RunnerFacts, Task, hookimpl

class Source(ModelSource[NoOptions]):
    "A model of nothing."
    name = "source"

    def load(self, task, run_context, options):
        return Model(digest="d", module=lambda: None, processor=lambda: None, labels=("a", "b"))

class LettersCodec(Codec):
    def encode(self, examples):
        return [{"codes": np.array([ord(c) for c in one["text"]], np.int64)} for one in examples]

    def collate(self, rows):
        width = max(len(row["codes"]) for row in rows)
        return {"codes": np.stack([np.pad(row["codes"], (0, width - len(row["codes"]))) for row in rows])}

    def decode(self, outputs, rows):
        return pa.table({"label": ["a"] * len(rows)})

    def cost(self, row):
        return len(row["codes"])

class Letters(Task[NoOptions]):
    "Codes of letters."
    name, schema, metric = "letters", "label", "metrics/accuracy"
    fields, sample = {"text": "text"}, ({"text": "ab"},)

    def bind(self, model, options):
        return LettersCodec()

@dataclass(frozen=True, kw_only=True)
class RunnerOptions:
    "`takes` is how many seconds a batch takes."
    takes: float = 0.0

class Runner(Backend[RunnerOptions]):
    "Takes so many seconds."
    name = "runner"

    def identity(self, model_under_test, options):
        return {"takes": str(options.takes)}

    @contextlib.contextmanager
    def open(self, model_under_test, options):
        def run(batch):
            time.sleep(options.takes)
            return {"score": batch["codes"].sum(axis=1)}
        identity = self.identity(model_under_test, options)
        yield types.SimpleNamespace(run=run, identity=identity, facts=RunnerFacts(bytes=2_500_000), budget=64)

@hookimpl
def mqa_models():
    return [Source()]

@hookimpl
def mqa_tasks():
    return [Letters()]

@hookimpl
def mqa_backends():
    return [Runner()]
"""

SUITE = """
format = 1
name = "quick"
seed = 7
[model]
use = "swift/source"
task = "letters"
[data.words]
use = "datasets/file"
path = "words.csv"
[backends.old]
use = "swift/runner"
takes = 0.006
[backends.new]
use = "swift/runner"
takes = 0.002
[[check]]
measure = { use = "performance/latency", repetitions = 80, warmup = 1 }
expect.p95_ms = { max = 60000 }
expect.p50_ms = { min = 2 }
[[check]]
measure = { use = "performance/throughput", repetitions = 20, batch_sizes = [4] }
expect = { min = 0.001 }
[[check]]
measure = { use = "performance/speedup", repetitions = 20, warmup = 1 }
expect = { min = 1.2 }
[[check]]
measure = { use = "performance/load-time", processes = 2 }
on = ["new"]
gate = "point"
expect = { max = 600 }
[[check]]
measure = "performance/memory"
on = ["new"]
expect = { max = 100000 }
[[check]]
measure = "performance/model-size"
expect = { min = 2.5, max = 2.5 }
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "swift.py").write_text(PLUGIN)
    (tmp_path / "quick.toml").write_text(SUITE)
    (tmp_path / "words.csv").write_text("text,label\n" + "".join(f"{'x' * n},a\n" for n in range(1, 40)))

    def mqa():
        command = [sys.executable, "-m", "mqa_registry.cli", "run", "quick.toml", "--plugin", "swift.py", "--json", "-"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
        report = json.loads(done.stdout)
        assert done.returncode == report["exit_code"] == 0, done.stderr
        return {(one["measure"]["use"].partition("/")[2], one["backend"]): one for one in report["results"]}

    return mqa


def test_every_probe_passes_and_timings_are_never_reused(run):
    first, second = run(), run()
    assert {one["verdict"] for one in first.values()} == {"PASS"}
    assert list(first["latency", "new"]["numbers"]) == ["value", "p50_ms", "p95_ms", "p99_ms"]
    assert first["latency", "new"]["numbers"]["p50_ms"]["rows"] == 80
    assert ("speedup", "old") not in first
    speedup = first["speedup", "new"]["numbers"]["value"]
    assert speedup["low"] <= speedup["estimate"] <= speedup["high"]
    assert first["model-size", "old"]["numbers"]["value"]["estimate"] == 2.5
    timed = [("latency", "old"), ("speedup", "new"), ("load-time", "new")]
    for key in timed:
        assert first[key]["numbers"]["value"]["estimate"] != second[key]["numbers"]["value"]["estimate"]
