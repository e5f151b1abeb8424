"""Rows perturbed on all cores: the same rows as on one, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_registry.execution.rows import parallel_perturbation
from mqa_registry.execution.rows.parallel_perturbation import RowPerturber, WorkerOptions
from mqa_registry.execution.rows.row_sets import PerturbTask, ShardPerturber
from mqa_registry.machine import available_cores
from mqa_registry.observations import Failure
from mqa_registry.run_options import RunOptions
from mqa_registry.runs.pipeline import make_plan
from mqa_registry.suite import read
from mqa_registry.types import Rows
from mqa_registry.types.blobs import BlobFolder
from mqa_registry.types.schemas import SPAN

PLUGIN = """
from mqa_registry import NotRunError, Perturbation, hookimpl


def insert(example, rng):
    n = int(rng.integers(len(example["text"]) + 1))
    return {"text": [(n, n, "#")]}


def shout(example, rng):
    return {"text": example["text"].upper()} if "3" in example["text"] else None


def crash(example, rng):
    if example["text"].startswith("word 1"):
        raise ValueError("no ones")
    return {"text": []}


def refuse(example, rng):
    if example["text"] == "word 17":
        raise NotRunError("no seventeen")
    return {"text": []}


def reverse(example, rng):
    return {"file": example["file"].read()[::-1]}


@hookimpl
def mqa_perturbations():
    yield Perturbation("reverse", reverse, modality="file")
    for function in (insert, crash, refuse):
        yield Perturbation(function.__name__, function, modality="text", edits=True)
    yield Perturbation("shout", shout, modality="text")
"""
SUITE = """
format = 1
name = "words"
seed = 7
[data.words]
use = "datasets/file"
path = "words.jsonl"
columns = { text = "text" }
[backends.one]
use = "replay/file"
path = "predictions"
schema = "label"
"""
CHECK = """
[[check]]
measure = "metrics/accuracy"
perturb = "marks/{name}"
expect = {{ min = 0.5 }}
"""
CHECKS = "".join(CHECK.format(name=name) for name in ("insert", "shout", "crash", "refuse"))
WORDS = [f"word {number}" for number in range(60)]


@pytest.fixture
def setup(tmp_path, monkeypatch):
    (tmp_path / "marks.py").write_text(PLUGIN)
    (tmp_path / "words.jsonl").write_text("")
    (tmp_path / "predictions").mkdir()
    (tmp_path / "suite.toml").write_text(SUITE + CHECKS)
    monkeypatch.setattr(parallel_perturbation, "SLICE_COPIES", 40)  # ten rows, four times
    options = RunOptions(plugin_files=(tmp_path / "marks.py",))
    raw = read(tmp_path / "suite.toml", options.overrides)
    return make_plan(raw, options, files=False)[0], WorkerOptions(options.plugin_files)


def tasks(plan, targets=WORDS, kind=None):
    table = pa.table(
        {"other": range(60), "text": WORDS, "id": [f"row {n}" for n in range(60)], "target": pa.array(targets, kind)}
    )
    rows = Rows(table, ("text",))
    sets = tuple(number for number, row_set in enumerate(plan.row_sets) if row_set.perturb)
    return [PerturbTask(rows.slice(start, min(start + 25, 60)), sets) for start in (0, 25, 50)]


def described(parts):
    """What the parts of every task are, to be compared."""
    return [
        part if isinstance(part, Failure) else
        (part.rows.table.to_pydict(), part.fingerprints.tolist(), replace(part, rows=None, fingerprints=None))
        for one in parts for part in one
    ]  # fmt: skip


def test_one_core_makes_what_one_process_makes_of_each_shard(setup):
    plan, _ = setup
    work = tasks(plan)
    expected = list(map(ShardPerturber.of(plan).perturb, work))
    with RowPerturber(plan, cores=1) as perturber:
        made = list(perturber.perturb(work))
    assert described(made[:1]) == described(expected[:1])
    assert not perturber.workers
    insert, shout, crash, refuse = made[0]
    assert len(insert.rows) == insert.changed == 25
    assert shout.rows.table["other"].to_pylist() == [3, 13, 23]
    assert shout.declined == 22
    assert [one.id for one in crash.lost.named] == [f"row {n}" for n in (1, *range(10, 20))]
    assert refuse.message == "no seventeen"
    assert made[1][3] is made[2][3] is refuse


def test_workers_make_the_same(setup):
    plan, worker_options = setup
    with RowPerturber(plan, cores=1) as perturber:
        expected = list(perturber.perturb(tasks(plan)))
    with RowPerturber(plan, worker_options, cores=2) as perturber:
        perturber.start_workers(2)
        assert perturber.await_workers()
        made = list(perturber.perturb(tasks(plan)))
        assert len(perturber.workers) == 2
    assert described(made) == described(expected)


def test_spans_move_in_workers_too(setup):
    plan, worker_options = setup
    spans = [[{"start": 0, "end": 4, "label": "word", "score": None}] for _ in WORDS]
    work = [replace(one, sets=one.sets[:1]) for one in tasks(plan, spans, pa.list_(SPAN))]
    with RowPerturber(plan, cores=1) as perturber:
        expected = list(perturber.perturb(work))
    with RowPerturber(plan, worker_options, cores=2) as perturber:
        perturber.start_workers(1)
        assert perturber.await_workers()
        assert described(perturber.perturb(work)) == described(expected)
    assert any(one["target"][0]["end"] == 5 for parts in expected for one in parts[0].rows.table.to_pylist())


def test_workers_start_once_they_are_worth_it(setup, monkeypatch):
    plan, worker_options = setup
    with RowPerturber(plan, worker_options, cores=2) as perturber:
        list(perturber.perturb(tasks(plan)))
        assert not perturber.await_workers()
    monkeypatch.setattr(parallel_perturbation, "MIN_SECONDS", 1e-9)
    monkeypatch.setattr(parallel_perturbation, "SLICE_SECONDS", 0.0)
    with RowPerturber(plan, worker_options, cores=2) as perturber:
        list(perturber.perturb(tasks(plan)))
        assert perturber.await_workers()


def test_killed_workers_change_nothing(setup):
    plan, worker_options = setup
    with RowPerturber(plan, cores=1) as perturber:
        expected = list(perturber.perturb(tasks(plan)))
    with RowPerturber(plan, worker_options, cores=2) as perturber:
        perturber.start_workers(2)
        assert perturber.await_workers()
        for worker in perturber.workers:
            os.kill(worker, signal.SIGKILL)
        assert described(perturber.perturb(tasks(plan))) == described(expected)


def test_a_worker_refuses_a_plugin_that_has_changed_since_the_run_began(setup):
    plan, worker_options = setup
    (plugin,) = worker_options.plugin_files
    with RowPerturber(plan, worker_options, cores=2) as perturber:
        plugin.write_text(PLUGIN.replace('"#"', '"!"'))
        perturber.start_workers(1)
        assert not perturber.await_workers()
        (insert, *_), *_ = perturber.perturb(tasks(plan))
    assert "#" in insert.rows.table["text"][0].as_py()


def test_messages_of_workers_quote_no_row_where_none_may(setup):
    plan, worker_options = setup
    with RowPerturber(plan, replace(worker_options, redacted=True), cores=2) as perturber:
        perturber.start_workers(1)
        assert perturber.await_workers()
        (_, _, crash, _), *_ = perturber.perturb(tasks(plan))
    assert "no ones" not in crash.lost.cause.message


def test_files_are_perturbed_in_threads_of_this_process(setup, tmp_path, monkeypatch):
    (tmp_path / "suite.toml").write_text(SUITE + CHECK.format(name="reverse"))
    _, worker_options = setup
    plan = make_plan(read(tmp_path / "suite.toml"), RunOptions(plugin_files=worker_options.plugin_files), files=False)[
        0
    ]
    for name in WORDS:
        (tmp_path / name).write_text(name)
    (tmp_path / WORDS[33]).unlink()
    rows = Rows(pa.table({"id": WORDS, "file": WORDS}), ("file",), blobs=("file",), folder=BlobFolder(tmp_path))
    sets = tuple(number for number, row_set in enumerate(plan.row_sets) if row_set.perturb)
    work = [PerturbTask(rows.slice(start, min(start + 40, 60)).with_blob_values(), sets) for start in (0, 40)]
    expected = list(map(ShardPerturber.of(plan).perturb, work))
    monkeypatch.setattr(parallel_perturbation, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(parallel_perturbation, "MIN_SECONDS", 1e-9)
    with RowPerturber(plan, worker_options, cores=3) as perturber:
        made = list(perturber.perturb(work))
        assert not perturber.await_workers()
    assert described(made) == described(expected)
    assert [one.id for one in made[0][0].lost.named] == [WORDS[33]]
    examples = [example["file"].read() for parts in made for part in parts for example in part.rows.examples()]
    assert examples == [name[::-1].encode() for name in WORDS if name != WORDS[33]]


SLOW = """
import os
import time

