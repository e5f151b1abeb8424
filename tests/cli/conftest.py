from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from mqa_registry.cli import app, command_group
from mqa_registry.plugins import loading
from mqa_registry.reports import reporters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = """
format = 1
name = "replayed"
seed = 7
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


@pytest.fixture(autouse=True)
def forget_imported_modules(tmp_path):
    """What a command imported from a test's folder, as a model's factory, is not another test's module of that name."""
    yield
    forget_modules(tmp_path)


def forget_modules(folder: Path) -> None:
    """Have the modules of a folder imported anew."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


@contextmanager
def installed(site: Path) -> Iterator[None]:
    """Have this process find the distributions of a folder, as they are now."""
    caches = (command_group.plugin_entry_points, reporters._entry_points, loading.installed_entry_points)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "_LOADED", {})
        patch.syspath_prepend(str(site))
        for each in caches:
            each.cache_clear()
        yield
    forget_modules(site)
    for each in caches:
        each.cache_clear()


@dataclass
class Done:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Project:
    """A folder with a data set, two replayed backends, and a suite about them."""

    folder: Path
    columns: dict[str, Any] = field(default_factory=dict)

    @property
    def site(self) -> Path:
        """Where distributions are installed for it alone."""
        return self.folder / "site"

    def write(self, checks: str, head: str = HEAD) -> None:
        (self.folder / "suite.toml").write_text(head + checks)

    def table(self, name: str, **columns: Any) -> None:
        pq.write_table(pa.table(columns), self.folder / f"{name}.parquet")

    def mqa(self, *arguments: str, **env: str) -> Done:
        """Run the command in this process, where what it imports is imported once."""
        with pytest.MonkeyPatch.context() as patch, installed(self.site) if self.site.exists() else nullcontext():
            patch.chdir(self.folder)
            for name, value in env.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(app, arguments)
        assert "--debug" in arguments or "Traceback" not in done.stderr, done.stderr
        return Done(done.exit_code, done.stdout, done.stderr)

    def run(self, *arguments: str, **env: str) -> Done:
        return self.mqa("run", "suite.toml", *arguments, **env)

    def process(self, *arguments: str, most_bytes: int | None = None, **env: str) -> Done:
        """Run the command in a process of its own; with `most_bytes`, where no file can grow larger."""
        command = [sys.executable, "-m", "mqa_registry.cli", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=os.environ | env, capture_output=True, text=True, check=False, timeout=120,
            preexec_fn=most_bytes and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))),
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)


def make_project(folder):
    """A project in a folder: a thousand rows, and what an old and a new model predicted for them."""
    made = Project(folder)
    rng = np.random.default_rng(7)
    rows = 1000
    ids = [f"row-{number}" for number in range(rows)]
    labels = np.array(["negative", "positive"])[rng.integers(2, size=rows)]
    wrong = np.where(labels == "positive", "negative", "positive")
    made.table("reviews", id=ids, text=[f"text number {number}" for number in range(rows)], label=labels,
               domain=[f"d{number % 3}" for number in range(rows)])  # fmt: skip
    old = np.where(rng.random(rows) < 0.90, labels, wrong)
    new = np.where(rng.random(rows) < 0.02, wrong, old)
    made.table("old", id=ids, label=old)
    made.table("new", id=ids[::-1], label=new[::-1])
    made.columns = {"id": ids, "label": labels, "old": old, "new": new}
    return made


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


@pytest.fixture(scope="module")
def module_project(tmp_path_factory):
    """A project that the tests of a module share, and leave as it is."""
    return make_project(tmp_path_factory.mktemp("project"))
