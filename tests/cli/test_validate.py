"""`mqa validate` of one suite and of several, and as a hook of a commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = '[[check]]\nmeasure = "metrics/accuracy"\nexpect = { min = 0.8 }\n'
HOOKS = Path(__file__).parents[2] / ".pre-commit-hooks.yaml"


@pytest.fixture(name="suites")
def _suites(project):
    """A good suite, one with a problem of its own, and one whose data is missing."""
    project.write(CHECK)
    good = (project.folder / "suite.toml").read_text()
    (project.folder / "wrong.toml").write_text(good.replace("metrics/accuracy", "metrics/acuracy"))
    (project.folder / "labels.toml").write_text(
        good.replace('path = "reviews.parquet"', 'path = "old.parquet"\nlimit = 0')
    )
    return project


def test_the_problems_of_all_are_shown(suites):
    done = suites.mqa("validate", "wrong.toml", "suite.toml", "labels.toml")
    assert done.code == 2
    assert "wrong.toml:15:11: plugin `metrics` has no" in done.err
    assert "labels.toml:" in done.err
    assert "error: 2 problems in the suite" in done.err
    assert done.out == "suite.toml: 1 check, 2 views, no problems\n"


def test_an_error_of_data_is_shown_with_its_suite(suites):
    (suites.folder / "reviews.parquet").write_bytes(b"no table")
    done = suites.mqa("validate", "suite.toml", "wrong.toml")
    assert done.code == 2
    assert "suite.toml: " in done.err
    assert "wrong.toml:15:11" in done.err


def test_several_good_ones_have_a_line_each(suites):
    (suites.folder / "again.toml").write_text((suites.folder / "suite.toml").read_text())
    done = suites.mqa("validate", "suite.toml", "again.toml")
    assert (done.code, done.out.count("no problems")) == (0, 2)


def test_a_commit_with_a_wrong_suite_is_stopped(suites, tmp_path):
    pytest.importorskip("pre_commit")

    def call(*command, folder=suites.folder):
        known = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
            **{
                f"GIT_{who}_{what}": "test@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
            },
        }
        done = subprocess.run(command, cwd=folder, env=known, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout + done.stderr

    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy(HOOKS, hooks)
    for folder in (hooks, suites.folder):
        assert call("git", "init", "-q", folder=folder)[0] == 0
        call("git", "add", "-A", folder=folder)
        assert call("git", "commit", "-qm", "first", folder=folder)[0] == 0
    (suites.folder / "suites").mkdir()
    for name in ("suite.toml", "wrong.toml"):
        text = (suites.folder / name).read_text().replace('path = "', 'path = "../')
        (suites.folder / "suites" / name).write_text(text)
    (suites.folder / "other.toml").write_text("a = 1\n")
    try_hook = (sys.executable, "-m", "pre_commit", "try-repo", str(hooks), "mqa-validate", "--verbose", "--files")
    code, log = call(*try_hook, "suites/suite.toml", "other.toml")
    assert code == 0, log
    assert "suites/suite.toml: 1 check, 2 views, no problems" in log
    code, log = call(*try_hook, "suites/suite.toml", "suites/wrong.toml")
    assert code == 1, log
    assert "suites/wrong.toml:15:11: plugin `metrics` has no" in log
