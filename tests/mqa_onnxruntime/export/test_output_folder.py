"""`mqa export`, as a person runs it, with a plugin that knows a small model and some bad ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import rebuild_model

# The model's id says how it behaves.
PLUGIN = """
import sys, time
sys.path.insert(0, {tests!r})
import conftest
from dataclasses import dataclass
from mqa_registry import Model, ModelSource, hookimpl

def build(id):
    if id == "sleeper":
        time.sleep(600)
    return conftest.bag()

@dataclass(frozen=True, kw_only=True)
class KnownOptions:
    "Which model."
    id: str

class Known(ModelSource[KnownOptions]):
    "Models that a test knows."
    name = "known"

    def load(self, task, run_context, options):
        id = options.id
        return Model(digest="sha256:" + id, module=lambda: build(id), processor=lambda: None, labels=("0", "1"))

class Words(conftest.Words):
    "What a bag of words is."
    name = "words"

@hookimpl
def mqa_models():
    return [Known()]

@hookimpl
def mqa_tasks():
    return [Words()]
"""

SUITE = """
format = 1
model = { use = "bags/known", id = "honest", task = "words" }
data.rows = { use = "datasets/file", path = "rows.parquet" }
backends.plain = { use = "onnxruntime/session" }
backends.small = { use = "onnxruntime/session", precision = "int8-static", per_channel = true }
[[check]]
measure = "parity/agreement"
expect = { min = 0.5 }
"""

RELEASE = """
format = 1
model = { use = "bags/known", id = "honest", task = "words" }
data.rows = { use = "datasets/file", path = "rows.parquet" }
backends.plain = { use = "onnxruntime/session" }
backends.file = { use = "onnxruntime/session", path = "release/model.onnx" }
[[check]]
name = "agree"
measure = "parity/agreement"
expect = { min = 0.5 }
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with the plugin, and a store that all commands share."""
    folder = tmp_path_factory.mktemp("command")
    (folder / "bags.py").write_text(PLUGIN.format(tests=str(Path(__file__).parents[1])))
    return folder


@pytest.fixture(scope="session")
def mqa(folder):
    def run(*arguments):
        command = [sys.executable, "-m", "mqa_registry.cli", *arguments, "--plugin", "bags.py", "--store", "store"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def export(mqa):
    return lambda model, *more: mqa("export", model, "--source", "bags/known", "--task", "words", *more)


@pytest.fixture(scope="session")
def exported(export):
    """The honest model, exported into the folder `out`."""
    done = export("honest", "--out", "out", "--json", "-")
    assert done.returncode == 0, done.stderr
    return done


def test_a_good_model_is_exported_with_its_stamp(exported, folder):
    written = json.loads(exported.stdout)
    assert written.pop("exported") == ["model.onnx", "model.onnx.data", "model.trace.json", "model.mqa.json"]
    assert written == json.loads((folder / "out/model.mqa.json").read_text())
    names = {"model.onnx", "model.onnx.data", "model.trace.json", "model.mqa.json"}
    assert {file.name for file in (folder / "out").iterdir()} == names
    assert written["verdict"] is None


def test_a_name_of_a_file_is_no_folder_to_export_to(export, folder):
    done = export("honest", "--out", "honest.onnx")
    assert done.returncode == 2
    assert done.stderr.startswith("error: `honest.onnx` is to be a folder, as an export has several files")
    assert done.stderr.endswith("hint: name the folder, such as `honest`\n")
    assert not (folder / "honest.onnx").exists()


def test_the_summary_of_an_export_is_for_people(exported):
    lines = [line.split(maxsplit=1) for line in exported.stderr.splitlines() if line.startswith("  ")]
    summary = {line[0]: line[1] for line in lines if len(line) == 2}
    assert summary["opset"].startswith("20, ")
    assert summary["inputs"] == "words int64[?, ?], mask int64[?, ?]"
    assert "7 of 7 agree" in exported.stderr
    assert exported.stderr.rstrip().endswith("Exported: nothing to remark.")


def test_an_export_that_hangs_is_exit_3_with_one_line(export, folder):
    done = export("sleeper", "--out", "never", "--timeout", "4")
    assert done.returncode == 3
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: the export hangs: it was ended after 4 s")
    assert hint.startswith("hint: what the exporters printed is in `")
    assert not (folder / "never").exists()


def test_a_suite_calibrates_with_its_own_data_and_uses_the_cached_export(exported, mqa, folder):
    pq.write_table(pa.table({"words": [[n % 23, n % 7, 5] for n in range(300)]}), folder / "rows.parquet")
    (folder / "suite.toml").write_text(SUITE)
    done = mqa("run", "suite.toml", "--json", "report.json")
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads((folder / "report.json").read_text())["environment"]["backends"]
    stamp = json.loads((folder / "out/model.mqa.json").read_text())
    assert written["plain"]["facts"]["sha256"] == stamp["sha256"]
    assert written["small"]["facts"]["precision"] == "int8-static"


def test_a_suite_stamps_the_very_file_that_it_judged_and_does_so_again_from_the_store(exported, mqa, folder):
    shutil.copytree(folder / "out", folder / "release")
    pq.write_table(pa.table({"words": [[n % 23, n % 7, 5] for n in range(300)]}), folder / "rows.parquet")
    (folder / "release.toml").write_text(RELEASE)
    stamp_path = folder / "release/model.mqa.json"
    first = mqa("run", "release.toml")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "model.mqa.json` says PASS" in " ".join(first.stdout.split())
    judged = json.loads(stamp_path.read_text())
    assert (judged["verdict"]["verdict"], judged["verdict"]["name"]) == ("PASS", "release")
    shutil.copy(folder / "out/model.mqa.json", stamp_path)  # nobody judged it
    again = mqa("run", "release.toml", "--json", "-")
    report = json.loads(again.stdout)
    verdict = json.loads(stamp_path.read_text())["verdict"]
    assert (verdict["verdict"], verdict["run"], verdict["suite"]) == ("PASS", report["run"], report["suite"]["digest"])
    assert "forward passes" not in again.stderr  # all of it was in the store
    assert json.loads((folder / "out/model.mqa.json").read_text())["verdict"] is None  # a copy is another file
    mqa("run", "release.toml", "--set", "check.agree.expect.max=0.5")
    assert json.loads(stamp_path.read_text())["verdict"]["verdict"] == "FAIL"
    later = mqa("run", "release.toml", "-q")
    assert (later.returncode, later.stdout.split()[0]) == (0, "PASS")
    assert "says FAIL" in " ".join(later.stdout.split())


def test_another_process_rebuilds_the_same_model_under_test(folder, tmp_path):
    def as_path(path):
        return {"path on this machine": str(path)}

    source = {"use": "bags/known", "options": {"id": "honest"}}
    context = {"exports": as_path(tmp_path), "plugin_files": [as_path(folder / "bags.py")], "offline": True}
    one = rebuild_model({"source": source, "task": {"use": "bags/words", "options": {}}, "run_context": context})
    again = rebuild_model(json.loads(json.dumps(one.spec)))
    assert again.model.digest == one.model.digest == "sha256:honest"
    assert again.run_context == one.run_context
    assert again.spec == one.spec
