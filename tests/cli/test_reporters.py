"""Reporters that distributions give, as options of the commands that have a report."""

from __future__ import annotations

import json

import pytest

MODULE = r"""
import os
import sys
from mqa_registry import EnvironmentReporter, Report, Reporter
print("acme is imported", file=sys.stderr)

def write(report: Report) -> str:
    return f"acme page of {report.verdict}: {len(report.results)} results \ud83d\n"

def crash(report):
    raise ValueError("no such luck")

PAGE = Reporter(render=write, marker=b"acme page")
BYTES = Reporter(render=lambda report: b"acme page\xff", marker=b"acme page")
CRASH = Reporter(render=crash, marker=b"acme page")

def find_target():
    return os.environ.get("ACME_TARGET")

def fence():
    return "<quiet>", "</quiet>"

LOG = EnvironmentReporter(render=lambda report: f"acme says {report.verdict} \u2713\n", find_target=find_target, fence=fence)
BAD = EnvironmentReporter(render=crash, find_target=find_target, fence=lambda: crash(None))
WORSE = EnvironmentReporter(render=crash, find_target=lambda: crash(None))
"""
CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'


def install(folder, name, reporters, group="mqa.reporters"):
    """Lay a distribution with reporters out, as pip does."""
    package = f"{name}_page"
    (folder / f"{package}.py").write_text(MODULE)
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{reporter} = {package}:{target}" for reporter, target in reporters.items()]
    (about / "entry_points.txt").write_text(f"[{group}]\n" + "\n".join(lines) + "\n")


@pytest.fixture(name="site")
def _site(project):
    site = project.folder / "site"
    site.mkdir()
    install(
        site,
        "acme",
        {"acme": "PAGE", "acme-bytes": "BYTES", "acme-crash": "CRASH", "acme-none": "write", "Acme": "PAGE"},
    )
    project.write(CHECK)
    return site


@pytest.fixture(name="mqa")
def _mqa(project, site):
    def run(*arguments, **environment):
        done = project.mqa(*arguments, **{"COLUMNS": "80"} | environment)
        return done.code, done.out, done.err

    return run


@pytest.fixture(name="encoded_mqa")
def _encoded_mqa(project, site):
    """The same in a process of its own, whose streams have an encoding."""

    def run(*arguments, **environment):
        done = project.process(*arguments, PYTHONPATH=str(site), **environment)
        return done.code, done.out, done.err

    return run


def test_each_is_an_option_and_help_imports_none(mqa):
    code, out, err = mqa("run", "--help")
    assert code == 0
    assert "--acme FILE" in out
    assert "Write the report as acme; - is standard output." in " ".join(out.split())
    assert "--Acme" not in out
    assert "acme is imported" not in err
    assert "--acme" not in mqa("export", "--help")[1]


def test_its_file_is_written_beside_the_others(mqa, project):
    code, out, _ = mqa("run", "suite.toml", "--acme", "page.txt", "--json", "r.json", "--acme-bytes=bytes")
    assert code == 0
    assert "\nPASS " in out
    assert (project.folder / "page.txt").read_text() == "acme page of PASS: 2 results \\ud83d\n"
    assert (project.folder / "bytes").read_bytes() == b"acme page\xff"
    assert json.loads((project.folder / "r.json").read_text())["verdict"] == "PASS"
    for command in (("judge", "last"), ("report", "r.json")):
        assert mqa(*command, "--acme", "again.txt")[0] == 0
        assert (project.folder / "again.txt").read_text() == (project.folder / "page.txt").read_text()


def test_a_dash_writes_it_to_standard_output_and_a_person_reads_elsewhere(mqa):
    code, out, err = mqa("run", "suite.toml", "--acme", "-")
    assert (code, out) == (0, "acme page of PASS: 2 results \\ud83d\n")
    assert "\nPASS " in err


def test_one_that_fails_costs_its_own_file_alone(mqa, project):
    code, out, err = mqa("run", "suite.toml", "--acme-crash", "crash.txt", "--acme", "page.txt")
    assert code == 0
    assert "\nPASS " in out
    assert "error: the reporter `acme-crash` crashed: ValueError: no such luck (acme_page.py, line 11)" in err
    assert not (project.folder / "crash.txt").exists()
    assert (project.folder / "page.txt").exists()


def test_one_that_is_none_is_refused_before_anything_runs(mqa, project):
    code, _, err = mqa("run", "suite.toml", "--acme-none", "page.txt")
    assert code == 2
    assert (
        "error: the reporter `acme-none` of acme 1.0 cannot be used: TypeError: its entry point names no `Reporter`"
        in err
    )
    assert not (project.folder / ".mqa").exists()


def test_one_that_cannot_be_imported_is_refused_with_its_line(mqa, site):
    (site / "acme_page.py").write_text("import no_such_library")
    code, _, err = mqa("run", "suite.toml", "--acme", "page.txt")
    assert code == 2
    assert (
        "the reporter `acme` of acme 1.0 cannot be used: ModuleNotFoundError: No module named 'no_such_library'" in err
    )
    assert "(acme_page.py, line 1)" in err
    assert "hint: `pip install --upgrade acme`" in err


