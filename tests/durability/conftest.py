from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PLUGIN = Path(__file__).parent / "letters.py"
SUITE = """
format = 1
name = "letters"
seed = 7
[model]
use = "letters/letters"
task = "count"
[data.words]
use = "datasets/file"
path = "words.parquet"
[backends.slow]
use = "letters/slowly"
[[check]]
measure = "metrics/log-loss"
expect = { max = 0.9 }
[[check]]
measure = "metrics/accuracy"
perturb = { use = "robustness/typos", rate = 0.3 }
expect = { max_drop = 0.2 }
"""


@dataclass
class Letters:
    """A suite in a folder, and runs of it as processes."""

    folder: Path
    plugin: Path = PLUGIN

    @property
    def log(self) -> list[str]:
        """Every batch that any process began to run."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def database(self) -> Path:
        return self.folder / ".mqa" / "predictions.sqlite"

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mqa_registry.cli", "run", "letters.toml", "--plugin", str(PLUGIN)]
        command += ["--json", "report.json", "-q"]
        env = os.environ | {"LETTERS_LOG": str(self.folder / "log")}
        return subprocess.Popen(
            command, cwd=self.folder, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self) -> tuple[int, str]:
        process = self.start()
        _, said = process.communicate()
        return process.returncode, said

    def end(self, process: subprocess.Popen[str], after: int, how: int, wait: float) -> int:
        """Send a signal some time after the process began its n-th batch; the exit code."""
        begun = len(self.log)
        while len(self.log) < begun + after and process.poll() is None:
            time.sleep(0.005)
        time.sleep(wait)
        process.send_signal(how)
        process.communicate()
        return process.returncode

    def report(self) -> dict[str, object]:
        """The report without what differs from run to run by nature."""
        report = json.loads((self.folder / "report.json").read_text())
        for key in ("run", "started", "seconds"):
            del report[key]
        for result in report["results"]:
            del result["seconds"]
        return report


@pytest.fixture
def letters(tmp_path):
    rng = np.random.default_rng(7)
    alphabet = np.array(list("aeioubcdfgklmnprst"))
    words = [["".join(rng.choice(alphabet, rng.integers(3, 9))) for _ in range(rng.integers(2, 9))] for _ in range(400)]
    labels = np.array(["few", "many"])[rng.integers(2, size=400)]
    pq.write_table(pa.table({"text": [" ".join(row) for row in words], "label": labels}), tmp_path / "words.parquet")
    (tmp_path / "letters.toml").write_text(SUITE)
    return Letters(tmp_path)
