"""What a fresh process takes is its own, nothing of this one is in it; the size on disk is that of the files a backend runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mqa_performance.footprint import LoadTime, LoadTimeOptions, Memory, MemoryOptions, Size
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
    "Never asked for anything, where arrays are given."
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
def before(context, sleeper, tmp_path):
    """A context whose backend another process can open with these options."""
    file = tmp_path / "frosty.py"
    file.write_text(PLUGIN)

    def at(**options):
        paths = {"exports": {"path on this machine": str(tmp_path)}}
        run_context = {"device": "auto", "plugin_files": [{"path on this machine": str(file)}], **paths}
        model_under_test = {
            "source": {"use": "frosty/source", "options": {}},
            "task": {"use": "frosty/letters", "options": {}},
            "run_context": run_context,
        }
        made = context(
            sleeper(),
            spec={"backend": {"use": "frosty/runner", "options": options}, "model_under_test": model_under_test},
        )
        made.model_under_test.given[3] = [{"text": text} for text in "xyz"]  # as the backend had asked for them here
        return made

    return at


def test_the_peak_of_a_fresh_process_has_what_it_runs_in_it_and_nothing_of_this_one(before):
    ballast = np.ones(600_000_000 // 8)  # of this process
    table = Memory().observe(before(), MemoryOptions(rows=4, batch=2))
    numbers = Memory().numbers(table)
    assert numbers["idle_mb"] <= numbers["loaded_mb"] < numbers["value"]
    assert MEGABYTES * 0.9 < numbers["value"] - numbers["loaded_mb"] < MEGABYTES * 1.5
    assert numbers["value"] < ballast.nbytes / 1e6
    assert Memory().evidence(table).details == {"libraries": []}


def test_the_time_to_load_is_that_of_every_process(before):
    numbers = LoadTime().numbers(LoadTime().observe(before(slow=0.3), LoadTimeOptions(processes=2)))
    assert len(numbers["value"]) == 2
    assert ((numbers["value"] > 0.3) & (numbers["value"] < 20)).all()
    assert (numbers["first_ms"] > 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fail": "raise"}, "ended with 1: .*`frosty/runner` crashed: ValueError: no such weights"),
        ({"fail": "leave"}, "ended with 0: "),
    ],
)
def test_a_process_that_fails_is_not_run_and_says_why(before, options, message):
    with pytest.raises(NotRunError, match=message):
        LoadTime().observe(before(**options), LoadTimeOptions(processes=1))


def test_one_that_hangs_is_stopped(before):
    with pytest.raises(NotRunError, match="had not run the model after 1 s"):
        LoadTime().observe(before(slow=60), LoadTimeOptions(processes=1, timeout=1))


def test_a_view_that_nobody_can_open_elsewhere_is_not_run(context, sleeper):
    with pytest.raises(NotRunError, match="nobody knows how to open backend `new` in another process"):
        Memory().observe(context(sleeper()), MemoryOptions())


def test_nothing_is_left_behind(before, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    LoadTime().observe(before(), LoadTimeOptions(processes=1))
    assert [path.name for path in Path(tmp_path).iterdir() if path.name.startswith("mqa-")] == []


def test_it_is_in_megabytes(context, sleeper):
    assert Size().numbers(Size().observe(context(sleeper(facts=RunnerFacts(bytes=41_112_601))), NoOptions())) == {
        "value": 41.112601
    }


def test_a_backend_that_does_not_tell_has_none(context, sleeper):
    with pytest.raises(NotRunError, match="backend `new` does not say how large its files are"):
        Size().observe(context(sleeper()), NoOptions())


def test_the_peak_is_in_bytes():
    program = """
import numpy as np
from mqa_performance.footprint_worker import peak_memory
before = peak_memory()
array = np.ones(500_000_000 // 8)
print(peak_memory() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == pytest.approx(500_000_000, rel=0.01)
