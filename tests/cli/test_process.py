"""A command's process: its exit code is mqa's own, and its report is written, whatever becomes of its streams."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app

CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.5 }\n'
FAILING = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.99 }\n'
EARLIER = '{"format": 1, "run": "20260101-000000-0000", "verdict": "PASS", "results": []}'
QUIT = """
import ctypes
from mqa_registry import Metric, hookimpl

def quits(predictions, targets):
    "Ends as a library of compiled code does."
    ctypes.CDLL(None).exit(1)

@hookimpl
def mqa_metrics():
    return [Metric("quits", quits, schemas=("label",))]
"""


CRASHES = """
import os, signal
from mqa_registry import Metric, hookimpl

def crashes(predictions, targets):
    "Ends as compiled code does that has a fault, or a process that takes all memory."
    os.kill(os.getpid(), getattr(signal, os.environ["HOW"]))

@hookimpl
def mqa_metrics():
    return [Metric("crashes", crashes, schemas=("label",))]
"""
HANGS = """
import ctypes, signal, subprocess
from mqa_registry import Metric, hookimpl

def hangs(predictions, targets):
    "Waits in compiled code that holds Python's lock, and so hears of nothing; a file tells once it does."
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    subprocess.Popen("sleep 1; touch hanging", shell=True)
    ctypes.PyDLL(None).sleep(600)

@hookimpl
def mqa_metrics():
    return [Metric("hangs", hangs, schemas=("label",))]
