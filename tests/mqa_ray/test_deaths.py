"""Runs whose processes die: the report of a run that loses workers is the same, and a run that dies leaves none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHECKS = """
[[check]]
measure = "metrics/log-loss"
perturb = "letters/stars"
expect = { max = 0.9 }
"""
WAIT = 120  # seconds for what takes ten on a machine with nothing else to do


@pytest.fixture
def start(tmp_path, slowly):
    slowly.write_words(tmp_path, rows=6000, longest=8)
    (tmp_path / "suite.toml").write_text(slowly.head("slow") + CHECKS, "utf-8")

    def begin(name, *arguments):
        command = [sys.executable, "-m", "mqa_registry.cli", "run", "suite.toml", "--plugin", str(slowly.plugin), "-q"]
        env = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
        return subprocess.Popen(
            [*command, "--store", name, "--json", f"{name}.json", *arguments],
            cwd=tmp_path,
            env=env | {"LETTERS_LOG": os.devnull, "LETTERS_SECONDS": "0.002"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return begin


def processes_below(parent: int) -> dict[int, str]:
    """The command lines of all processes that one has started, and of those that these have."""
    found: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            found[int(folder.name)] = int(stat[1]), (folder / "cmdline").read_bytes().decode(errors="replace")
        except (OSError, IndexError):
            continue
    below = {parent}
    while more := {process for process, (other, _) in found.items() if other in below} - below:
        below |= more
    return {process: found[process][1] for process in below - {parent} if process in found}


def workers_of(run: subprocess.Popen[str]) -> list[int]:
    return [process for process, command in processes_below(run.pid).items() if command.startswith("ray::RayWorker")]


def wait_for(condition):
    deadline = time.monotonic() + WAIT
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it finds processes as Linux shows them")
def test_a_run_that_loses_workers_has_the_same_report(start, tmp_path):
    local, remote = start("local"), start("remote", "--executor", "ray/cluster")
    for _ in range(3):
        os.kill(wait_for(lambda: workers_of(remote))[0], signal.SIGKILL)
        time.sleep(3)
    outputs = [run.communicate(timeout=4 * WAIT)[0] for run in (local, remote)]
    assert local.returncode == remote.returncode, outputs
    results = [json.loads((tmp_path / f"{name}.json").read_text())["results"] for name in ("local", "remote")]
    for result in (*results[0], *results[1]):
        del result["seconds"]
    assert results[0] == results[1]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it finds processes as Linux shows them")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_ended_leaves_no_process(start, how):
    run = start("ended", "--executor", "ray/cluster")
    wait_for(lambda: workers_of(run))
    below = processes_below(run.pid)
    run.send_signal(how)
    run.communicate(timeout=WAIT)
    wait_for(lambda: not [process for process in below if Path(f"/proc/{process}").exists()])
