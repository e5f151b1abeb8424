"""Worker processes: results in order, none lost with a worker, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import islice
from operator import add, methodcaller, mul
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_registry.execution.workers.pool import WorkerPool, from_bytes, to_bytes

CALL = methodcaller("__call__")


def pool(count=2, *, start=methodcaller, setup="__call__", local=CALL):
    return WorkerPool(count, start, setup, local)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_results_come_in_the_order_of_the_items():
    with pool() as workers:
        assert workers.await_start()
        items = [partial(time.sleep, 0.05), *(partial(mul, number, number) for number in range(30))]
        assert list(workers.map(items)) == [None, *(number * number for number in range(30))]


def test_the_work_is_done_in_other_processes():
    with pool() as workers:
        assert workers.await_start()
        assert set(workers.map([partial(os.getpid)] * 20)) <= set(workers.processes)


def test_this_process_works_until_a_worker_has_started():
    with pool() as workers:
        assert next(workers.map([partial(os.getpid)])) == os.getpid()


def test_items_are_taken_as_they_are_needed():
    taken = []
    with pool(1) as workers:
        assert workers.await_start()
        items = (taken.append(number) or partial(mul, number, 1) for number in range(100))
        assert list(islice(workers.map(items), 3)) == [0, 1, 2]
    assert len(taken) <= 5


def test_the_item_of_a_killed_worker_is_done_here():
    with pool(local=lambda item: "here" if item.func is os._exit else item()) as workers:
        assert workers.await_start()
        items = [partial(os._exit, 3) if number % 5 == 1 else partial(mul, number, 2) for number in range(20)]
        assert list(workers.map(items)) == ["here" if number % 5 == 1 else number * 2 for number in range(20)]


def test_a_worker_killed_while_it_waits_is_started_again():
    with pool(1) as workers:
        assert workers.await_start()
        (first,) = workers.processes
        os.kill(first, signal.SIGKILL)
        (second,) = set(workers.map([partial(os.getpid)] * 3)) - {os.getpid()}
        assert second != first


def test_an_error_is_that_of_this_process():
    with pool() as workers:
        assert workers.await_start()
        with pytest.raises(ZeroDivisionError):
            list(workers.map([partial(divmod, 1, 0)]))


@pytest.mark.parametrize("start", [len, os._exit])
def test_workers_that_cannot_start_leave_the_work_to_this_process(start):
    with pool(start=start, setup=7) as workers:
        assert not workers.await_start()
        assert list(workers.map([partial(add, 1, 2)])) == [3]


def test_what_a_worker_prints_is_no_answer():
    with pool(1) as workers:
        assert workers.await_start()
        assert list(workers.map([partial(print, "hello", flush=True), partial(os.write, 1, b"hello")])) == [None, 5]


def test_no_worker_outlives_its_pool():
    with pool() as workers:
        workers.await_start()
        running = workers.map([partial(time.sleep, 60)] * 2)
        processes = workers.processes
        del running
    assert not any(map(is_running, processes))


def test_no_worker_outlives_a_process_that_was_killed(tmp_path):
    script = tmp_path / "driver.py"
    script.write_text(
        "import time\nfrom functools import partial\nfrom operator import methodcaller\n"
        "from mqa_registry.execution.workers.pool import WorkerPool\n"
        "with WorkerPool(2, methodcaller, '__call__', None) as workers:\n"
        "    workers.await_start()\n    print(*workers.processes, flush=True)\n"
        "    list(workers.map([partial(time.sleep, 60)] * 4))\n"
    )
    driver = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    workers = [int(word) for word in driver.stdout.readline().split()]
    assert len(workers) == 2
    driver.kill()
    driver.communicate()
    deadline = time.monotonic() + 10
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, workers))


def is_alive(process: int) -> bool:
    """Whether it runs; one that has ended and that nobody waits for does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_slice_of_a_table_is_sent_without_the_rest():
    table = pa.table({"text": ["x" * 1000] * 1000, "number": range(1000)})
    content = to_bytes({"rows": table.slice(10, 2)})
    assert len(content) < 10_000
    assert from_bytes(content)["rows"].equals(table.slice(10, 2))
