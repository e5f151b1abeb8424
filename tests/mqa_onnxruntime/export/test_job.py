"""An export in a process of its own: whatever becomes of that, this one goes on and says what happened."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mqa_onnxruntime.export.job import ExportJob, run_in_subprocess, write_arrays
from mqa_registry import DataError, NotRunError, rebuild_model

# A plugin whose models, once they are to be built, meet with the fate that the suite asks for.
PLUGIN = """
import ctypes, os, signal, sys, time
from pathlib import Path
from dataclasses import dataclass
from mqa_registry import Codec, DataError, Model, ModelSource, NoOptions, Task, hookimpl

def hang():
    print("so far so good", file=sys.stderr)
    time.sleep(600)

def refuse():
    raise DataError("the model lacks a leg", hint="give it one")

FATES = {
    "hang": hang, "refuse": refuse,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segfault": lambda: ctypes.string_at(0),
    "crash": lambda: {}["no such key"],
    "leave": lambda: os._exit(0),
}

@dataclass(frozen=True, kw_only=True)
class FatedOptions:
    "A fate."
    fate: str
    pids: Path

class Fated(ModelSource[FatedOptions]):
    "A model with a fate."
    name = "fated"

    def load(self, task, run_context, options):
        options.pids.write_text(str(os.getpid()))
        return Model(digest="sha256:" + options.fate, module=FATES[options.fate], processor=lambda: None)

class WordsCodec(Codec):
    def encode(self, examples): return list(examples)
    def collate(self, rows): return {}
    def decode(self, outputs, rows): raise NotImplementedError
    def cost(self, row): return len(row)

class Words(Task[NoOptions]):
    "Words."
    name, schema, fields, sample, metric = "words", "label", {"text": "text"}, ({"text": "a"},), "metrics/f1"

    def bind(self, model, options):
        return WordsCodec()

@hookimpl
def mqa_models():
    return [Fated()]

@hookimpl
def mqa_tasks():
    return [Words()]
"""


@pytest.fixture
def model_under_test(tmp_path):
    """A model under test made by the plugin; its model's fate is not fulfilled before the module is asked for."""
    file = tmp_path / "doom.py"
    file.write_text(PLUGIN)

    def as_path(path):
        return {"path on this machine": str(path)}

    def make(fate):
        options = {"fate": fate, "pids": as_path(tmp_path / "pid")}
        context = {"exports": as_path(tmp_path / "exports"), "plugin_files": [as_path(file)]}
        source, task = {"use": "doom/fated", "options": options}, {"use": "doom/words", "options": {}}
        return rebuild_model({"source": source, "task": task, "run_context": context})

    return make


@pytest.fixture
def make(model_under_test, tmp_path):
    """Has the model exported in a process of its own."""
    folder = tmp_path / "folder"
    folder.mkdir()
    rows = write_arrays(folder / "rows.npz", [])
    return lambda fate, limit=60.0: run_in_subprocess(model_under_test(fate).spec, ExportJob(folder, rows), limit)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_spec_makes_an_equal_spec(model_under_test):
    one = model_under_test("hang")
    assert rebuild_model(one.spec).spec == one.spec
    assert rebuild_model(one.spec).run_context == one.run_context


def test_an_export_that_hangs_is_ended_and_its_function_is_named(make, tmp_path):
    message = (
        r"the export hangs: it was ended after 3 s, in `hang` \(\w+\.py, line 9\); it last printed: so far so good$"
    )
    with pytest.raises(NotRunError, match=message):
        make("hang", 3.0)
    assert not alive(int((tmp_path / "pid").read_text()))
    assert "in hang" in (tmp_path / "folder/export.log").read_text()


@pytest.mark.parametrize(
    ("fate", "message"),
    [
        ("kill", r"the export was killed \(SIGKILL\), as a machine out of memory does it"),
        ("segfault", "the export was ended by SIGSEGV; it last printed: "),
        ("crash", "the model source `doom/fated` crashed: KeyError: 'no such key'"),
        ("leave", "the export crashed with exit code 0"),
    ],
)
def test_a_crash_of_an_export_is_reported_with_how_it_ended(make, fate, message):
    with pytest.raises(NotRunError, match=message) as refused:
        make(fate)
    assert "\n" not in refused.value.message


def test_a_data_error_in_the_subprocess_is_raised_again(make):
    with pytest.raises(DataError, match=r"^the model lacks a leg$") as refused:
        make("refuse")
    assert refused.value.hint == "give it one"


def test_no_module_of_the_current_folder_is_imported_as_a_library(make, tmp_path, monkeypatch):
    (tmp_path / "ctypes.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="the model lacks a leg"):
        make("refuse")


def test_an_export_does_not_outlive_its_run(model_under_test, tmp_path):
    """The run is killed, with no chance to end what it started."""
    spec = model_under_test("hang").spec
    (tmp_path / "pid").unlink()
    rows = write_arrays(tmp_path / "rows.npz", [])
    program = f"""
from pathlib import Path
from mqa_onnxruntime.export.job import ExportJob, run_in_subprocess
run_in_subprocess({spec!r}, ExportJob(Path({str(tmp_path)!r}), Path({str(rows)!r})), 600)
"""
    with subprocess.Popen([sys.executable, "-c", program]) as run:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pid").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        run.kill()
    pid = int((tmp_path / "pid").read_text())
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)
    assert Path(tmp_path / "export.log").is_file()
