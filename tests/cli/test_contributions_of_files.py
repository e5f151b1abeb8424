"""What a plugin says of files that it makes, stamps or knows is checked as its answers are, and reported under its name."""

from __future__ import annotations

import json

import pytest

PLUGIN = """
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
import pyarrow as pa
from mqa_registry import Backend, Codec, Exported, Finding, Model, ModelSource, Task, hookimpl

def source(task, conditions, *, id: str = ""):
    "Any name."
    return Model(digest="any", module=lambda: None, processor=lambda: None, labels=("negative", "positive"))

def leaves(conditions, *, id: str = ""):
    sys.exit(0)

def tells_a_number(conditions, *, id: str = ""):
    return 7

def count(model):
    "Whether a text is long."
    def decode(outputs, rows):
        return pa.table({"label": ["positive"] * len(rows)})
    return Codec(lambda examples: [{"x": __import__("numpy").zeros(1)} for _ in examples],
                 lambda rows: {"x": __import__("numpy").zeros((len(rows), 1))}, decode, lambda row: 1)

@dataclass
class Runner:
    identity: dict = field(default_factory=dict)
    facts: dict = field(default_factory=dict)
    budget: int = 100
    def run(self, batch):
        return {"y": batch["x"]}

@contextmanager
def opened(subject):
    "Runs it."
    yield Runner()

@contextmanager
def crashes(subject):
    "Crashes on opening."
    raise OSError("no such device")
    yield Runner()

def identity(subject):
    return {"device": "cpu"}

def exits(subject, out):
    sys.exit(0)

def gives_a_path(subject, out):
    return out / "model.onnx"

def gives_nothing(subject, out):
    return Exported([out / "model.onnx"], [], {}, {})

def finds_text(subject, out):
    out.mkdir(exist_ok=True)
    (out / "model.onnx").write_bytes(b"x")
    return Exported([out / "model.onnx"], ["fine"], {}, {})

def stamp_exits(identity, judgement):
    sys.exit(0)

def stamp_crashes(identity, judgement):
    yield Finding("note", "file", "stamped")
    raise ValueError("in the middle")

def stamp_of_words(identity, judgement):
    return "stamped"

def stamp_of_a_level(identity, judgement):
    return [Finding("fine", "file", "stamped")]

@hookimpl
def mqa_models():
    yield ModelSource("any", source)
    yield ModelSource("leaves", source, tells=leaves)
    yield ModelSource("number", source, tells=tells_a_number)

@hookimpl
def mqa_tasks():
    yield Task("count", count, schema="label", fields={"text": "text"}, sample=(), metric="metrics/accuracy")

@hookimpl
def mqa_backends():
    yield Backend("crashes", crashes, identity=identity)
    for export in (exits, gives_a_path, gives_nothing, finds_text):
        yield Backend(export.__name__, opened, identity=identity, export=export)
    for stamp in (stamp_exits, stamp_crashes, stamp_of_words, stamp_of_a_level):
        yield Backend(stamp.__name__, opened, identity=identity, stamp=stamp)
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
        ("leaves", "the model source `bad/leaves` crashed: SystemExit: 0 (bad.py, line 13)"),
        ("number", "the model source `bad/number` tells 7 (int) for a model's task"),
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
        ("gives_a_path", "gave PosixPath('out/model.onnx') (PosixPath), and an `Exported` is due"),
        ("gives_nothing", "says that it exported `out/model.onnx`, which is not there"),
        ("finds_text", "gave 'fine' (str), and a `Finding` is due"),
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
        ("stamp_of_words", "gave 'stamped' (str), and findings are due"),
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
    line = PLUGIN.splitlines().index('    raise OSError("no such device")') + 1
    assert result["note"] == f"the backend `bad/crashes` crashed: OSError: no such device (bad.py, line {line})"
    assert done.code == 3
