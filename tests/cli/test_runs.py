"""`mqa runs` and `mqa compare` as people see them."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app
from mqa_registry.runs.archive import list_runs

CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.6 }
"""


@pytest.fixture(scope="module", name="finished")
def _finished(module_project):
    """A project with a run that is tagged v1 and a worse one, and what the latter showed."""
    project = module_project
    project.write(CHECKS)
    assert project.run("--tag", "v1", "-q", "--backend", "old").code == 0
    columns = project.columns
    wrong = ["negative" if label == "positive" else "positive" for label in columns["label"]]
    pairs = enumerate(zip(columns["old"], wrong, strict=True))
    worse = [other if number % 20 == 0 else one for number, (one, other) in pairs]
    project.table("old", id=columns["id"], label=worse)
    return project, project.run("--against", "v1", "--backend", "old")


@pytest.fixture
def two(finished, project):
    """What the worse run showed; each test has the project for itself."""
    shutil.copytree(finished[0].folder, project.folder, dirs_exist_ok=True)
    return finished[1]


def test_a_run_that_is_worse_than_the_release_says_what_and_where(two):
    assert two.code == 1
    shown = " ".join(two.out.split())
    assert re.search(r"against the run \d{8}-\d{6}-\w{4} of \d{4}-\d\d-\d\d \d\d:\d\d", shown)
    assert re.search(r"✗ metrics/accuracy on old: 0\.8\d+ → 0\.8\d+, worse by 0\.0\d+ \[0\.0\d+, 0\.0\d+\]", shown)
    assert re.search(
        r"reviews on old: \d+ newly wrong, 0\.0\d+ \[0\.0\d+, 0\.0\d+\] of 1,000 rows; \d+ newly right", shown
    )
    assert "row-" in shown.partition("newly wrong")[2]
    assert "It is worse." in shown
    assert (
        "The checks hold, and it is worse than the run that it is held against: do not ship it. Exit code 1." in shown
    )


def test_kept_runs_are_compared_again(project, two):
    done = project.mqa("compare", "v1", "last", "--json", "c.json", "--html", "c.html")
    assert done.code == 1
    assert "It is worse." in (project.folder / "c.html").read_text("utf-8")
    assert done.out.strip() in two.out
    content = json.loads((project.folder / "c.json").read_text())
    assert content["comparison"]["verdict"] == "FAIL"
    assert content["comparison"]["changes"][0]["change"]["estimate"] > 0
    assert project.mqa("compare", "v1", "v1").code == 0
    again = project.mqa("compare", "v1", "last", "--max-drop", "0.2", "--json", "c.json", "--html", "c.html")
    assert again.code == 0
    assert "at most 0.2 worse" in (project.folder / "c.html").read_text("utf-8")
    fenced = project.mqa("compare", "v1", "--no-examples", "-v", GITHUB_ACTIONS="true").out
    assert "text number" not in fenced
    first, *_, last = fenced.splitlines()
    assert first.replace("stop-commands::", "") + "::" == last


def test_a_reader_who_leaves_does_not_change_what_a_comparison_comes_to(project, two):
    line = f"{shlex.quote(sys.executable)} -m mqa_registry.cli compare v1 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("FAIL: the rest of the report was not read\nhint: ")


def test_a_report_shows_the_comparison_too(project, two):
    assert "It is worse." in project.mqa("report", "last").out


def test_they_are_listed_and_tagged(project, two):
    listed = project.mqa("runs").out.splitlines()
    assert listed[0].split() == ["run", "verdict", "suite", "commit", "tags", "size"]
    assert [line.split()[1:3] for line in listed[1:]] == [["FAIL", "replayed"], ["PASS", "replayed"]]
    assert "v1" in listed[2]
    assert project.mqa("runs", "tag", "last", "bad").out.endswith(" is tagged bad\n")
    assert "bad" in project.mqa("runs", "-n", "1").out
    last, first = (line.split()[0] for line in listed[1:])
    assert project.mqa("runs", "tag", first, "bad").out == f"{first} is tagged bad, as {last} was\n"
    assert project.mqa("runs", "tag", "last", "../bad").code == 2
    assert project.mqa("runs", "tag", "last").code == 2
    assert project.mqa("runs", "list", "last").code == 2


def test_a_narrow_terminal_has_a_list_of_them(two, project):
    done = CliRunner().invoke(app, ["runs", "--store", str(project.folder / ".mqa")], env={"COLUMNS": "20"})
    ids = list_runs(project.folder / ".mqa")[::-1]
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ids
    assert "v1" in done.stdout
    assert max(map(len, lines)) <= 20


def test_pruning_says_what_it_would_free_and_drops_with_yes_alone(project, two):
    assert project.run("-q").code == 0
    before = project.mqa("runs", "prune", "--keep", "1").out
    assert re.search(
        r"1 run, would free [\d.]+ kB, and not [\d.]+ kB that other runs have too; drop them with `mqa runs prune --yes`",
        before,
    )
    assert len(project.mqa("runs").out.splitlines()) == 4
    assert "1 run, freed" in project.mqa("runs", "prune", "--keep", "1", "--yes").out
    assert len(project.mqa("runs").out.splitlines()) == 3
    assert "0 runs, would free 0 B" in project.mqa("runs", "prune").out


def test_a_store_without_runs_is_said(project):
    done = project.mqa("runs")
    assert done.code == 2
    assert "keeps no run" in done.err
    assert "hint:" in done.err


def test_the_commit_of_a_run_is_kept(project):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run([*git, *arguments], cwd=project.folder, check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], cwd=project.folder, check=True, capture_output=True, text=True)
    project.write(CHECKS)
    project.run("--json", "one.json")
    (project.folder / "old.parquet").write_bytes((project.folder / "new.parquet").read_bytes())
    project.run("--json", "two.json")
    found = [json.loads((project.folder / name).read_text())["environment"]["git"] for name in ("one.json", "two.json")]
    assert found == [
        {"commit": commit.stdout.strip(), "dirty": False},
        {"commit": commit.stdout.strip(), "dirty": True},
    ]
    assert f"{commit.stdout[:10]}*" in project.mqa("runs").out
