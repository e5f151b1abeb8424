"""What a fresh process takes is its own, nothing of this one is in it; the size on disk is that of the files a backend runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mqa_performance.footprint import (
    load_time,
    load_time_numbers,
    memory,
    memory_numbers,
    process_evidence,
    size,
    size_numbers,
)
from mqa_registry import NotRunError

MEGABYTES = 150
PLUGIN = f"""
import contextlib, os, sys, time, types
import numpy as np
from mqa_registry import Backend, Codec, Model, ModelSource, Task, hookimpl

def source(task, context):
    "A model of nothing."
    return Model(digest="d", module=lambda: None, processor=lambda: None)

def letters(model):
    "Never asked for anything, where arrays are given."
    raise RuntimeError("a tokenizer was loaded")

@contextlib.contextmanager
def runner(model_under_test, *, slow: float = 0.0, fail: str = ""):
    "Takes a while to load, and memory to run."
    assert model_under_test.sample()["codes"].shape == (1, 2)
    assert [one["text"] for one in model_under_test.examples(3)] == ["x", "y", "z"]
    time.sleep(slow)
    if fail == "raise":
        raise ValueError("no such weights")
    if fail == "leave":
        os._exit(0)
    def run(batch):
        return {{"score": np.ones({MEGABYTES} * 1_000_000 // 8).sum() + batch["codes"].sum(axis=1)}}
    yield types.SimpleNamespace(run=run)

@hookimpl
def mqa_models():
    yield ModelSource("source", source)

@hookimpl
def mqa_tasks():
    yield Task("letters", letters, schema="label", fields={{"text": "text"}}, sample=({{"text": "ab"}},), metric="m/m")

@hookimpl
def mqa_backends():
    yield Backend("runner", runner, identity=lambda model_under_test, *, slow=0.0, fail="": {{}})
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
    observations = memory(before(), rows=4, batch=2)
    numbers = memory_numbers(observations)
    assert numbers["idle_mb"] <= numbers["loaded_mb"] < numbers["value"]
    assert MEGABYTES * 0.9 < numbers["value"] - numbers["loaded_mb"] < MEGABYTES * 1.5
    assert numbers["value"] < ballast.nbytes / 1e6
    assert process_evidence(observations) == {"libraries": []}


def test_the_time_to_load_is_that_of_every_process(before):
    numbers = load_time_numbers(load_time(before(slow=0.3), processes=2))
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
        load_time(before(**options), processes=1)


def test_one_that_hangs_is_stopped(before):
    with pytest.raises(NotRunError, match="had not run the model after 1 s"):
        load_time(before(slow=60), processes=1, timeout=1)


def test_a_view_that_nobody_can_open_elsewhere_is_not_run(context, sleeper):
    with pytest.raises(NotRunError, match="nobody knows how to open backend `new` in another process"):
        memory(context(sleeper()))


def test_nothing_is_left_behind(before, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    load_time(before(), processes=1)
    assert [path.name for path in Path(tmp_path).iterdir() if path.name.startswith("mqa-")] == []


def test_it_is_in_megabytes(context, sleeper):
    assert size_numbers(size(context(sleeper(facts={"bytes": 41_112_601})))) == {"value": 41.112601}


def test_a_backend_that_does_not_tell_has_none(context, sleeper):
    with pytest.raises(NotRunError, match="backend `new` does not say how large its files are"):
        size(context(sleeper()))


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
