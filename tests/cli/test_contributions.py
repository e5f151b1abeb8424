"""Plugins that leave, hang, print or meddle cost their own checks, and nothing else, however a command is run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

PLUGIN = """
import os, sys, time
import numpy as np
from mqa_registry import DataError, Metric, NotRunError, hookimpl

print("imported")

def leave(predictions, targets):
    "Leaves."
    sys.exit(0)

def interrupt(predictions, targets):
    "Interrupts itself."
    raise KeyboardInterrupt

def base(predictions, targets):
    "Raises what few expect."
    raise BaseException("who catches this?")

def mutate(predictions, targets):
    "Makes every answer right."
    predictions.codes[:] = targets.codes
    return predictions.codes == targets.codes

def refuse(predictions, targets):
    "Says what is wrong."
    raise DataError("there are no probabilities", hint="replay them")

def cannot(predictions, targets):
    "Cannot run."
    raise NotRunError("there is no dictionary")

def endless(predictions, targets):
    "Never ends with more than the two rows that a suite is checked with."
    while len(predictions) > 2:
        pass

def asleep(predictions, targets):
    "Never wakes."
    time.sleep(1000)

def stubborn(predictions, targets):
    "Never ends with as many, whatever it is told."
    while len(predictions) > 2:
        try:
            time.sleep(1000)
        except BaseException:
            pass

def early(predictions, targets):
    "Never ends."
    while True:
        pass

def talk(predictions, targets):
    "Prints wherever it can, and goes elsewhere."
    print("printed")
    os.write(1, b"written\\n")
    os.system("echo told by a child")
    os.chdir("/")
    np.seterr(all="raise")
    sys.stdout.close()
    return predictions.codes == targets.codes

@hookimpl
def mqa_metrics():
    for function in (leave, interrupt, base, mutate, refuse, cannot, endless, asleep, stubborn, early, talk):
        yield Metric(function.__name__, function, schemas=("label",))
"""


def checks(*names: str) -> str:
    every = [*(f"bad/{name}" for name in names), "metrics/accuracy"]
    return "".join(f'[[check]]\nmeasure = "{one}"\non = ["old"]\nexpect = {{ min = 0.5 }}\n' for one in every)


@pytest.fixture
def hostile(project):
    (project.folder / "bad.py").write_text(PLUGIN)
    return project


def test_each_costs_its_own_check_by_name_and_nothing_else(hostile):
    names = ("talk", "leave", "interrupt", "base", "mutate", "refuse", "cannot", "endless", "asleep")
    hostile.write(checks(*names))
    done = hostile.process("run", "suite.toml", "--plugin", "bad.py", "--json", "report.json", "--timeout", "3")
    assert done.code == 3
    results = json.loads((hostile.folder / "report.json").read_text())["results"]
    said = {one["check"].removeprefix("bad/"): (one["verdict"], one["note"]) for one in results}
    assert said.pop("talk")[0] == said.pop("metrics/accuracy")[0] == "PASS"
    assert said.pop("cannot") == ("NOT-RUN", "there is no dictionary")
    assert {verdict for verdict, _ in said.values()} == {"ERROR"}
    assert all(note.startswith(f"the metric `bad/{name}` ") for name, (_, note) in said.items())
    for name, words in {
        "leave": "crashed: SystemExit: 0 (bad.py, line 10)",
        "interrupt": "crashed: KeyboardInterrupt (bad.py, line 14)",
        "base": "crashed: BaseException: who catches this? (bad.py, line ",
        "mutate": "assignment destination is read-only (bad.py, line ",
        "refuse": "reports: there are no probabilities (replay them)",
        "endless": "was still at work when its time was up (bad.py, line ",
        "asleep": "was still at work when its time was up (bad.py, line ",
    }.items():
        assert words in said[name][1]
    accuracy = next(one for one in results if one["check"] == "metrics/accuracy")
    right = sum(one == two for one, two in zip(hostile.columns["old"], hostile.columns["label"], strict=True))
    assert accuracy["numbers"]["value"]["estimate"] == right / 1000


def test_standard_output_is_the_reports_alone(hostile):
    hostile.write(checks("talk"))
    done = hostile.process("run", "suite.toml", "--plugin", "bad.py", "--json", "-", "-q")
    assert [one["verdict"] for one in done.json["results"]] == ["PASS", "PASS"]
    for words in ("imported", "printed", "written", "told by a child"):
        assert words in done.err
    assert done.code == 0
    assert hostile.process("schema", "--plugin", "bad.py").json["$schema"]


def test_a_call_that_no_exception_ends_ends_the_process_and_is_named(hostile):
    hostile.write(checks("stubborn"))
    done = hostile.process("run", "suite.toml", "--plugin", "bad.py", "--timeout", "3")
    assert (done.code, done.out) == (3, "")
    assert "error: the metric `bad/stubborn` did not end within 3 seconds, nor when it was stopped" in done.err


def heed_interrupts() -> None:
    """Let a process hear of Ctrl-C, whose test may have been started by a shell that told it not to."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("name", "stage", "last"),
    [
        ("early", "checking what the suite asks", "interrupted"),
        ("endless", "judging", "interrupted"),
        ("stubborn", "judging", "interrupted, within the metric `bad/stubborn`"),
    ],
)
def test_ctrl_c_stays_ctrl_c_within_a_plugin(hostile, name, stage, last):
    hostile.write(checks(name))
    command = [sys.executable, "-m", "mqa_registry.cli", "run", "suite.toml", "--plugin", "bad.py"]
    process = subprocess.Popen(
        command,
        cwd=hostile.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  # the tests have no threads that could hold a lock
    )
    assert any(stage in line for line in process.stderr)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-2] == last


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf"])
def test_a_time_limit_is_a_number_of_seconds(hostile, seconds):
    hostile.write(checks())
    assert hostile.run(f"--timeout={seconds}").code == 2


def test_a_reader_who_leaves_early_does_not_change_the_verdict(hostile):
    hostile.write(checks())
    command = f"set -o pipefail; {sys.executable} -m mqa_registry.cli run suite.toml -v | true"
    done = subprocess.run(
        ["bash", "-c", command], cwd=hostile.folder, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "PASS: the rest of the report was not read\nhint: `mqa report " in done.stderr
