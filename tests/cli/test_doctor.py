"""`mqa doctor`: every diagnosis in a process of its own, and what it does not survive is a finding."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

from mqa_registry import doctor, plugins
from mqa_registry.cli import app
from mqa_registry.doctor import run_diagnosis
from mqa_registry.findings import Finding
from mqa_registry.plugins import load
from mqa_registry.reports.console.findings import print_findings

WARD = """
import ctypes, os, subprocess, sys, time
from mqa_registry import Diagnosis, Finding, hookimpl

def healthy():
    "Nothing is wrong."
    yield Finding("ok", "heart", "beats")
    yield Finding("note", "hair", "is grey", "dye it", "said\\nthe mirror")

def broken():
    "Something is wrong."
    yield Finding("problem", "leg", "is broken", "rest")

def raises():
    "It stumbles on its way."
    yield Finding("ok", "first", "is fine")
    raise ValueError("no pulse")

def crashes():
    "It takes its process with it."
    yield Finding("ok", "first", "is fine")
    os.write(2, b"C++ says why\\n")
    ctypes.string_at(0)

def leaves():
    "It ends the process as if all were well."
    os._exit(0)

def hangs():
    "It never comes back."
    helper = subprocess.Popen(["sleep", "60"])
    yield Finding("ok", "first", "is fine", evidence=str(helper.pid))
    time.sleep(60)

def talks():
    "It yields what is none."
    print("to stdout")
    yield "words"

def exaggerates():
    "It yields a level there is not."
    yield Finding("fatal", "hair", "is grey")

@hookimpl
def mqa_diagnoses():
    for each in (healthy, broken, raises, crashes, leaves, hangs, talks, exaggerates):
        yield Diagnosis(each.__name__, each)