def test_two_of_one_name_are_refused(mqa, site):
    install(site, "other", {"acme": "PAGE"})
    code, _, err = mqa("run", "suite.toml", "--acme", "page.txt")
    assert code == 2
    assert "error: 2 distributions give a reporter `acme`: acme 1.0 and other 1.0" in err
    assert mqa("run", "suite.toml")[0] == 0


@pytest.mark.parametrize("content", ["mine", '{"format": 2, "run": "", "verdict": "PASS", "results": []}'])
def test_a_file_without_its_marker_is_replaced_by_force_alone(mqa, project, content):
    file = project.folder / "page.txt"
    file.write_text(content)
    code, _, err = mqa("run", "suite.toml", "--acme", "page.txt")
    assert code == 2
    assert "`page.txt` is there already, and mqa did not write it" in err
    assert file.read_text() == content
    assert mqa("run", "suite.toml", "--acme", "page.txt", "--force")[0] == 0
    assert mqa("run", "suite.toml", "--acme", "page.txt")[0] == 0


def test_an_input_is_never_replaced(mqa, project):
    before = (project.folder / "old.parquet").read_bytes()
    code, _, err = mqa("run", "suite.toml", "--acme", "old.parquet", "--force")
    assert code == 2
    assert "is an input of this run" in err
    assert (project.folder / "old.parquet").read_bytes() == before


def test_an_earlier_file_does_not_stand_for_a_run_that_came_to_none(mqa, project):
    assert mqa("run", "suite.toml", "--acme", "page.txt")[0] == 0
    assert mqa("run", "gone.toml", "--acme=page.txt")[0] == 2
    assert not (project.folder / "page.txt").exists()


@pytest.mark.parametrize("other", ["page.txt", "./page.txt", "-"])
def test_a_file_is_that_of_one_report(mqa, other):
    code, _, err = mqa("run", "suite.toml", "--acme", "-" if other == "-" else "page.txt", "--json", other)
    assert code == 2
    assert "was named for two reports, `--json` and `--acme`" in err


@pytest.fixture(name="log")
def _log(site):
    """A reporter that the environment asks for."""
    install(site, "log", {"log": "LOG"}, "mqa.environment_reporters")


@pytest.mark.usefixtures("log")
def test_one_of_the_environment_is_no_option_and_is_silent_unless_asked_for(mqa):
    assert "--log" not in mqa("run", "--help")[1]
    code, out, err = mqa("run", "suite.toml")
    assert (code, "acme says" in out + err, "quiet>" in out) == (0, False, False)


@pytest.mark.usefixtures("log")
def test_its_text_follows_the_report_which_stands_in_its_fence(encoded_mqa):
    code, out, _ = encoded_mqa("run", "suite.toml", ACME_TARGET="-", PYTHONUTF8="1")
    assert code == 0
    assert out.startswith("<quiet>\n")
    report, after = out.split("</quiet>\n")
    assert "\nPASS " in report
    assert after == "acme says PASS \u2713\n"


@pytest.mark.usefixtures("log")
def test_it_is_written_where_a_person_reads_and_in_what_that_can_show(encoded_mqa):
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    code, out, err = encoded_mqa("run", "suite.toml", "--acme", "-", ACME_TARGET="-", **ascii_only)
    assert (code, out) == (0, "acme page of PASS: 2 results \\ud83d\n")
    assert "<quiet>" in err
    assert err.endswith("acme says PASS \\u2713\n")


@pytest.mark.usefixtures("log")
def test_it_is_appended_to_a_file_of_the_environment(mqa, project):
    for command in (("run", "suite.toml"), ("judge", "last"), ("report", "last", "-q")):
        assert mqa(*command, ACME_TARGET="log.txt")[0] == 0
    assert (project.folder / "log.txt").read_text("utf-8") == 3 * "acme says PASS \u2713\n"


def test_one_of_the_environment_that_fails_costs_neither_report_nor_exit_code(mqa, site, project):
    install(site, "log", {"bad": "BAD", "log": "LOG", "none": "PAGE", "worse": "WORSE"}, "mqa.environment_reporters")
    code, out, err = mqa("run", "suite.toml", ACME_TARGET="log.txt")
    assert code == 0
    assert "\nPASS " in out
    assert (project.folder / "log.txt").exists()
    assert "error: the reporter `bad` crashed: ValueError: no such luck" in err
    assert "error: the reporter `worse` crashed: ValueError: no such luck" in err
    assert (
        "the reporter `none` of log 1.0 cannot be used: TypeError: its entry point names no `EnvironmentReporter`"
        in err
    )


@pytest.mark.usefixtures("log")
def test_a_file_of_the_environment_that_cannot_be_written_is_an_error_that_is_shown(mqa, project):
    (project.folder / "log.txt").mkdir()
    code, out, err = mqa("run", "suite.toml", ACME_TARGET="log.txt")
    assert (code, "\nPASS " in out) == (0, True)
    assert "error: cannot write `log.txt`: is a directory" in err


def test_a_marker_may_be_at_the_end_of_a_file(mqa, project):
    file = project.folder / "page.txt"
    file.write_bytes(b"x" * 10_000 + b"acme page")
    assert mqa("run", "suite.toml", "--acme", "page.txt")[0] == 0
    file.write_bytes(b"x" * 5_000 + b"acme page" + b"x" * 5_000)
    assert mqa("run", "suite.toml", "--acme", "page.txt")[0] == 2
