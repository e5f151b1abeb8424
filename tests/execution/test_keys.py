"""Nothing that was predicted by other code, with other options or from other files is taken from the store."""

from __future__ import annotations

import json
import re
from textwrap import dedent

import pytest

from tests.cli.conftest import Project, installed

PLUGIN = """
import contextlib
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import pyarrow as pa
from mqa_registry import Backend, Codec, Model, ModelSource, Probe, RunnerFacts, Task, hookimpl

@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    threshold: float = 5.0

class Threshold(ModelSource[SourceOptions]):
    "A threshold, known by a digest that says nothing of it."
    name = "threshold"

    def load(self, task, run_context, options):
        labels = ("short", "long")
        return Model(digest="model", module=lambda: options.threshold, processor=lambda: None, labels=labels)

@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    twice: bool = False

class Lengths(Task[TaskOptions]):
    "Whether a text is long."
    schema, fields, metric = "label", {"text": "text"}, "metrics/accuracy"

    def __init__(self, name):
        self.name = name

    def bind(self, model, options):
        return LengthCodec(model, options)

class LengthCodec(Codec):
    def __init__(self, model, options):
        self.model, self.options = model, options

    def encode(self, rows):
        from counting import size
        return [{"size": np.array([size(row["text"]) * (1 + self.options.twice)])} for row in rows]

    def collate(self, rows):
        return {"size": np.stack([row["size"] for row in rows])}

    def decode(self, outputs, rows):
        return pa.table({"label": [self.model.labels[int(one)] for one in outputs["long"]]})

    def cost(self, row):
        return len(row)

class Runner:
    identity, facts, budget = {}, RunnerFacts(), 100

    def __init__(self, threshold):
        self.threshold = threshold

    def run(self, batch):
        return {"long": batch["size"][:, 0] > self.threshold}

@dataclass(frozen=True, kw_only=True)
class PlainOptions:
    more: float = 0.0
    lexicon: Path | None = None

class Plain(Backend[PlainOptions]):
    "A comparison."
    name = "plain"

    def identity(self, model_under_test, options):
        return {}

    @contextlib.contextmanager
    def open(self, model_under_test, options):
        lexicon = len(options.lexicon.read_text() if options.lexicon else "")
        yield Runner(model_under_test.model.module + options.more + lexicon)

@dataclass(frozen=True, kw_only=True)
class WordOptions:
    lexicon: Path
    weight: float = 1.0

class Words(Probe[WordOptions]):
    "How many texts have a word of the lexicon."
    name, inputs, outputs = "words", "rows", ("value",)

    def observe(self, context, options):
        known = set(options.lexicon.read_text().split())
        texts = context.view.rows.table["text"].to_pylist()
        return pa.table({"hit": [options.weight * bool(known & set(text.split())) for text in texts]})

    def numbers(self, seen):
        return {"value": seen["hit"].to_numpy().astype(float)}

@hookimpl
def mqa_models():
    return [Threshold()]

@hookimpl
def mqa_tasks():
    return [Lengths("lengths"), Lengths("other")]

@hookimpl
def mqa_backends():
    return [Plain()]

@hookimpl
def mqa_probes():
    return [Words()]
"""
SUITE = """
format = 1
name = "keys"
[model]
use = "own/threshold"
task = "lengths"
[data.rows]
use = "datasets/file"
path = "rows.csv"
[backends.plain]
use = "own/plain"
[[check]]
measure = "metrics/accuracy"
gate = "point"
expect = { min = 0 }
[[check]]
measure = { use = "own/words", lexicon = "lexicon.txt" }
gate = "point"
expect = { min = 0 }
"""
ROWS = "text,target\n" + "".join(f"{'word ' * number}end,long\n" for number in range(8))


