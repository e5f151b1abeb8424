"""What kept runs take: bytes on the disk after one run and after ten, and the time of `mqa runs` over 10 and 10,000.

    python -m tests.benchmarks.history [SUITE ...]

Without a suite, a made-up one of replayed predictions is run. The time is that of the processor, of whole commands.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mqa_registry.run_options import STORE
from mqa_registry.runs.archive import SEQUENCE
from mqa_registry.runs.run_folder import identify_file
from mqa_registry.store import RUNS

ROWS, RUNS_KEPT = 5_000, 10
FEW, MANY, MAX_SECONDS = 10, 10_000, 1.0
ROUNDS = 3
VERDICTS = (0, 1, 4)
CLASSES = np.array(["no", "yes"])
SUITE = """
format = 1
name = "replayed"
[data.reviews]
use = "datasets/file"
path = "reviews.parquet"
[backends.old]
use = "replay/file"
path = "old.parquet"
classes = ["no", "yes"]
[backends.new]
use = "replay/file"
path = "new.parquet"
classes = ["no", "yes"]
"""
CHECKS = """
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.5 }
[[check]]
measure = "metrics/f1"
by = { use = "fairness/column", column = "domain" }
expect = { min = 0.5 }
[[check]]
measure = "parity/agreement"
expect = { min = 0.9 }
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        for suite in given.suites or [write_suite(Path(folder))]:
            print_sizes(Path(suite), Path(folder) / Path(suite).stem)
        print_listing(Path(folder))


def print_sizes(suite: Path, store: Path) -> None:
    """Run a suite several times, and print what its store takes after the first run and after the last."""
    sizes = []
    for _ in range(RUNS_KEPT):
        call("run", str(suite), "--store", str(store), "-q", codes=VERDICTS)
        sizes.append((bytes_on_disk(store), bytes_on_disk(store / RUNS)))
    for what, before, after in zip(("store", "its runs alone"), sizes[0], sizes[-1], strict=True):
        further = (after - before) // (RUNS_KEPT - 1)
        print(f"{suite.name}, {what}: {before:,} bytes after 1 run, {after:,} after {RUNS_KEPT}: {after / before:.2f}")
        print(f"  {further:,} bytes for each further run")


def print_listing(folder: Path) -> None:
    """Print how long `mqa runs` takes over a few and over many kept runs."""
    suite = write_suite(folder)
    call("run", str(suite), "-q", codes=VERDICTS)
    seconds = {}
    for count in (FEW, MANY):
        keep_copies(suite.parent / STORE, folder / str(count), count)
        call("runs", "--store", str(folder / str(count)))
        seconds[count] = min(call("runs", "--store", str(folder / str(count))) for _ in range(ROUNDS))
    added = seconds[MANY] - seconds[FEW]
    print(
        f"`mqa runs` over {FEW} runs {seconds[FEW]:.2f} s, over {MANY:,} {added:.2f} s more (at most {MAX_SECONDS:g})"
    )


def write_suite(folder: Path) -> Path:
    """A suite about predictions that were made elsewhere."""
    rng = np.random.default_rng(7)
    ids = [f"row-{number}" for number in range(ROWS)]
    labels = rng.integers(2, size=ROWS)
    texts = [" ".join(map(str, rng.integers(1000, size=20))) for _ in range(ROWS)]
    domains = [f"domain-{number % 5}" for number in range(ROWS)]
    columns = {"id": ids, "text": texts, "label": CLASSES[labels], "domain": domains}
    pq.write_table(pa.table(columns), folder / "reviews.parquet")
    for name, share in (("old", 0.1), ("new", 0.12)):
        predicted = np.where(rng.random(ROWS) < share, 1 - labels, labels)
        scores = rng.random(ROWS) / 2 + 0.5
        pairs = [[one, 1 - one] if label == 0 else [1 - one, one] for one, label in zip(scores, predicted, strict=True)]
        pq.write_table(
            pa.table({"id": ids, "label": CLASSES[predicted], "probability": pairs}), folder / f"{name}.parquet"
        )
    (folder / "replayed.toml").write_text(SUITE + CHECKS, encoding="utf-8")
    return folder / "replayed.toml"


def keep_copies(store: Path, copies: Path, count: int) -> None:
    """Keep the run of a store again and again in another one, all files of it linked."""
    (run, *_) = (store / RUNS).iterdir()
    names = [path.name for path in run.iterdir() if path.name != SEQUENCE]
    for number in range(count):
        minute, second = divmod(number, 60)
        folder = copies / RUNS / f"20260101-{minute // 60:02}{minute % 60:02}{second:02}-{number:04x}"
        folder.mkdir(parents=True)
        (folder / SEQUENCE).write_text(str(number), encoding="utf-8")
        for name in names:
            (folder / name).hardlink_to(run / name)


def bytes_on_disk(folder: Path) -> int:
    """The bytes of all files in a folder and below, each once that has several links."""
    files = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum({identify_file(file): file.st_size for file in files}.values())


def call(*arguments: str, codes: tuple[int, ...] = (0,)) -> float:
    """Run a command of mqa; returns its processor time in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "mqa_registry", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
