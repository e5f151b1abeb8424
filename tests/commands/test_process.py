"""A command's process: its exit code is mqa's own, and its report is written, whatever becomes of its streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.5 }\n'
FAILING = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.99 }\n'
QUIT = """
import ctypes
from mqa_registry import Metric, hookimpl

def quits(predictions, targets):
    "Ends as a library of compiled code does."
    ctypes.CDLL(None).exit(1)

@hookimpl
def mqa_metrics():
    return [Metric("quits", quits, takes=("label",))]
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
    done = project.run("--plugin", "quit.py")
    assert done.code == 3
    assert "compiled code ended the process" in done.err


# In kilobytes: where Python has no room for its libraries, where OpenBLAS asks for its buffers for ever, where Arrow gets no thread.
@pytest.mark.parametrize("limit", [60_000, 120_000, 200_000, 360_000])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_hardly_any_memory_is_said_in_one_line_and_hangs_nothing(sound, shell, limit, threads):
    done = shell(f"ulimit -v {limit}; $MQA run suite.toml", OPENBLAS_NUM_THREADS=threads)
    assert done.returncode == 3
    assert "error: out of memory while starting: " in done.stderr
    assert "hint:" in done.stderr
    assert "report it" not in done.stderr


@pytest.mark.parametrize("wrong", ["--device=tpu", "--timeout=nan", "--set=name=3", "--plugin=none.py", "--only=none"])
def test_no_earlier_report_stands_for_a_run_that_came_to_none(sound, wrong):
    assert sound.run("--json", "r.json").code == 0
    assert sound.run("--json", "r.json", wrong).code == 2
    assert not (sound.folder / "r.json").exists()


@pytest.mark.parametrize("columns", ["0", "000", ""])
def test_a_terminal_without_a_column_is_printed_to(sound, columns):
    done = sound.run(COLUMNS=columns)
    assert done.code == 0
    assert "PASS" in done.out


def test_of_thousands_of_problems_the_first_are_shown(project):
    wrong = ", ".join(f'"t{number}"' if number else "1" for number in range(2)) + ", 1" * 5999
    project.write(CHECK.replace("expect", f"tags = [{wrong}]\nexpect"))
    done = project.run()
    assert done.code == 2
    assert len(done.err) < 20_000
    assert done.err.count("hint:") <= 20
    assert "not shown" in done.err


def test_data_that_do_not_fit_are_said_to_and_named(sound, shell):
    rows = 1_000_000
    ids = pa.array(range(rows)).cast("string")
    table = pa.table({"id": ids, "text": pa.array(["x" * 1000]).take(pa.array([0] * rows)), "label": ids})
    pq.write_table(table, sound.folder / "large.parquet")
    done = shell("ulimit -v 1100000; $MQA run suite.toml --set data.reviews.path=large.parquet")
    assert done.returncode == 3
    assert "out of memory while reading `large.parquet`" in done.stdout