@pytest.fixture
def run(tmp_path):
    """Run the suite: what the checks came to, and how many rows were predicted.

    What it imports from `path` is imported anew for each run, and what is installed there is looked up anew.
    """
    files = {
        "own.py": PLUGIN,
        "counting.py": "size = len\n",
        "suite.toml": SUITE,
        "rows.csv": ROWS,
        "lexicon.txt": "word",
    }
    project = Project(tmp_path)

    def done(*arguments, path=tmp_path, plugin=("--plugin", "own.py"), **changed):
        for name, text in (files | changed).items():
            (tmp_path / name).write_text(dedent(text))
        command = ["run", "suite.toml", "--json", "-", *plugin, *arguments]
        with installed(path):
            finished = project.mqa(*command)
        report = json.loads(finished.out or "{}")
        assert report.get("verdict") == "PASS", finished.out + finished.err
        found = re.search(r"(\d+) rows predicted", finished.err)
        return [result["numbers"]["value"]["estimate"] for result in report["results"]], int(found[1]) if found else 0

    return done


def test_unchanged_inputs_use_cached_predictions(run):
    first, predicted = run()
    assert predicted == 8
    assert run() == (first, 0)


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("own.py", "model.labels[int(one)]", "model.labels[1 - int(one)]"),
        ("own.py", "threshold: float = 5.0", "threshold: float = 15.0"),
        ("own.py", "twice: bool = False", "twice: bool = True"),
        ("suite.toml", '"own/threshold"', '"own/threshold"\nthreshold = 15.0'),
        ("suite.toml", '"own/plain"', '"own/plain"\nmore = 10.0'),
        ("suite.toml", '"own/plain"', '"own/plain"\nlexicon = "rows.csv"'),
        ("counting.py", "len", "lambda text: 2 * len(text)"),
    ],
)
def test_a_cached_prediction_depends_on_all_that_made_it(run, tmp_path, file, before, after):
    changed = {"own.py": PLUGIN, "counting.py": "size = len\n", "suite.toml": SUITE}[file].replace(before, after, 1)
    (first, _), (second, predicted) = run(), run(**{file: changed})
    assert predicted == 8
    assert second[0] != first[0]


def test_a_cached_prediction_depends_on_the_content_of_a_file(run):
    suite = SUITE.replace('"own/plain"', '"own/plain"\nlexicon = "lexicon.txt"')
    (first, _), (second, predicted) = (
        run(**{"suite.toml": suite}),
        run(**{"suite.toml": suite, "lexicon.txt": "w" * 20}),
    )
    assert predicted == 8
    assert second[0] != first[0]


def test_the_table_of_a_probe_depends_on_its_files_and_defaults(run):
    first, _ = run()
    assert run(**{"lexicon.txt": "nothing"})[0][1] == 0 != first[1]
    assert run(**{"own.py": PLUGIN.replace("weight: float = 1.0", "weight: float = 0.5")})[0][1] == first[1] / 2


def test_two_tasks_of_one_function_share_nothing(run):
    run()
    assert run(**{"suite.toml": SUITE.replace('"lengths"', '"other"')})[1] == 8


def test_two_plugins_of_one_code_share_nothing(run, tmp_path):
    run()
    (tmp_path / "twin.py").write_text(PLUGIN)
    twins = SUITE.replace("own/threshold", "twin/threshold").replace('"lengths"', '"own/lengths"')
    assert run("--plugin", "twin.py", **{"suite.toml": twins})[1] == 8


def test_another_version_of_an_installed_plugin_ignores_cached_predictions(run, tmp_path):
    """Though its code is the same: what it stands on may be another."""

    def installed(version):
        home = tmp_path / version / "site-packages"
        info = home / f"mqa_own-{version}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (home / "own.py").write_text(PLUGIN)
        (home / "counting.py").write_text("size = len\n")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mqa-own\nVersion: {version}\n")
        (info / "entry_points.txt").write_text("[mqa]\nown = own\n")
        return home

    first, predicted = run(plugin=(), path=installed("0.1.0"))
    assert predicted == 8
    assert run(plugin=(), path=installed("0.1.0")) == (first, 0)
    assert run(plugin=(), path=installed("0.2.0")) == (first, 8)