"""


@pytest.fixture
def sound(project):
    project.write(CHECK)
    return project


@pytest.fixture
def shell(project):
    """Runs a line of bash in the project, in which `$MQA` is the command; gives its code, output and errors."""

    def run(line: str, **env: str) -> subprocess.CompletedProcess[str]:
        told = os.environ | {"MQA": f"{sys.executable} -m mqa_registry.cli"} | env
        return subprocess.run(
            ["bash", "-c", line], cwd=project.folder, env=told, capture_output=True, text=True, check=False, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("closed", ["2>/dev/full", "2>&-", "2> >(true)", ">&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize(("checks", "code"), [(CHECK, 0), (FAILING, 1)], ids=["held", "failed"])
def test_a_stream_that_cannot_be_used_leaves_verdict_and_report(project, shell, closed, checks, code):
    project.write(checks)
    assert shell(f"$MQA run suite.toml --json r.json {closed}").returncode == code
    assert json.loads((project.folder / "r.json").read_text())["exit_code"] == code


def test_output_on_a_full_disk_is_no_model_that_failed(sound, shell):
    done = shell("$MQA run suite.toml --json r.json > /dev/full")
    assert done.returncode == 3
    assert re.search(r"^PASS: the report was not printed to its end\nhint: `mqa report ", done.stderr, re.MULTILINE)
    assert "standard output cannot be written: no space left on device" in done.stderr
    assert json.loads((sound.folder / "r.json").read_text())["verdict"] == "PASS"


def test_a_reader_who_leaves_leaves_the_report(sound, shell):
    assert shell("$MQA run suite.toml --json r.json | head -1; exit ${PIPESTATUS[0]}").returncode == 0
    assert json.loads((sound.folder / "r.json").read_text())["verdict"] == "PASS"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("$MQA --help > /dev/full", 3),
        ("$MQA schema > /dev/full", 3),
        ("$MQA validate suite.toml > /dev/full", 3),
        ("$MQA rows suite.toml --out rows > /dev/full", 3),
        ("$MQA --help | true; exit ${PIPESTATUS[0]}", 3),
        ("$MQA nonsense 2>/dev/full", 2),
        ("$MQA run nothing.toml 2>/dev/full", 2),
        ("$MQA run nothing.toml 2>&-", 2),
    ],
)
def test_no_command_ends_with_1_because_of_its_streams(sound, shell, line, code):
    assert shell(line).returncode == code


def test_compiled_code_that_ends_the_process_with_1_is_no_model_that_failed(project):
    (project.folder / "quit.py").write_text(QUIT)
    project.write(CHECK.replace("metrics/accuracy", "quit/quits"))
    done = project.process("run", "suite.toml", "--plugin", "quit.py")
    assert done.code == 3
    assert "error: compiled code ended the process with exit code 1 while checking what the suite asks\n" in done.err


@pytest.mark.parametrize("how", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_crash_of_compiled_code_is_said_in_one_line(project, how):
    (project.folder / "crash.py").write_text(CRASHES)
    project.write(CHECK.replace("metrics/accuracy", "crash/crashes"))
    done = project.process("run", "suite.toml", "--plugin", "crash.py", HOW=how)
    assert done.code == 3
    assert done.err.splitlines()[-2] == f"error: the process was ended by {how} while checking what the suite asks"


def test_a_process_that_is_told_to_end_is_seen_to_end_by_that(project):
    (project.folder / "crash.py").write_text(CRASHES)
    project.write(CHECK.replace("metrics/accuracy", "crash/crashes"))
    assert project.process("run", "suite.toml", "--plugin", "crash.py", HOW="SIGTERM").code == -signal.SIGTERM


@pytest.fixture
def hanging(project):
    """A command in compiled code that no exception reaches; and the process that works for it."""
    (project.folder / "hang.py").write_text(HANGS)
    project.write(CHECK.replace("metrics/accuracy", "hang/hangs"))
    command = [sys.executable, "-m", "mqa_registry.cli", "run", "suite.toml", "--plugin", "hang.py"]
    process = subprocess.Popen(
        command, cwd=project.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no thread holds a lock
    )  # fmt: skip
    while not (project.folder / "hanging").exists() and process.poll() is None:
        time.sleep(0.02)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    yield process, Path("/proc") / child
    process.kill()
    process.communicate()


def test_ctrl_c_ends_what_hears_of_nothing(hanging):
    process, _ = hanging
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted while checking what the suite asks\nhint: what was finished is kept" in said


def test_nothing_goes_on_of_a_command_that_was_killed(hanging):
    process, child = hanging
    process.kill()
    process.communicate(timeout=10)  # at the end of its output, which the other process would hold open
    ends = time.monotonic() + 10  # its files are closed before it is gone
    while child.exists() and "State:\tZ" not in (child / "status").read_text():
        assert time.monotonic() < ends
        time.sleep(0.05)


# In kilobytes: where Python has no room for its libraries, where OpenBLAS asks for its buffers for ever, where Arrow gets no thread.
@pytest.mark.parametrize("limit", [60_000, 120_000, 360_000])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_hardly_any_memory_is_said_in_one_line_and_hangs_nothing(sound, shell, limit, threads):
    done = shell(f"ulimit -v {limit}; $MQA run suite.toml", OPENBLAS_NUM_THREADS=threads)
    assert done.returncode == 3
    assert "error: out of memory while starting: " in done.stderr
    assert "hint:" in done.stderr
    assert "report it" not in done.stderr


@pytest.mark.parametrize("wrong", ["--bogus", "--device=tpu", "--set=name=3", "--plugin=none.py"])
def test_no_earlier_report_stands_for_a_run_that_came_to_none(sound, wrong):
    (sound.folder / "r.json").write_text(EARLIER)
    assert sound.run("--json", "r.json", wrong).code == 2
    assert not (sound.folder / "r.json").exists()


@pytest.mark.parametrize("spelled", ["--json=r.json", "--json r.json"])
@pytest.mark.parametrize(
    "wrong",
    [
        "run suite.toml --bogus", "run suite.toml --limit", "run suite.toml --limit=x", "run", "run a b", "parity",
        "parity a b --tolerance=x", "export model", "judge --bogus", "judge last --bogus", "doctor --bogus",
    ],
)  # fmt: skip
def test_nor_for_a_line_that_is_no_command(tmp_path, monkeypatch, wrong, spelled):
    monkeypatch.chdir(tmp_path)
    Path("r.json").write_text(EARLIER)
    command, *rest = wrong.split()
    assert CliRunner().invoke(app, [command, *spelled.split(), *rest]).exit_code == 2
    assert not Path("r.json").exists()


@pytest.mark.parametrize(
    "line",
    [
        "run suite.toml --json r.json --help",
        "run suite.toml --json r.json --dry-run --bogus",
        "judge r.json --json r.json --bogus",
        "judge ./r.json --json r.json --bogus",
        "run suite.toml --set data.reviews.path=r.json --json r.json --bogus",
    ],
)
def test_an_earlier_report_stays_where_nothing_is_run_or_it_is_an_input(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    Path("r.json").write_text(EARLIER)
    CliRunner().invoke(app, line.split())
    assert Path("r.json").read_text() == EARLIER


@pytest.mark.parametrize("command", ["run suite.toml", "doctor"])
def test_a_report_to_a_closed_standard_output_is_refused(sound, shell, command):
    done = shell(f"$MQA {command} --json - >&-")
    assert done.returncode == 2
    assert "standard output is closed" in done.stderr


@pytest.mark.parametrize("columns", ["0", "000", ""])
def test_a_terminal_without_a_column_is_printed_to(sound, columns):
    done = sound.process("run", "suite.toml", COLUMNS=columns)
    assert done.code == 0
    assert "PASS" in done.out


def test_of_thousands_of_problems_the_first_are_shown(project):
    project.write(CHECK.replace("expect", f"tags = [{', '.join(['1'] * 5999)}]\nexpect"))
    done = project.run()
    assert done.code == 2
    blocks = done.err.split("\n\n")
    assert blocks[-1] == "error: 5,999 problems in the suite, 5,979 of them not shown\n"
    places = [block.splitlines()[0].split(": ")[0] for block in blocks[:-1]]
    assert len(set(places)) == len(places) == 20
    assert len(done.err) < 20_000


def test_data_that_do_not_fit_are_said_to_and_named(sound, shell):
    rows = 1_000_000
    ids = pa.array(range(rows)).cast("string")
    text = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["x" * 1000])
    table = pa.table({"id": ids, "text": text, "label": ids})
    pq.write_table(table, sound.folder / "large.parquet", store_schema=False)  # so that each text is read as its own
    done = shell("ulimit -v 1100000; $MQA run suite.toml --set data.reviews.path=large.parquet")
    assert done.returncode == 3
    assert "out of memory while reading `large.parquet`" in done.stdout
