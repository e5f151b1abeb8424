"""Workers on Ray: each task is done once, a worker that dies costs nothing, and none is left at the end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import numpy as np
import pytest

from mqa_registry import NotRunError, UsageError, WorkerLostError
from tests.mqa_ray.conftest import is_running


@pytest.fixture(scope="module")
def pool(jobs, workers):
    """One worker for the tests that leave it free: a process takes seconds to start."""
    with workers(jobs.Job(), workers=1) as pool:
        yield pool


def test_every_task_has_its_result_and_one_worker_does_them_one_after_the_other(pool):
    futures = [pool.submit(number) for number in range(5)]
    done = [future.result() for future in futures]
    assert pool.size == 1
    assert [task for _, _, task in done] == list(range(5))
    assert len({process for process, _, _ in done}) == 1
    first = done[0][1]
    assert [count for _, count, _ in done] == list(range(first, first + 5))


def test_a_result_keeps_nothing_in_the_object_store(pool):
    """An array that lies there keeps the whole result, as long as somebody has the array."""
    _, _, task = pool.submit({"large": np.zeros(1_000_000), "small": np.zeros(1)}).result()
    owner = task["small"]
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.obj if isinstance(owner, memoryview) else owner.base
    assert isinstance(owner, bytes)  # and no buffer of Ray's


def test_a_task_whose_worker_dies_is_done_by_another(pool, tmp_path):
    assert pool.submit(str(tmp_path / "died")).result() == "once more"


def test_a_task_that_ends_three_workers_is_lost_and_no_other_is(pool):
    before, lost, after = pool.submit(1), pool.submit("die"), pool.submit(2)
    with pytest.raises(WorkerLostError, match="the process of its worker ended 3 times"):
        lost.result()
    assert (before.result()[2], after.result()[2]) == (1, 2)


def test_an_error_that_ends_the_run_comes_back_as_it_is(pool):
    with pytest.raises(NotRunError, match="the worker refuses"):
        pool.submit("refuse").result()


def test_a_bug_in_a_worker_is_told_with_its_traceback(pool):
    with pytest.raises(Exception, match="a bug"):
        pool.submit("bug").result()


def test_a_worker_that_cannot_start_says_why(jobs, workers):
    with workers(jobs.Job(refusal="another version"), workers=1) as pool:
        for _ in range(2):
            with pytest.raises(NotRunError, match="another version") as caught:
                pool.submit(1).result()
            assert caught.value.hint == "a hint"


def test_no_worker_is_left_whatever_it_does(jobs, workers):
    with pytest.raises(KeyboardInterrupt), workers(jobs.Job(), workers=1) as pool:  # noqa: PT012
        process = pool.submit(0).result()[0]
        long, waiting = pool.submit(60.0), pool.submit(1)
        raise KeyboardInterrupt
    for future in (long, waiting):
        with pytest.raises(CancelledError):
            future.result()
    deadline = time.monotonic() + 60
    while is_running(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(process)


def test_objects_that_cannot_be_sent_are_refused_before_anything_starts(jobs, workers):
    with (
        pytest.raises(UsageError, match="cannot be sent to a worker") as caught,
        workers(jobs.Job(content=threading.Lock())),
    ):
        pass
    assert "`local`" in caught.value.hint
