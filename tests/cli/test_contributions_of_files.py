"""What a plugin says of files that it makes, stamps or knows is checked as its answers are, and reported under its name."""

from __future__ import annotations

import json

import pytest

PLUGIN = """
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
import numpy as np
import pyarrow as pa
from mqa_registry import (
    Backend, Codec, Exported, Finding, Model, ModelSource, NoOptions, RunnerFacts, Task, hookimpl
)

@dataclass(frozen=True)
class AnyOptions:
    id: str = ""

class Any(ModelSource[AnyOptions]):
    "Any name."
    name = "any"

    def load(self, task, run_context, options):
        return Model(digest="any", module=lambda: None, processor=lambda: None, labels=("negative", "positive"))

class Leaves(Any):
    name = "leaves"

    def infer_task(self, run_context, options):
        sys.exit(0)

class Number(Any):
    name = "number"

    def infer_task(self, run_context, options):
        return 7

class Count(Task[NoOptions]):
    "Whether a text is long."
    name, schema, fields, metric = "count", "label", {"text": "text"}, "metrics/accuracy"

    def bind(self, model, options):
        return CountCodec()

class CountCodec(Codec):
    def encode(self, examples):
        return [{"x": np.zeros(1)} for _ in examples]

    def collate(self, rows):
        return {"x": np.zeros((len(rows), 1))}

    def decode(self, outputs, rows):
        return pa.table({"label": ["positive"] * len(rows)})

    def cost(self, row):
        return 1

@dataclass
class Runner:
    identity: dict = field(default_factory=dict)
    facts: RunnerFacts = field(default_factory=RunnerFacts)
    budget: int = 100
    def run(self, batch):
        return {"y": batch["x"]}

class Plain(Backend[NoOptions]):
    "Runs it."
    def __init__(self, name):
        self.name = name

    def identity(self, model_under_test, options):
        return {"device": "cpu"}

    @contextmanager
    def open(self, model_under_test, options):
        yield Runner()

class Crashes(Plain):
    "Crashes on opening."
    @contextmanager
    def open(self, model_under_test, options):
        raise OSError("no such device")
        yield Runner()

class Exports(Plain):
    "Exports what it must not."
    export_options = NoOptions

    def export(self, model_under_test, folder, options):
        if self.name == "exits":
            sys.exit(0)
        if self.name == "gives_a_path":
            return folder / "model.onnx"
        if self.name == "finds_text":
            folder.mkdir(exist_ok=True)
            (folder / "model.onnx").write_bytes(b"x")
        return Exported([folder / "model.onnx"], ["fine"] if self.name == "finds_text" else [], {}, {})

class Stamps(Plain):
    "Stamps what it must not."
    def record_verdict(self, identity, judgement, options):
        if self.name == "stamp_exits":
            sys.exit(0)
        if self.name == "stamp_of_words":
            return "stamped"
        if self.name == "stamp_of_a_level":
            return [Finding("fine", "file", "stamped")]
        return self.crash()

    def crash(self):
        yield Finding("note", "file", "stamped")
        raise ValueError("in the middle")

@hookimpl
def mqa_models():
    return [Any(), Leaves(), Number()]

@hookimpl
def mqa_tasks():
    return [Count()]

@hookimpl
def mqa_backends():
    exports = ("exits", "gives_a_path", "gives_nothing", "finds_text")
    stamps = ("stamp_exits", "stamp_crashes", "stamp_of_words", "stamp_of_a_level")
    return [Crashes("crashes"), *map(Exports, exports), *map(Stamps, stamps)]
"""

SUITE = """
format = 1
name = "files"
[model]
use = "bad/any"
id = "x"
task = "bad/count"
[data.reviews]
use = "datasets/file"
path = "reviews.parquet"
[backends.one]
use = "bad/{}"
[[check]]
measure = "metrics/accuracy"
expect = {{ min = 0.1 }}
"""


@pytest.fixture
def hostile(project):
    (project.folder / "bad.py").write_text(PLUGIN)
    return project


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("leaves", "the model source `bad/leaves` crashed: SystemExit: 0 (bad.py, line 26)"),
        ("number", "the model source `bad/number` infers 7 (int) for a model's task"),
    ],
)
def test_a_source_that_does_not_tell_a_task_is_named(hostile, source, said):
    done = hostile.mqa("export", "x", "--source", f"bad/{source}", "--out", "out", "--plugin", "bad.py")
    assert (done.code, done.out) == (3, "")
    assert f"error: {said}" in done.err


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("exits", "crashed: SystemExit: 0 (bad.py, line "),
        ("gives_a_path", "gave PosixPath('out/model.onnx') (PosixPath), and an `Exported` is expected"),
        ("gives_nothing", "says that it exported `out/model.onnx`, which is not there"),
        ("finds_text", "gave 'fine' (str), and a `Finding` is expected"),
    ],
)
def test_an_export_that_is_none_is_named(hostile, backend, said):
    command = ["export", "x", "--source", "bad/any", "--task", "bad/count", "--backend", f"bad/{backend}"]
    done = hostile.mqa(*command, "--out", "out", "--plugin", "bad.py", "--json", "export.json")
    assert (done.code, done.out) == (3, "")
    assert f"error: the backend `bad/{backend}` {said}" in done.err
    assert not (hostile.folder / "export.json").exists()


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        ("stamp_exits", "crashed: SystemExit: 0 (bad.py, line "),
        ("stamp_crashes", "crashed: ValueError: in the middle (bad.py, line "),
        ("stamp_of_words", "gave 'stamped' (str), and findings are expected"),
        ("stamp_of_a_level", "gave a finding of the level 'fine' (str)"),
    ],
)
def test_a_stamp_that_fails_costs_a_warning_and_no_verdict(hostile, backend, said):
    (hostile.folder / "suite.toml").write_text(SUITE.format(backend))
    done = hostile.run("--plugin", "bad.py", "--json", "report.json")
    report = json.loads((hostile.folder / "report.json").read_text())
    (finding,) = [one for one in report["findings"] if "stamp" in one["message"]]
    assert finding["message"].startswith(f"no stamp could be written: the backend `bad/{backend}` {said}")
    assert (done.code, report["verdict"]) == (0, "PASS")


def test_a_backend_that_crashes_is_told_of_with_its_own_line(hostile):
    (hostile.folder / "suite.toml").write_text(SUITE.format("crashes"))
    done = hostile.run("--plugin", "bad.py", "--json", "report.json")
    (result,) = json.loads((hostile.folder / "report.json").read_text())["results"]
    line = PLUGIN.splitlines().index('        raise OSError("no such device")') + 1
    assert result["note"] == f"the backend `bad/crashes` crashed: OSError: no such device (bad.py, line {line})"
    assert done.code == 3
