"""`mqa report`: what a run said is shown again, and judged by nothing."""

from __future__ import annotations

import gzip
import json
import shutil

import pytest

CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.95 }
[[check]]
measure = "parity/agreement"
expect = { min = 0.9 }
"""


@pytest.fixture(scope="module", name="finished")
def _finished(module_project):
    module_project.write(CHECKS)
    return module_project, module_project.run("--json", "run.json")


@pytest.fixture
def ran(finished, project):
    """The run of a project that each test has for itself."""
    shutil.copytree(finished[0].folder, project.folder, dirs_exist_ok=True)
    return finished[1]


@pytest.mark.parametrize("run", ["last", "run.json"])
def test_it_shows_what_the_run_showed_and_ends_as_it_ended(project, ran, run):
    again = project.mqa("report", run, "--json", "again.json")
    assert again.code == ran.code == 1
    assert again.out.partition(" rows predicted")[0] == ran.out.partition(" rows predicted")[0]
    one, two = (json.loads((project.folder / name).read_text()) for name in ("run.json", "again.json"))
    assert one == two


def test_it_needs_neither_the_suite_nor_the_data(project, ran):
    for file in (*project.folder.glob("*.toml"), *project.folder.glob("*.parquet")):
        file.unlink()
    assert project.mqa("report", "last").out.count("accuracy") == ran.out.count("accuracy")


def test_a_report_file_needs_no_store(project, ran, tmp_path):
    shutil.rmtree(project.folder / ".mqa")
    assert project.mqa("report", "run.json").code == ran.code


def test_without_examples_no_text_of_a_row_is_shown(project, ran):
    assert "text number" in ran.out
    assert "text number" not in project.mqa("report", "last", "--no-examples", "-v", "--json", "-").out


def test_standard_output_is_for_the_file(project, ran):
    done = project.mqa("report", "last", "--json", "-")
    assert json.loads(done.out)["verdict"] == "FAIL"
    assert "FAIL" in done.err


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("20200101", "keeps no run `20200101`"),
        ("gone.json", "cannot read the report `gone.json`"),
        ("../run", "keeps no run `../run`"),
        ("suite.toml", "`suite.toml` is no report file"),
    ],
)
def test_what_is_no_run_is_one_clear_line(project, ran, run, message):
    done = project.mqa("report", run)
    assert done.code == 2
    assert message in done.err
    assert "hint:" in done.err or "no such file" in done.err


def test_a_stored_run_that_was_changed_is_not_shown(project, ran):
    (file,) = (project.folder / ".mqa" / "runs").glob("*/report.json.gz")
    file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()).replace(b"FAIL", b"PASS")))
    done = project.mqa("report", "last")
    assert done.code == 3
    assert "is damaged" in done.err
