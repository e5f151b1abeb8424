"""Reporters that distributions give, as options of the commands that have a report."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

MODULE = r"""
import sys
from mqa_registry import Report, Reporter
print("acme is imported", file=sys.stderr)

def write(report: Report) -> str:
    return f"acme page of {report.verdict}: {len(report.results)} results \ud83d\n"

def crash(report):
    raise ValueError("no such luck")

PAGE = Reporter(render=write, marker=b"acme page")
BYTES = Reporter(render=lambda report: b"acme page\xff", marker=b"acme page")
CRASH = Reporter(render=crash, marker=b"acme page")
"""
CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'


def install(folder, name, reporters):
    """Lay a distribution with reporters out, as pip does."""
    package = f"{name}_page"
    (folder / f"{package}.py").write_text(MODULE)
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{reporter} = {package}:{target}" for reporter, target in reporters.items()]
    (about / "entry_points.txt").write_text("[mqa.reporters]\n" + "\n".join(lines) + "\n")


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
    def run(*arguments):
        command = [sys.executable, "-m", "mqa_registry.cli", *arguments]
        known = os.environ | {"PYTHONPATH": str(site), "COLUMNS": "80"}
        done = subprocess.run(command, cwd=project.folder, env=known, capture_output=True, check=False, timeout=120)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

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
    assert "error: the reporter `acme-crash` crashed: ValueError: no such luck (acme_page.py, line 10)" in err
    assert not (project.folder / "crash.txt").exists()
    assert (project.folder / "page.txt").exists()


def test_one_that_is_none_is_refused_before_anything_runs(mqa, project):
    code, _, err = mqa("run", "suite.toml", "--acme-none", "page.txt")
    assert code == 2
    assert "error: the reporter `acme-none` of acme cannot be used: its entry point names no `Reporter`" in err
    assert not (project.folder / ".mqa").exists()


def test_one_that_cannot_be_imported_is_refused_with_its_line(mqa, site):
    (site / "acme_page.py").write_text("import no_such_library")
    code, _, err = mqa("run", "suite.toml", "--acme", "page.txt")
    assert code == 2
    assert "the reporter `acme` of acme cannot be used: ModuleNotFoundError: No module named 'no_such_library'" in err
    assert "(acme_page.py, line 1)" in err
    assert "hint: `pip install --upgrade acme`" in err


def test_two_of_one_name_are_refused(mqa, site):
    install(site, "other", {"acme": "PAGE"})
    code, _, err = mqa("run", "suite.toml", "--acme", "page.txt")
    assert code == 2
    assert "error: 2 distributions give a reporter `acme`: acme and other" in err
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
