"""Runs killed at random moments, one after the other in one store, cost no number and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from mqa_registry.errors import ExitCode

CHECKS = '[[check]]\nmeasure = "metrics/log-loss"\nexpect = { max = 0.9 }\n'
VERDICTS = (ExitCode.OK, ExitCode.FAILED, ExitCode.INCONCLUSIVE)
LONGEST = 4.0  # seconds that a run is left alone at most


@pytest.fixture
def command(tmp_path, slowly, monkeypatch):
    """Starts a run of 300 rows, some seconds long."""
    slowly.write_words(tmp_path, rows=300, longest=8)
    (tmp_path / "suite.toml").write_text(slowly.head("slow") + CHECKS)
    monkeypatch.setenv("LETTERS_LOG", os.devnull)
    line = [sys.executable, "-m", "mqa_registry.cli", "run", "suite.toml", "--plugin", str(slowly.plugin), "-q"]
    return lambda *rest: subprocess.Popen(
        [*line, *rest], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def ended(process: subprocess.Popen[bytes]) -> int:
    process.communicate(timeout=120)
    return process.returncode


def numbers(report: bytes) -> list[dict[str, object]]:
    return [result["numbers"] for result in json.loads(report)["results"]]


@pytest.mark.slow
@pytest.mark.trials(50)
def test_killed_runs(fuzz, command, tmp_path):
    assert ended(command("--json", "whole.json", "--store", "other")) in VERDICTS
    for trial in range(fuzz.trials):
        rng = np.random.default_rng([fuzz.seed, trial])
        began = time.perf_counter()
        process = command("--json", "report.json")
        time.sleep(float(rng.uniform(0, LONGEST)))
        process.send_signal(signal.SIGKILL if rng.random() < 0.8 else signal.SIGINT)
        code = ended(process)
        assert code in (*VERDICTS, -signal.SIGKILL, -signal.SIGINT, ExitCode.INTERRUPTED)
        if (tmp_path / "report.json").exists():
            assert numbers((tmp_path / "report.json").read_bytes()) == numbers((tmp_path / "whole.json").read_bytes())
        fuzz.count("ended before" if code in VERDICTS else "killed", began)
    assert ended(command("--json", "report.json")) in VERDICTS
    assert numbers((tmp_path / "report.json").read_bytes()) == numbers((tmp_path / "whole.json").read_bytes())
    runs = [path.name for path in (tmp_path / ".mqa" / "runs").iterdir() if not path.name.startswith(".")]
    assert len(runs) <= 20
