"""A run on workers gives what a run in one process gives; here the workers are objects, with all that passes pickled."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace

import pytest

from mqa_registry import NotRunError, RunOptions, WorkerLostError, runs
from mqa_registry.contributions import Executor, NoOptions
from mqa_registry.execution.rows.row_sets import PerturbTask
from mqa_registry.execution.workers import driver as workers_module
from mqa_registry.execution.workers.job import RunJob
from mqa_registry.execution.workers.tasks import PredictedShard, PredictTask
from mqa_registry.plugins import load
from mqa_registry.plugins.versions import Installed
from mqa_registry.reports import to_json
from mqa_registry.suite import Use, read
from tests.conftest import EXECUTOR_CHECKS, VARYING

ROWS, SHARD_ROWS = 90, 64


class Inline(Executor[NoOptions]):
    """Workers in this process, one for each of the devices that they say they run on.

    `lose` says of the tasks so far whether the worker of the last one dies.
    """

    name = "inline"

    def __init__(self, *, devices=("cpu",), lose=lambda tasks: False):
        self.devices = devices
        self.size = len(devices)
        self.lose = lose
        self.tasks = []
        self.open = 0

    @contextmanager
    def start(self, job, options):
        self.open += 1
        self.workers = [pickle.loads(pickle.dumps(job)).start() for _ in self.devices]
        yield self
        self.open -= 1

    def submit(self, task):
        number = len(self.tasks) % self.size
        self.tasks.append(task)
        future = Future()
        if self.lose(self.tasks):
            future.set_exception(WorkerLostError("the process of its worker ended 3 times"))
            return future
        result = pickle.loads(pickle.dumps(self.workers[number].run(pickle.loads(pickle.dumps(task)))))
        if isinstance(result, PredictedShard):
            made = {
                name: replace(one, identity={"device": self.devices[number]}) for name, one in result.backends.items()
            }
            result = replace(result, backends=made)
        future.set_result(result)
        return future


@pytest.fixture
def suite(tmp_path, slowly, monkeypatch):
    monkeypatch.setattr("mqa_registry.execution.rows.shards.SHARD_ROWS", SHARD_ROWS)
    monkeypatch.setenv("LETTERS_LOG", os.devnull)
    monkeypatch.setenv("LETTERS_SECONDS", "0")
    monkeypatch.chdir(tmp_path)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, os.environ.get(name, "2"))
    slowly.write_words(tmp_path, rows=ROWS, longest=8)
    (tmp_path / "suite.toml").write_text(slowly.head("slow") + EXECUTOR_CHECKS, "utf-8")
    return tmp_path / "suite.toml"


@pytest.fixture
def execute(suite, slowly, monkeypatch):
    """A run by an executor."""

    def make(executor=None, store="store"):
        use = executor and Use("test/inline", executor)
        whole = workers_module.open_workers
        monkeypatch.setattr(
            "mqa_registry.runs.pipeline.open_workers",
            lambda _, make_job, progress, memory: whole(use, make_job, progress, memory=memory),
        )
        options = RunOptions(plugin_files=(slowly.plugin,), store=suite.parent / store)
        return runs.execute(read(suite), options)

    return make


@pytest.fixture
def report(execute):
    """The report of a run by an executor, without what varies from run to run."""

    def make(executor=None, store="store"):
        report = to_json(execute(executor, store).report)
        for result in report["results"]:
            del result["seconds"]
        return {key: value for key, value in report.items() if key not in VARYING}

    return make


@pytest.fixture
def job(suite, slowly):
    options = RunOptions(plugin_files=(slowly.plugin,))
    catalog = load(["letters", "datasets", "metrics"], files=options.plugin_files)
    return RunJob.of(read(suite), options, catalog)


def test_a_report_is_the_same_whatever_the_number_of_workers(report):
    here = report(store="here")
    assert {result["verdict"] for result in here["results"]} <= {"PASS", "FAIL", "INCONCLUSIVE"}
    for size in (1, 3):
        executor = Inline(devices=("cpu",) * size)
        assert report(executor, store=f"{size}") == here
        assert executor.open == 0
        assert {type(task).__name__ for task in executor.tasks} == {
            "OpenTask", "ForwardTask", "PerturbTask", "PredictTask",
        }  # fmt: skip


def test_what_workers_predicted_is_in_the_store(report):
    first = report(Inline())
    again = Inline()
    assert report(again) == first == report()
    assert not [task for task in again.tasks if isinstance(task, PredictTask)]


@pytest.mark.parametrize("kind", [PredictTask, PerturbTask])
def test_rows_of_a_task_that_ends_its_workers_are_lost_with_the_reason_and_no_others(execute, kind):
    found = execute(
        Inline(lose=lambda tasks: isinstance(tasks[-1], kind) and sum(isinstance(one, kind) for one in tasks) == 2)
    )
    for view, observed in found.observations.views.items():
        if kind is PerturbTask and not view.rows.perturb:
            assert (observed.lost.count, len(observed.predictions)) == (0, ROWS)
            continue
        assert (observed.lost.count, len(observed.predictions)) == (ROWS - SHARD_ROWS, SHARD_ROWS)
        assert observed.predictions.ids.to_pylist() == observed.perturbed.rows.ids.to_pylist()
        assert {one.reason for one in observed.lost.named} == {"the process of its worker ended 3 times"}


def test_a_worker_on_another_device_fails_its_backend_by_name(execute):
    found = execute(Inline(devices=("cpu", "cuda")))
    failures = {observed.failure.message for observed in found.observations.views.values()}
    assert failures == {"backend `slow` is not the same on all workers: `device` cpu on one, `device` cuda on another"}


def test_a_worker_with_another_version_is_refused_by_name(job):
    other = {**job.installed, "the package `numpy`": Installed("0.1")}
    with pytest.raises(NotRunError, match=r"the package `numpy` is .* on the worker and 0.1 here") as caught:
        replace(job, installed=other).start()
    assert "install the same" in caught.value.hint


def test_a_worker_without_the_folder_is_refused(job, tmp_path):
    with pytest.raises(NotRunError, match=r"a worker cannot use the folder .*: no such file or directory"):
        replace(job, folder=tmp_path / "elsewhere").start()


def test_a_worker_has_the_threads_of_the_process_of_the_run(job, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as Ray sets it
    assert job.start()
    assert os.environ["OMP_NUM_THREADS"] == job.threads["OMP_NUM_THREADS"]


def test_what_is_no_task_is_refused(job):
    with pytest.raises(TypeError, match="`str` is no task of a worker"):
        job.start().run("a task")
