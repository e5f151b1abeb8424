"""A package with a suite and the rows that belong to it: built, installed next to mqa, run, pinned and removed again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from textwrap import dedent

import pyarrow as pa
import pyarrow.csv as pc
import pytest

FILES = {
    "pyproject.toml": """
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"

        [project]
        name = "mqa-greetings"
        version = "1.4.0"
        dependencies = ["mqa-registry>=0.1"]

        [project.entry-points.mqa]
        greetings = "mqa_greetings"
        """,
    "mqa_greetings/__init__.py": """
        from pathlib import Path
        from mqa_registry import SuiteFile, hookimpl

        mqa_api = 2

        @hookimpl
        def mqa_suites():
            yield SuiteFile("polite", Path(__file__).with_name("polite.toml"))
        """,
    "mqa_greetings/polite.toml": """\
        # Does it know a polite greeting?
        format = 1
        [data.rows]
        use = "datasets/file"
        path = "greetings.csv"
        [backends.answers]
        use = "replay/file"
        [[check]]
        measure = "metrics/accuracy"
        gate = "point"
        expect = { min = 0.7 }
        """,
    "mqa_greetings/greetings.csv": """
        id,text,label
        1,good day,polite
        2,oi,rude
        3,how do you do,polite
        4,get lost,rude
        """,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the answers of a model to the rows of the suite."""
    folder = tmp_path_factory.mktemp("greetings")
    pc.write_csv(
        pa.table({"id": [1, 2, 3, 4], "label": ["polite", "rude", "polite", "polite"]}), folder / "answers.csv"
    )
    return folder


@pytest.fixture(scope="module")
def mqa(folder):
    """mqa as a command of an environment that has the package."""
    project, site = folder / "project", folder / "site"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(dedent(text).lstrip())
    python = [sys.executable, "-m"]
    subprocess.run(
        [*python, "build", "--wheel", "--no-isolation", "--outdir", "dist", "."],
        cwd=project,
        check=True,
        capture_output=True,
    )
    (wheel,) = (project / "dist").glob("*.whl")
    pip = [*python, "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)

    def run(*arguments):
        return subprocess.run(
            [*python, "mqa_registry.cli", *arguments], cwd=folder, capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONPATH": str(site), "COLUMNS": "100"},
        )  # fmt: skip

    return run


def test_a_suite_is_published_like_any_package(mqa, folder):
    answers = ("--set", "backends.answers.path=answers.csv")
    assert "greetings/polite" in mqa("suites").stdout
    done = mqa("run", "greetings/polite@1.4", *answers)
    assert done.returncode == 0, done.stderr
    assert "0.75" in done.stdout
    assert mqa("run", "greetings/polite", *answers, "--set", "check.accuracy.expect.min=0.8").returncode == 1
    (folder / "own.toml").write_text(
        'format = 1\nextends = "greetings/polite@1.4.0"\n[backends.answers]\npath = "answers.csv"\n'
    )
    assert mqa("run", "own.toml").returncode == 0
    pinned = mqa("run", "greetings/polite@2", *answers)
    assert (pinned.returncode, "mqa-greetings 1.4.0 is installed" in pinned.stderr) == (2, True)
    shutil.rmtree(folder / "site" / "mqa_greetings-1.4.0.dist-info")
    gone = mqa("run", "own.toml")
    assert gone.returncode == 2
    assert (
        "own.toml:2:11: there is no file `greetings/polite@1.4.0`, and no plugin `greetings` is installed"
        in gone.stderr
    )
    assert "pip install" not in gone.stderr
