"""The live view of a command on a terminal: drawn on standard error alone, and no harm where the process is killed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = """
import time
from mqa_registry import Metric, hookimpl

def sleeps(predictions, targets):
    "Sleeps over more than the two rows that a suite is checked with."
    time.sleep(20 * (len(predictions) > 2))
    return predictions.codes == targets.codes

@hookimpl
def mqa_metrics():
    return [Metric("sleeps", sleeps, schemas=("label",))]
"""
CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8 }
[[check]]
measure = "own/sleeps"
expect = { min = 0.8 }
"""


def read_until(terminal: int, words: bytes) -> bytes:
    """What is drawn on a terminal until it has these words, or its other end is closed."""
    drawn = b""
    while words not in drawn:
        try:
            drawn += os.read(terminal, 4096)
        except OSError:
            break
    return drawn


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the children of a process are known on Linux alone")
def test_a_killed_run_leaves_a_terminal_whose_next_words_begin_a_line(project):
    (project.folder / "own.py").write_text(PLUGIN)
    project.write(CHECKS)
    command = [sys.executable, "-m", "mqa_registry.cli", "run", "suite.toml", "--plugin", "own.py", "--json", "-"]
    terminal, end = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "20"}
    with subprocess.Popen(command, cwd=project.folder, env=environment, stdout=subprocess.PIPE, stderr=end) as process:
        os.close(end)
        drawn = read_until(terminal, b": judg")
        worker = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
        os.kill(int(worker), signal.SIGKILL)
        drawn += read_until(terminal, b"no such words")
        assert (process.wait(timeout=60), process.stdout.read()) == (3, b"")
    os.close(terminal)
    assert b" accuracy on old\r\n" in drawn
    assert b"1 of 4 judged" in drawn
    assert b"\x1b[?25l" not in drawn  # which would hide the cursor
    assert b"\r\nerror: the process was ended by SIGKILL while judging\r\n" in drawn
