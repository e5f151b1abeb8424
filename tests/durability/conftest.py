from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = """
[[check]]
measure = "metrics/log-loss"
expect = { max = 0.9 }
[[check]]
measure = "metrics/accuracy"
perturb = { use = "robustness/typos", rate = 0.3 }
expect = { max_drop = 0.2 }
"""


def _heed() -> None:
    """Let the process hear of Ctrl-C, whose tests may have been started by a shell that told them not to."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Letters:
    """A suite in a folder, and runs of it as processes."""

    folder: Path
    plugin: Path

    @property
    def log(self) -> list[str]:
        """Every batch that any process began to run."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def database(self) -> Path:
        return self.folder / ".mqa" / "predictions.sqlite"

    def start(self, *options: str, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "mqa_registry.cli", "run", "letters.toml", "--plugin", str(self.plugin)]
        command += ["-q", *(options or ("--json", "report.json"))]
        env = os.environ | {"LETTERS_LOG": str(self.folder / "log")} | env
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_heed,  # noqa: PLW1509  # the tests have no threads that could hold a lock
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
        for key in ("run", "started", "seconds", "work"):
            del report[key]
        for result in report["results"]:
            del result["seconds"]
        return report


@pytest.fixture
def letters(tmp_path, slowly):
    slowly.write_words(tmp_path, rows=400, longest=8)
    (tmp_path / "letters.toml").write_text(slowly.head("slow") + CHECKS)
    return Letters(tmp_path, slowly.plugin)
