"""The projects that `mqa new` writes, published: built, installed next to mqa, listed, tested, run in a suite, and removed again.

All of them share one environment, a child of that of these tests, and each tool takes all of them at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from mqa_registry.cli.project import KINDS, Project

pytestmark = pytest.mark.slow

PROJECTS = [Project(f"my-{kind}", kind) for kind in KINDS]
PLUGINS = {project.name for project in PROJECTS if project.kind not in {"command", "reporter"}}
RUFF = Path(sys.executable).with_name("ruff")
RUN_ALL = "import sys; from mqa_registry import run; print(*[run(suite).verdict for suite in sys.argv[1:]])"
DIAGNOSE = "from mqa_registry.doctor import run_diagnosis; print(run_diagnosis('my-diagnosis/disk-space'))"


@dataclass(frozen=True)
class Environment:
    """An environment in a folder, with mqa and all else that is installed for these tests."""

    folder: Path

    @classmethod
    def make(cls, folder):
        venv.create(folder, symlinks=True)
        (site,) = folder.glob("lib/python*/site-packages")
        base = sysconfig.get_path("purelib")
        (site / "base.pth").write_text(
            f"import site; site.addsitedir({base!r})\n"
        )  # with the links that lead on from it
        return cls(folder)

    @property
    def python(self):
        return str(self.folder / "bin" / "python")

    def pip(self, *words):
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", self.python]
        subprocess.run([*pip, *map(str, words)], check=True, capture_output=True)

    def run(self, *words, cwd):
        variables = os.environ | {"COLUMNS": "100", "NO_COLOR": "1"}
        return subprocess.run(
            [self.python, *map(str, words)], cwd=cwd, env=variables, capture_output=True, text=True, check=False
        )

    def mqa(self, *words, cwd):
        return self.run("-P", "-m", "mqa_registry.cli", *words, cwd=cwd)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of all projects, and of their wheels."""
    folder = tmp_path_factory.mktemp("projects")
    for project in PROJECTS:
        for path, text in project.render().items():
            file = folder / project.distribution / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        builder = WheelBuilder(str(folder / project.distribution))
        assert len(list(builder.build(directory=str(folder / "dist"), versions=["standard"]))) == 1
    return folder


@pytest.fixture(scope="module")
def child(home):
    made = Environment.make(home / "child")
    made.pip("install", "--no-index", "--no-deps", *(home / "dist").iterdir())
    return made


def list_plugins(environment, home):
    done = environment.mqa("plugins", "--json", "-", cwd=home)
    assert done.returncode == 0, done.stderr
    return {plugin["name"]: plugin for plugin in json.loads(done.stdout)["plugins"]}


def test_every_kind_is_listed_when_it_is_installed_and_no_more_when_it_is_removed(home, child):
    listed = list_plugins(child, home)
    assert listed.keys() >= PLUGINS
    assert {listed[name]["state"] for name in PLUGINS} == {"ok"}
    assert "my-command" in child.mqa("--help", cwd=home).stdout
    assert "--my-reporter FILE" in child.mqa("run", "--help", cwd=home).stdout
    other = Environment.make(home / "other")
    other.pip("install", "--no-index", "--no-deps", *(home / "dist").iterdir())
    other.pip("uninstall", "--yes", *(project.distribution for project in PROJECTS))
    assert not list_plugins(other, home).keys() & PLUGINS
    done = other.mqa("run", home / "mqa-my-metric" / "example" / "suite.toml", cwd=home)
    assert (done.returncode, "no plugin `my-metric` is installed" in done.stderr) == (2, True)
    assert "my-command" not in other.mqa("--help", cwd=home).stdout


def test_each_passes_its_own_tests_untouched(home, child):
    folders = [f"{project.distribution}/tests" for project in PROJECTS]
    done = child.run("-m", "pytest", "-v", "-p", "no:cacheprovider", "--import-mode=importlib", *folders, cwd=home)
    assert done.returncode == 0, done.stdout
    for test in ("my-perturbation-imports-little", "words-decodes", "numpy-rows-apart", "toml-works"):
        assert f"test_conforms[{test}] PASSED" in done.stdout


def test_the_suite_of_each_holds(home, child):
    suites = [path for project in PROJECTS if (path := home / project.distribution / "example/suite.toml").exists()]
    assert len(suites) == len(PROJECTS) - 1  # a diagnosis is of a machine
    done = child.run("-P", "-c", RUN_ALL, *suites, cwd=home)
    assert done.stdout.split() == ["PASS"] * len(suites), done.stderr
    assert "disk space" in child.run("-P", "-c", DIAGNOSE, cwd=home).stdout


def test_each_is_well_formed_and_typed(home, child):
    folders = [project.distribution for project in PROJECTS]
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run([RUFF, *check, *folders], cwd=home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    config = home / PROJECTS[0].distribution / "pyproject.toml"
    mypy = [sys.executable, "-m", "mypy", "--config-file", config, "--python-executable", child.python]
    sources = [
        folder
        for project in PROJECTS
        for folder in (f"{project.distribution}/{project.module}", f"{project.distribution}/tests")
    ]
    done = subprocess.run(
        [*mypy, "--cache-dir", home / "cache", *sources], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
