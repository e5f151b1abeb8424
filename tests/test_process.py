"""The end of a process with all that it started, on a platform with process groups and on one without."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mqa_registry.process import ProcessStatus, end_process_tree, signal_name

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
child.wait()
"""
# What `taskkill /PID N /T /F` does, for the tests of a platform where it stands in the system's folder.
TASKKILL = """#!/bin/sh
echo "$@" > "$(dirname "$0")/arguments"
kill -9 $(cat /proc/$2/task/$2/children) $2
"""


@pytest.fixture
def start():
    """Start a process that waits for another one; gives it and the id of the other."""
    processes = []

    def start_parent(**options):
        process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, **options)
        processes.append(process)
        return process, int(process.stdout.readline())

    yield start_parent
    for process in processes:
        process.kill()
        process.communicate()


def has_ended(pid: int) -> bool:
    """Whether a process ends within seconds; one that nobody waits for stays as a zombie."""
    status = Path(f"/proc/{pid}/status")
    for _ in range(200):
        try:
            if "State:\tZ" in status.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def test_a_process_ends_with_all_that_it_started(start):
    process, child = start(start_new_session=True)
    end_process_tree(process)
    assert process.returncode == -signal.SIGKILL
    assert has_ended(child)


def test_a_process_that_leads_no_group_ends_and_ours_goes_on(start):
    process, child = start()
    end_process_tree(process)
    assert process.returncode == -signal.SIGKILL
    os.kill(child, signal.SIGKILL)


def test_without_process_groups_the_tool_of_the_system_ends_them(start, tmp_path, monkeypatch):
    tool = tmp_path / "System32" / "taskkill.exe"
    tool.parent.mkdir()
    tool.write_text(TASKKILL)
    tool.chmod(0o755)
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    monkeypatch.delattr(os, "killpg")
    process, child = start()
    end_process_tree(process)
    assert process.poll() is not None
    assert has_ended(child)
    assert (tool.parent / "arguments").read_text() == f"/PID {process.pid} /T /F\n"


def test_without_that_tool_the_process_itself_ends(start, tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTEMROOT", str(tmp_path))
    monkeypatch.delattr(os, "killpg")
    process, child = start()
    end_process_tree(process)
    assert process.poll() is not None
    os.kill(child, signal.SIGKILL)


def test_a_process_that_has_ended_stays_as_it_is(start):
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"], start_new_session=True)
    process.wait()
    end_process_tree(process)
    assert process.returncode == 7


def test_a_signal_has_its_name_or_its_number():
    assert signal_name(signal.SIGSEGV) == "SIGSEGV"
    assert signal_name(255) == "signal 255"


def test_a_status_is_read_by_the_watchdog_and_its_exit_code_is_set_by_its_owner_alone():
    status = ProcessStatus()
    assert (status.step, status.exit_code) == ("", None)
    status.step = "reading the data"
    status.step = "judging"
    status.exit_code = 4
    assert (status.step, status.exit_code) == ("judging", 4)
    child = os.fork()
    if not child:
        status.step = "x" * 100_000
        status.exit_code = 1
        os._exit(0)
    os.waitpid(child, 0)
    assert status.exit_code == 4
    assert set(status.step) == {"x"}
