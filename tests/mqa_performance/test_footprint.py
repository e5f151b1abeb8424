"""Load time and memory of a fresh process, and the size of the files that a backend runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mqa_performance.footprint import LoadTime, LoadTimeOptions, Memory, MemoryOptions, ModelSize
from mqa_registry import NoOptions, NotRunError, RunnerFacts

MEGABYTES = 150
PLUGIN = f"""
import contextlib, os, sys, time, types
from dataclasses import dataclass
import numpy as np
from mqa_registry import Backend, Model, ModelSource, NoOptions, Task, hookimpl

class Source(ModelSource[NoOptions]):
    "A model of nothing."
    name = "source"

    def load(self, task, run_context, options):
        return Model(digest="d", module=lambda: None, processor=lambda: None)

class Letters(Task[NoOptions]):
    "Its codec is not needed where arrays are given."
    name, schema, metric = "letters", "label", "m/m"
    fields, sample = {{"text": "text"}}, ({{"text": "ab"}},)

    def bind(self, model, options):
        raise RuntimeError("a tokenizer was loaded")

@dataclass(frozen=True, kw_only=True)
class RunnerOptions:
    "How it fails."
    slow: float = 0.0
    fail: str = ""

class Runner(Backend[RunnerOptions]):
    "Takes a while to load, and memory to run."
    name = "runner"

    def identity(self, model_under_test, options):
        return {{}}

    @contextlib.contextmanager
    def open(self, model_under_test, options):
        assert model_under_test.sample()["codes"].shape == (1, 2)
        assert [one["text"] for one in model_under_test.examples(3)] == ["x", "y", "z"]
        time.sleep(options.slow)
        if options.fail == "raise":
            raise ValueError("no such weights")
        if options.fail == "leave":
            os._exit(0)
        def run(batch):
            return {{"score": np.ones({MEGABYTES} * 1_000_000 // 8).sum() + batch["codes"].sum(axis=1)}}
        yield types.SimpleNamespace(run=run)

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


@pytest.fixture
def openable_context(context, sleeper, tmp_path):
    """A context whose backend another process can open with these options."""
    file = tmp_path / "frosty.py"
    file.write_text(PLUGIN)

    def of(**options):
        paths = {"exports": {"path on this machine": str(tmp_path)}}
        run_context = {"device": "auto", "plugin_files": [{"path on this machine": str(file)}], **paths}
        model_under_test = {
            "source": {"use": "frosty/source", "options": {}},
            "task": {"use": "frosty/letters", "options": {}},
            "run_context": run_context,
        }
        openable = context(
            sleeper(),
            spec={"backend": {"use": "frosty/runner", "options": options}, "model_under_test": model_under_test},
        )
        openable.model_under_test.given[3] = [
            {"text": text} for text in "xyz"
        ]  # as the backend requested them in this process
        return openable

    return of


def test_the_peak_is_that_of_the_fresh_process_and_includes_its_runs(openable_context):
    ballast = np.ones(600_000_000 // 8)  # of this process
    table = Memory().observe(openable_context(), MemoryOptions(rows=4, batch_size=2))
    numbers = Memory().numbers(table)
    assert numbers["before_load_mb"] <= numbers["after_load_mb"] < numbers["value"]
    assert MEGABYTES * 0.9 < numbers["value"] - numbers["after_load_mb"] < MEGABYTES * 1.5
    assert numbers["value"] < ballast.nbytes / 1e6
    assert Memory().evidence(table).details == {"libraries": []}


def test_the_load_time_is_measured_in_every_process(openable_context):
    numbers = LoadTime().numbers(LoadTime().observe(openable_context(slow=0.3), LoadTimeOptions(processes=2)))
    assert len(numbers["value"]) == 2
    assert ((numbers["value"] > 0.3) & (numbers["value"] < 20)).all()
    assert (numbers["first_run_ms"] > 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fail": "raise"}, "exit code 1: .*`frosty/runner` crashed: ValueError: no such weights"),
        ({"fail": "leave"}, "exit code 0: "),
    ],
)
def test_a_process_that_fails_is_not_run_and_says_why(openable_context, options, message):
    with pytest.raises(NotRunError, match=message):
        LoadTime().observe(openable_context(**options), LoadTimeOptions(processes=1))


def test_a_process_that_hangs_is_stopped(openable_context):
    with pytest.raises(NotRunError, match="did not finish within 1 s"):
        LoadTime().observe(openable_context(slow=60), LoadTimeOptions(processes=1, timeout=1))


def test_a_backend_that_cannot_be_opened_elsewhere_is_not_run(context, sleeper):
    with pytest.raises(NotRunError, match="backend `new` cannot be opened in another process"):
        Memory().observe(context(sleeper()), MemoryOptions())


def test_no_temporary_files_remain(openable_context, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    LoadTime().observe(openable_context(), LoadTimeOptions(processes=1))
    assert [path.name for path in Path(tmp_path).iterdir() if path.name.startswith("mqa-")] == []


def test_the_model_size_is_in_megabytes(context, sleeper):
    assert ModelSize().numbers(
        ModelSize().observe(context(sleeper(facts=RunnerFacts(bytes=41_112_601))), NoOptions())
    ) == {"value": 41.112601}


def test_a_backend_without_a_size_is_not_run(context, sleeper):
    with pytest.raises(NotRunError, match="backend `new` does not report the size of its files"):
        ModelSize().observe(context(sleeper()), NoOptions())


def test_the_peak_memory_is_in_bytes():
    program = """
import numpy as np
from mqa_performance.footprint_worker import peak_memory
before = peak_memory()
array = np.ones(500_000_000 // 8)
print(peak_memory() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == pytest.approx(500_000_000, rel=0.01)
