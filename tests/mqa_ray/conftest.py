from __future__ import annotations

import os
import sys
from contextlib import contextmanager

import pytest

from mqa_ray.cluster import Cluster, ClusterOptions

ATTEMPTS = 3  # to start Ray

JOBS = """
import os
import signal
import time
from dataclasses import dataclass

from mqa_registry import NotRunError

@dataclass(frozen=True)
class Job:
    refusal: str = ""
    content: object = None

    def start(self):
        if self.refusal:
            raise NotRunError(self.refusal, hint="a hint")
        return Worker()

class Worker:
    def __init__(self):
        self.done = 0

    def run(self, task):
        if task == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "refuse":
            raise NotRunError("the worker refuses")
        if task == "bug":
            raise ZeroDivisionError("a bug")
        if isinstance(task, str):  # the path of a file that says whether the worker died before
            if not os.path.exists(task):
                open(task, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
            return "once more"
        if isinstance(task, float):
            time.sleep(task)
        self.done += 1
        return os.getpid(), self.done, task
"""


@pytest.fixture(scope="module")
def ray():
    """One Ray for the tests of a file: to start it takes seconds, and an idle one goes on taking time from others."""
    if sys.platform == "win32":
        pytest.skip("Ray supports Windows as a trial only")
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("LETTERS_LOG", os.devnull)
        patch.setenv("LETTERS_SECONDS", "0")
        for attempt in range(ATTEMPTS):
            try:
                ray.init(
                    address="local", num_cpus=2, include_dashboard=False, object_store_memory=200 * 2**20,
                    log_to_driver=False, configure_logging=False,
                )  # fmt: skip
                break
            except Exception:  # Ray waits for 30 seconds, which is too short where other tests take all cores
                ray.shutdown()
                if attempt + 1 == ATTEMPTS:
                    raise
        yield ray
        ray.shutdown()


@pytest.fixture(scope="module")
def jobs(ray, tmp_path_factory):
    """A module of jobs whose workers do what a test tells them; workers import it, too."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "mqa_test_jobs.py").write_text(JOBS, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        import mqa_test_jobs
        from ray import cloudpickle

        cloudpickle.register_pickle_by_value(mqa_test_jobs)
        yield mqa_test_jobs


@pytest.fixture(scope="module")
def workers(ray):
    @contextmanager
    def start(job, **options):
        with Cluster().start(job, ClusterOptions(**options)) as pool:
            yield pool

    return start


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
