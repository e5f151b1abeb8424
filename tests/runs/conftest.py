"""A suite in a folder, with a live model and disturbed rows, run in this process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_registry import runs
from mqa_registry.report import to_json

PLUGIN = Path(__file__).parents[1] / "durability" / "letters.py"
HEAD = """\
format = 1
name = "letters"
seed = 7
[model]
use = "letters/letters"
task = "count"
[data.words]
use = "datasets/file"
path = "words.parquet"
[backends.one]
use = "letters/slowly"
[backends.two]
use = "letters/slowly"
"""
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

    def write(self, checks: str = CHECKS, name: str = "suite.toml", head: str = HEAD) -> Path:
        (self.folder / name).write_text(head + checks)
        return self.folder / name

    def run(self, *, examples: bool = True, **asked: object):
        return runs.run(self.suite, runs.Asked(plugin_files=(PLUGIN,), **asked), examples=examples)

    def judge(self, run: str = "last", suite: Path | None = None, **rest: object):
        rest.setdefault("store", self.store)
        return runs.judge(run, suite, plugin_files=(PLUGIN,), **rest)


def said(report) -> list[dict[str, object]]:
    """The results of a report as the file has them, without what they took."""
    return [{key: value for key, value in one.items() if key != "seconds"} for one in to_json(report)["results"]]


@pytest.fixture(name="said")
def _said():
    return said


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("LETTERS_LOG", os.devnull)
    folder = tmp_path / "project"
    folder.mkdir()
    rng = np.random.default_rng(7)
    alphabet = np.array(list("aeioubcdfgklmnprst"))
    texts = [
        " ".join("".join(rng.choice(alphabet, rng.integers(3, 9))) for _ in range(rng.integers(2, 14)))
        for _ in range(160)
    ]
    labels = np.array(["few", "many"])[rng.integers(2, size=160)]
    kinds = [f"kind-{number % 2}" for number in range(160)]
    pq.write_table(pa.table({"text": texts, "label": labels, "kind": kinds}), folder / "words.parquet")
    made = Project(folder)
    made.write()
    return made
