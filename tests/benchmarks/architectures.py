"""Whether a sound export passes, architecture by architecture: there may be no false alarm.

    python -m tests.benchmarks.architectures [--only NAME ...] [--limit SECONDS] [--sentences] [--precision float16]

Each is a tiny model of transformers' own class with random weights (`tests/benchmarks/tiny.py`), exported and compared
with itself by `parity/tensors` as a release would be, in a separate process. Rows are arrays of one size, padded
and masked; with `--sentences` models of text alone are tried, on sentences of their own lengths, and the export has to
take any length. `--precision` has the export in 16 bits, which the converter does not manage for each of them. The
command ends with 1 where one FAILs, or fewer than 22 pass of all of them in float32.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mqa_registry import MqaError, runs
from mqa_registry.errors import ExitCode
from mqa_registry.runs import RunOptions
from mqa_registry.suite import suite_of_tables
from tests.benchmarks.tiny import MODELS, Tiny, write_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.reports import Report

ROOT = Path(__file__).parents[2]
MIN_PASSED = 22  # that pass, of all
PRECISIONS = ("float32", "float16", "bfloat16")
LIMIT = 300.0  # seconds for one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=MODELS, metavar="NAME", help="these alone")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds that one may take")
    parser.add_argument("--sentences", action="store_true", help="models of text, on rows of different lengths")
    parser.add_argument("--precision", choices=PRECISIONS, default=PRECISIONS[0], help="of the export")
    parser.add_argument("--in-process", choices=MODELS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        print(
            json.dumps(
                compare_export(MODELS[options.in_process], sentences=options.sentences, precision=options.precision)
            )
        )
        return
    names = options.only or [name for name, model in MODELS.items() if model.reads_text or not options.sentences]
    print(f"{'architecture':14}{'exporter':14}{'verdict':14}{'ratio':>7}{'seconds':>9}  note")
    flags = ["--sentences"] * options.sentences + ["--precision", options.precision]
    verdicts = [print_row(name, options.limit, flags) for name in names]
    passed = verdicts.count("PASS")
    print(f"\n{passed} of {len(verdicts)} pass, {verdicts.count('FAIL')} fail")
    few = len(names) == len(MODELS) and passed < MIN_PASSED and options.precision == PRECISIONS[0]
    sys.exit("FAIL" in verdicts or few)


def print_row(name: str, limit: float, flags: Sequence[str] = ()) -> str:
    """Print one line of the table; returns the verdict."""
    began = time.perf_counter()
    found = compare_in_subprocess(name, limit, flags)
    seconds = time.perf_counter() - began
    ratio = "" if found["ratio"] is None else f"{found['ratio']:.2f}"
    line = f"{name:14}{found['exporter']:14}{found['verdict']:14}{ratio:>7}{seconds:9.1f}  {found['note']}"
    print(line.rstrip(), flush=True)
    return str(found["verdict"])


def compare_in_subprocess(name: str, limit: float = LIMIT, flags: Sequence[str] = ()) -> dict[str, Any]:
    """The summary of one, from a separate process."""
    command = [sys.executable, "-P", "-m", "tests.benchmarks.architectures", "--in-process", name, *flags]
    path = os.pathsep.join([*sys.path, str(ROOT)])  # what is installed comes first
    environment = os.environ | {"PYTHONPATH": path}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return _make_failure("ERROR", f"not done after {limit:g} s")
    if done.returncode:
        return _make_failure("ERROR", (done.stderr.strip().splitlines() or ["no message"])[-1])
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare_export(model: Tiny, *, sentences: bool, precision: str = PRECISIONS[0]) -> dict[str, Any]:
    """Make a model, export it, and summarize how the export compares with it."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        model.save(home / "model")
        rows = {"use": "datasets/sentences"} if sentences else {"use": "datasets/arrays", "path": "rows.npz"}
        if sentences:
            write_tokenizer(home / "model")
        else:
            model.write(home / "rows.npz")
        try:
            tables = suite(rows, precision)
            report = runs.finalize(
                runs.execute(suite_of_tables("suite.toml", tables, home), RunOptions(device="cpu", offline=True))
            )
        except MqaError as error:
            return _make_failure("NOT-RUN" if error.exit_code == ExitCode.NOT_TRUSTWORTHY else "ERROR", error.message)
    return summarize(report)


def suite(rows: dict[str, Any], precision: str) -> dict[str, Any]:
    """The suite of the model in the folder `model` and some rows, its export in some precision."""
    return {
        "format": 1,
        "name": "a healthy export",
        "model": {"use": "transformers/auto", "id": "./model", "task": "forward"},
        "data": {"rows": rows},
        "backends": {
            "torch": {"use": "transformers/torch"},
            "onnx": {"use": "onnxruntime/session", "precision": precision},
        },
        "check": [{"measure": "parity/tensors", "expect": {"mismatches": {"max": 0}, "ratio": {"max": 10}}}],
    }


def summarize(report: Report) -> dict[str, Any]:
    """The row of the table for a report; the note says why, where that is needed."""
    (result,) = report.results
    facts = report.environment["backends"].get("onnx", {}).get("facts", {})
    ratio = result.numbers.get("ratio")
    remarks = () if result.verdict == "PASS" else result.evidence.remarks
    return {
        "exporter": facts.get("exporter", ""),
        "verdict": str(result.verdict),
        "ratio": ratio and ratio.estimate,
        "note": "; ".join(filter(None, (result.note, *remarks))),
    }


def _make_failure(verdict: str, note: str) -> dict[str, Any]:
    return {"exporter": "", "verdict": verdict, "ratio": None, "note": note}


if __name__ == "__main__":
    main()
