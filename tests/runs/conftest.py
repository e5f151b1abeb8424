"""A suite in a folder, with a live model and perturbed rows, run in this process."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mqa_registry import runs
from mqa_registry.reports import to_json
from mqa_registry.runs.archive import find_run, keep_run

if TYPE_CHECKING:
    from mqa_registry.runs.record import Record

CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.4 }
[[check]]
measure = "metrics/auroc"
expect = { min = 0.4 }
[[check]]
name = "typos"
measure = "metrics/accuracy"
perturb = { use = "robustness/typos", rate = 0.3 }
expect = { max_drop = 0.01 }
[[check]]
name = "kinds"
measure = "metrics/accuracy"
by = { use = "fairness/column", column = "kind" }
expect = { max_gap = 0.05 }
[[check]]
name = "lengths"
measure = "metrics/log-loss"
perturb = { use = "robustness/typos", rate = 0.3 }
by = "fairness/length"
expect = { max = 0.5 }
[[check]]
measure = "parity/agreement"
expect = { min = 0.999 }
[[check]]
measure = "letters/alone"
expect = { max = 0, mean = { max = 1e-6 } }
"""


@dataclass
class Project:
    """A folder with a suite and its data."""

    folder: Path
    plugin: Path
    head: str

    @property
    def suite(self) -> Path:
        return self.folder / "suite.toml"

    @property
    def store(self) -> Path:
        return self.folder / ".mqa"

    @property
    def kept(self) -> list[Path]:
        """The folders of the runs that are kept, the oldest first, those of one second too."""
        found = [path for path in (self.store / "runs").iterdir() if not path.name.startswith(".")]
        return sorted(found, key=lambda path: (path.name[:15], path.stat().st_mtime_ns))

    def write(self, checks: str = CHECKS, name: str = "suite.toml", head: str | None = None) -> Path:
        (self.folder / name).write_text((self.head if head is None else head) + checks)
        return self.folder / name

    def run(self, *, examples: bool = True, **asked: object):
        return runs.run(self.suite, runs.RunOptions(plugin_files=(self.plugin,), **asked), examples=examples)

    def judge(self, run: str = "last", suite: Path | None = None, **rest: object):
        rest.setdefault("store", self.store)
        return runs.judge(run, suite, plugin_files=(self.plugin,), **rest)


def said(report) -> list[dict[str, object]]:
    """The results of a report as the file has them, without what they took."""
    return [{key: value for key, value in one.items() if key != "seconds"} for one in to_json(report)["results"]]


@pytest.fixture(name="said")
def _said():
    return said


@pytest.fixture
def project(tmp_path, monkeypatch, slowly):
    monkeypatch.setenv("LETTERS_LOG", os.devnull)
    monkeypatch.setenv("LETTERS_SECONDS", "0")
    folder = tmp_path / "project"
    folder.mkdir()
    slowly.write_words(folder, rows=160, longest=13, kind=[f"kind-{number % 2}" for number in range(160)])
    made = Project(folder, slowly.plugin, slowly.head("one", "two"))
    made.write()
    return made


@dataclass
class Archive:
    """A store in which one record is kept again and again, each time as another run."""

    store: Path
    record: Record
    names: list[str] = field(default_factory=list)

    @property
    def runs(self) -> Path:
        return self.store / "runs"

    def keep(self, name: str = "") -> str:
        """Keep it as a run of this name; left out, the name is that of a later second than the others."""
        number = len(self.names)
        self.names.append(name or f"20260101-00{number // 60:02}{number % 60:02}-{number:04x}")
        report = replace(self.record.report, run=self.names[-1])
        keep_run(self.store, replace(self.record, run=self.names[-1], report=report))
        return self.names[-1]


@pytest.fixture(scope="session")
def record():
    """A run of replayed predictions, with rows, perturbed rows and what a probe saw."""
    return find_run("last", Path(__file__).parent / "format_1", None)


@pytest.fixture
def kept(tmp_path, record):
    return Archive(tmp_path / "kept", record)