"""


@pytest.fixture
def ward(tmp_path):
    file = tmp_path / "ward.py"
    file.write_text(WARD)
    return file


@pytest.fixture
def found(ward):
    return lambda name, **rest: run_diagnosis(f"ward/{name}", [ward], **rest)


def test_a_diagnosis_that_comes_to_its_end_gives_what_it_yields(found):
    heart, hair = found("healthy")
    assert heart == Finding("ok", "heart", "beats")
    assert (hair.fix, hair.evidence) == ("dye it", "said\nthe mirror")


@pytest.mark.parametrize(
    ("name", "message", "evidence"),
    [
        ("raises", "it ended with exit code 1: ValueError: no pulse", "Traceback"),
        ("crashes", "it crashed: SIGSEGV: C++ says why", "C++ says why"),
        ("leaves", "it ended before it was done", ""),
        ("talks", "it ended with exit code 1: TypeError: it yields a `str`, and a diagnosis yields `Finding`s", "to s"),
        ("exaggerates", "it ended with exit code 1: TypeError: it yields a finding of level 'fatal'", "Traceback"),
    ],
)
def test_one_that_does_not_is_a_problem_behind_what_it_found_before(found, name, message, evidence):
    *before, last = found(name)
    assert before == [Finding("ok", "first", "is fine")] * (name in {"raises", "crashes"})
    assert (last.level, last.topic, last.message) == ("problem", name, message)
    assert evidence in last.evidence
    assert last.fix


def test_one_that_hangs_is_stopped_with_all_that_it_started(found):
    before, last = found("hangs", timeout=3)
    assert before.topic == "first"
    helper = Path(f"/proc/{before.evidence}/status")
    end = time.monotonic() + 10  # until a process that was killed has ended, on a busy machine
    while helper.exists() and "State:\tZ" not in helper.read_text():
        assert time.monotonic() < end, "it is still at work"
        time.sleep(0.05)
    assert (last.level, last.message) == ("problem", "it was still at work after 3 seconds, and was stopped")


def test_a_folder_full_of_namesakes_does_not_stand_in_for_libraries(found, tmp_path, monkeypatch):
    for name in ("json", "numpy", "pluggy", "mqa_registry"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    assert [finding.level for finding in found("healthy")] == ["ok", "note"]


@pytest.fixture(scope="module")
def remembered():
    """Run a diagnosis, as far as none ran before of the same source: what is shown of its findings is tested."""
    known = {}

    def run(reference, files):
        source = tuple(file.read_text().partition("@hookimpl")[0] for file in files)  # its functions
        if (reference, source) not in known:
            known[reference, source] = run_diagnosis(reference, files)
        return known[reference, source]

    return run


@pytest.fixture
def examine(ward, remembered, monkeypatch):
    """The whole command, with the diagnoses of these names alone; gives its exit code, stdout and stderr."""

    def run(*names, to=None, verbose=0, files=(ward,)):
        source = ward.read_text().rpartition("    for each in")[0]
        ward.write_text(f"{source}    for each in ({''.join(f'{name}, ' for name in names)}):\n"
                        "        yield Diagnosis(each.__name__, each)\n")  # fmt: skip
        monkeypatch.setattr(plugins, "load_all", lambda files: load([], files=files))
        monkeypatch.setattr(doctor, "run_diagnosis", remembered)
        monkeypatch.setattr(doctor, "find_unmet_requirements", lambda names: [])  # those of this machine are its own
        given = [f"--plugin={file}" for file in files] + ["-v"] * verbose + ([] if to is None else ["--json", to])
        done = CliRunner().invoke(app, ["doctor", *given])
        return done.exit_code, done.stdout, done.stderr

    return run


def test_a_machine_without_problems_is_exit_code_0(examine):
    code, out, _ = examine("healthy")
    assert code == 0
    assert "0 problems, 1 note. Exit code 0." in out
    assert "fix: dye it" in out
    assert "the mirror" not in out


def test_a_problem_is_exit_code_3_and_comes_with_what_mends_it(examine):
    code, out, _ = examine("healthy", "broken")
    assert code == 3
    assert "✗ leg" in out
    assert "fix: rest" in out
    assert "1 problem, 1 note." in out


def test_a_warning_ends_nothing_and_is_counted(examine, ward):
    ward.write_text(ward.read_text().replace('Finding("note"', 'Finding("warning"'))
    code, out, _ = examine("healthy")
    assert code == 0
    assert "! hair" in out
    assert "0 problems, 1 warning, 0 notes. Exit code 0." in out


def test_a_line_that_mends_is_in_one_piece_as_far_as_there_is_room():
    line = "pip install " + "x" * 55
    stream = io.StringIO()
    machine = {"system": "", "cpu": "", "cores": 1, "gpus": []}
    environment = {"mqa": "0.1", "python": "3.11", "packages": {}, "machine": machine}
    findings = [Finding("problem", "a-topic-of-many-letters", "is broken", line)]
    print_findings(environment, {"plugin/name": findings}, Console(file=stream, width=80))
    assert f"\n    fix: {line}\n" in stream.getvalue()


def test_what_libraries_said_is_shown_on_demand(examine):
    _, out, _ = examine("healthy", verbose=1)
    assert "| the mirror" in out


def test_the_json_report_is_all_of_stdout_and_holds_all_of_it(examine):
    code, out, err = examine("healthy", "broken", to="-")
    report = json.loads(out)
    assert (report["format"], report["exit_code"], code) == (2, 3, 3)
    assert {"mqa", "python", "packages", "machine"} <= set(report["environment"])
    assert report["findings"][-1] == {
        "diagnosis": "ward/broken",
        "level": "problem",
        "topic": "leg",
        "message": "is broken",
        "fix": "rest",
        "evidence": "",
    }
    assert "✗ leg" in err


def test_the_json_report_can_be_a_file(examine, tmp_path):
    examine("healthy", to=str(tmp_path / "doctor.json"))
    assert json.loads((tmp_path / "doctor.json").read_text())["exit_code"] == 0
    code, out, err = examine("healthy", to=str(tmp_path / "nowhere" / "doctor.json"))
    assert (code, out, "there is no folder to write" in err) == (2, "", True)


def test_a_broken_plugin_is_a_problem_and_the_others_are_asked(examine, ward, tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("import no_such_module")
    code, out, _ = examine("healthy", files=[bad, ward])
    assert code == 3
    assert "✗ bad" in out
    assert "No module named 'no_such_module'" in " ".join(out.split())
    assert "fix: fix the file" in out
    assert "heart" in out


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_console_and_nothing_said_acts_on_it(width, encoding):
    hostile = "\x1b[31m[bold]x[/bold]\u202e 日本語" * 9
    findings = [
        Finding(level, hostile, hostile, hostile, f"{hostile}\n{hostile}") for level in ("ok", "note", "problem")
    ]
    machine = {"system": hostile, "cpu": hostile, "cores": None, "gpus": [hostile]}
    environment = {"mqa": "0.1", "python": "3.11", "packages": {"x": hostile}, "machine": machine}
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    print_findings(environment, {hostile: findings}, Console(file=stream, width=width), verbose=1)
    shown = raw.getvalue().decode(encoding)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert max(map(cell_len, shown.splitlines())) <= width
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_this_machine_can_be_examined(project):
    done = project.mqa("doctor", "--json", "-")
    report = done.json
    assert done.code == report["exit_code"]
    levels = {(each["diagnosis"], each["topic"]): each["level"] for each in report["findings"]}
    assert levels["mqa/plugins", "usable"] == "ok"
    assert levels["onnxruntime/providers", "CPUExecutionProvider"] == "ok"
    assert levels["transformers/pytorch", "cpu"] == "ok"
    problems = [each for each in report["findings"] if each["level"] == "problem"]
    assert done.code == (3 if problems else 0)
    assert not [each for each in problems if "it crashed" in each["message"]]