from mqa_registry import Perturbation, hookimpl


def wait(example, rng):
    with open(os.environ["PROCESSES"], "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(0.004)
    return {"text": example["text"] + "."}


@hookimpl
def mqa_perturbations():
    yield Perturbation("wait", wait, modality="text")
"""


@pytest.mark.skipif(available_cores() < 2, reason="has one core")
def test_ctrl_c_ends_the_workers_of_a_run(tmp_path):
    (tmp_path / "marks.py").write_text(SLOW)
    (tmp_path / "words.jsonl").write_text("".join(f'{{"text": "word {n}", "label": "a"}}\n' for n in range(20_000)))
    (tmp_path / "predictions").mkdir()
    (tmp_path / "suite.toml").write_text(SUITE + CHECK.format(name="wait"))
    command = [sys.executable, "-m", "mqa_registry.cli", "run", "suite.toml", "--plugin", "marks.py", "-q"]
    log = tmp_path / "processes"
    run = subprocess.Popen(  # it calls `signal` alone
        command, cwd=tmp_path, env=os.environ | {"PROCESSES": str(log)}, stderr=subprocess.PIPE, text=True,
        preexec_fn=_heed, start_new_session=True,  # noqa: PLW1509  # it calls `signal` alone
    )  # fmt: skip
    while len(processes := _list(log)) < 3 and run.poll() is None:
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130, errors
    assert len(processes) == 3
    assert not any(_is_running(process) for process in _list(log))


def _list(log: Path) -> set[int]:
    """The processes that have perturbed a row."""
    return {int(line) for line in log.read_text().split("\n")[:-1]} if log.exists() else set()


def _is_running(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def _heed() -> None:
    """Let the process hear of Ctrl-C, whose tests may have been started by a shell that told them not to."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
