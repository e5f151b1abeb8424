"""Suites as tests of pytest: what is collected, what a verdict comes to, and what a session pays that has no suite."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import forget_modules

HEAD = """
format = 1
name = "replayed"
[data.reviews]
use = "datasets/file"
path = "reviews.parquet"
[backends.old]
use = "replay/file"
path = "old.parquet"
[backends.new]
use = "replay/file"
path = "new.parquet"
"""
SUITE = (
    HEAD
    + """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.8 }
tags = ["quality"]
[[check]]
name = "strict"
measure = "metrics/accuracy"
expect = { min = 0.93 }
[[check]]
name = "aside"
measure = "metrics/accuracy"
expect = { min = 0.99 }
critical = false
[[check]]
name = "known"
measure = "metrics/accuracy"
on = ["new"]
expect = { min = 0.99 }
[[check]]
name = "impossible"
measure = "metrics/accuracy"
by = { use = "fairness/column", column = "domain" }
on = ["old"]
expect = { max_gap = 0.5 }
[[waiver]]
check = "known"
until = 2999-12-31
reason = "retrained in January"
"""
)

OTHERS = ("anyio", "hypothesispytest", "pytest_cov", "syrupy", "xdist")  # plugins that take seconds to load
WITHOUT_OTHERS = [word for name in ("cacheprovider", "faulthandler", *OTHERS) for word in ("-p", f"no:{name}")] + [
    "-rA"
]
SHOWN = {"COLUMNS": "200", "PY_COLORS": "0"}


@pytest.fixture(name="suites")
def _suites(tmp_path):
    """A folder with a suite on two replayed backends, and a session of pytest in it that has no other plugins."""
    rows = 400
    ids = [str(number) for number in range(rows)]
    labels = ["no" if number % 2 else "yes" for number in range(rows)]

    def flip(every):
        return [("yes" if label == "no" else "no") if n % every == 0 else label for n, label in enumerate(labels)]

    table = pa.table({"id": ids, "text": ["a text"] * rows, "label": labels, "domain": ["one"] * rows})
    pq.write_table(table, tmp_path / "reviews.parquet")
    pq.write_table(pa.table({"id": ids, "label": flip(14)}), tmp_path / "old.parquet")
    pq.write_table(pa.table({"id": ids, "label": flip(8)}), tmp_path / "new.parquet")
    (tmp_path / "suite.toml").write_text(SUITE, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")

    def run(*arguments):
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(out):
            patch.chdir(tmp_path)
            for name, value in SHOWN.items():
                patch.setenv(name, value)
            code = pytest.main([*WITHOUT_OTHERS, *arguments])
        forget_modules(tmp_path)
        return int(code), out.getvalue()

    return SimpleNamespace(run=run, folder=tmp_path)


def outcomes(log):
    """The outcome of every item, from the summary at the end of a log."""
    lines = log.partition("short test summary info")[2].splitlines()
    found = [line.partition(" - ")[0].split(" ", 1) for line in lines if "suite.toml::" in line]
    return {name.partition("::")[2]: outcome for outcome, name in found}


def test_a_verdict_is_the_outcome_of_an_item_with_the_reason_of_the_report(suites):
    code, log = suites.run("suite.toml")
    assert code == 1
    assert outcomes(log) == {
        "metrics/accuracy[old]": "PASSED", "metrics/accuracy[new]": "PASSED",
        "strict[old]": "ERROR", "strict[new]": "FAILED",
        "aside[old]": "XFAIL", "aside[new]": "XFAIL", "known[new]": "XFAIL",
        "impossible[old]": "ERROR",
    }  # fmt: skip
    assert "\nFAIL: value is 0.875 [0.839, 0.906], below 0.93\n" in log
    assert "\nINCONCLUSIVE: value is 0.927 [0.898, 0.951], on both sides of 0.93; about " in log
    assert "\nINCONCLUSIVE: too few groups have enough rows to be judged\n" in log
    assert "waived until 2999-12-31: retrained in January" in log
    assert "not critical: FAIL: value is 0.875" in log
    assert "items.py" not in log
    assert len(list((suites.folder / ".mqa" / "runs").iterdir())) == 1  # the suite ran once


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["suite.toml::strict[new]"], {"strict[new]"}),
        (["suite.toml", "-k", "aside and old"], {"aside[old]"}),
        (["suite.toml", "-k", "quality"], {"metrics/accuracy[old]", "metrics/accuracy[new]"}),
    ],
)
def test_what_is_selected_runs_alone(suites, arguments, names):
    _, log = suites.run(*arguments)
    assert outcomes(log).keys() == names
    (run,) = (suites.folder / ".mqa" / "runs").iterdir()
    report = gzip.decompress((run / "report.json.gz").read_bytes()).decode()
    checks = {name.partition("[")[0] for name in names}
    assert all(
        (f'"check": "{check}"' in report) is (check in checks) for check in ("strict", "aside", "metrics/accuracy")
    )


def test_a_waiver_that_has_had_its_day_fails(suites):
    (suites.folder / "suite.toml").write_text(SUITE.replace("2999-12-31", date(2020, 1, 1).isoformat()))
    _, log = suites.run("suite.toml", "-k", "known")
    assert outcomes(log) == {"known[new]": "FAILED"}
    assert "FAIL: the waiver expired after 2020-01-01; fix the check, or renew the waiver" in log


def test_problems_of_a_suite_are_shown_where_it_is_collected(suites):
    (suites.folder / "suite.toml").write_text(HEAD + '[[check]]\nmeasure = "metrics/acuracy"\nexpect = { min = 0.8 }\n')
    code, log = suites.run("suite.toml")
    assert code == 2
    assert "suite.toml:14:11: plugin `metrics` has no" in log
    assert "hint: did you mean `metrics/accuracy`" in log
    assert "Traceback" not in log


def test_a_run_that_comes_to_nothing_is_an_error_of_every_item(suites):
    (suites.folder / "old.parquet").write_text("no table")
    code, log = suites.run("suite.toml", "-k", "quality")
    assert code == 1
    assert set(outcomes(log).values()) == {"ERROR"}
    assert "old.parquet" in log
    assert "Traceback" not in log


def test_a_file_that_is_no_suite_is_ignored(suites):
    contents = ["a = 1\n", "format = 1\n", "[[check]]\n", "not = = toml", ""]
    for number, content in enumerate(contents):
        (suites.folder / f"other-{number}.toml").write_text(content)
    (suites.folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmqa_suites = ["other-*.toml"]\n')
    code, log = suites.run(".")
    assert code in (4, 5)
    assert "no tests ran" in log


def test_what_a_file_lacks_that_the_command_line_names_is_said(suites):
    (suites.folder / "suite.toml").write_text(SUITE + "\noops\n")
    (suites.folder / "header.toml").write_text("format = 1\n[[check]\n")
    (suites.folder / "format.toml").write_text(SUITE.replace("format = 1", ""))
    code, log = suites.run("suite.toml", "header.toml", "format.toml")
    assert code == 2
    assert "suite.toml:" in log
    assert "header.toml:2:8: the header of a table is not closed" in log
    assert "format.toml:1:1: the suite needs the key `format`" in log


def test_pyproject_is_never_a_suite(suites):
    (suites.folder / "pyproject.toml").write_text(SUITE + "\n[tool.pytest.ini_options]\n")
    code, log = suites.run("pyproject.toml")
    assert code in (4, 5)
    assert "strict" not in log


def test_a_run_of_all_tests_has_the_suites_that_the_project_names(suites):
    (suites.folder / "test_mine.py").write_text("def test_mine():\n    pass\n")
    assert outcomes(suites.run()[1]) == {}
    (suites.folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmqa_suites = ["suite.toml"]\n')
    code, log = suites.run("-k", "mine or quality")
    assert code == 0
    assert "3 passed" in log


def test_a_session_without_a_suite_imports_one_module_and_nothing_of_mqa(suites):
    (suites.folder / "test_mine.py").write_text("def test_mine():\n    pass\n")
    program = "import sys, pytest\ncode = pytest.main(sys.argv[1:])\nprint('modules', *sys.modules)\nsys.exit(code)"

    def modules(*arguments):
        command = [sys.executable, "-c", program, "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(command, cwd=suites.folder, capture_output=True, text=True, check=True)
        return set(done.stdout.rpartition("modules ")[2].split())

    assert modules() - modules("-p", "no:mqa") == {"mqa_pytest"}


def test_the_line_of_a_check_is_that_of_its_item(suites):
    _, log = suites.run("suite.toml", "--junitxml", "out.xml", "-o", "junit_family=xunit1", "-k", "strict")
    assert 'file="suite.toml" line="' in (suites.folder / "out.xml").read_text()
    assert "strict[new]" in log


def test_a_warning_is_no_error_of_the_run_and_a_defect_is_told_without_running_again(suites):
    (suites.folder / "pyproject.toml").write_text('[tool.pytest.ini_options]\nfilterwarnings = ["error"]\n')
    patch = """
import warnings
from mqa_registry.judging import Judge

real = Judge.finish

def finish(judge, observations):
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    return real(judge, observations)

Judge.finish = finish
"""
    (suites.folder / "conftest.py").write_text(patch)

    def run():
        command = [sys.executable, "-m", "pytest", *WITHOUT_OTHERS, "suite.toml", "-k", "quality"]
        done = subprocess.run(
            command, cwd=suites.folder, env=os.environ | SHOWN, capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    assert run()[0] == 0
    (suites.folder / "conftest.py").write_text(patch.replace("return real", "print('judging now'); raise ValueError"))
    code, log = run()
    assert (code, set(outcomes(log).values())) == (1, {"ERROR"})
    assert log.count("\njudging now\n") == 1
