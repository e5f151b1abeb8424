"""How the time and the memory of a run grow with its rows: replayed predictions, judged by the real command.

    python -m tests.benchmarks.scale [--rows 10000 100000 ...] [--probabilities] [--text] [--shuffled] [--repeat 1]

A suite asks for accuracy, macro F1, and accuracy by a column, of parquet files on the disk. For each number of rows it
prints the seconds that a run takes of the processor, microseconds per row, how many times those at 100,000 rows that is, the most anonymous memory
(`RssAnon`, sampled) and the most memory with the pages of files in it (`VmHWM`). A file's pages that are mapped count in
the second alone: the system takes them back when it needs them.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
BASE_ROWS = 100_000  # to which times per row are compared
BLOCK_ROWS = 1_000_000  # made at a time
ACCURACY = 0.9
CLASSES = np.array(["negative", "positive"])
GROUPS = np.array(["books", "films", "games", "music", "travel"])
WORDS = np.array(["a", "calm", "film", "that", "nobody", "should", "miss", "or", "watch", "again"])
TEXT_WORDS = 8
VERDICTS = (0, 1, 4)
POLL_SECONDS = 0.02
SUITE = """
format = 1
name = "scale"
[data.reviews]
use = "datasets/file"
path = "reviews.parquet"
[backends.service]
use = "replay/file"
path = "predictions.parquet"
[[check]]
measure = "metrics/accuracy"
expect = { min = 0.5 }
[[check]]
measure = { use = "metrics/f1", average = "macro" }
expect = { min = 0.5 }
[[check]]
measure = "metrics/accuracy"
by = { use = "fairness/column", column = "domain" }
expect = { min = 0.5 }
"""


@dataclass(frozen=True)
class Layout:
    """What the files have besides ids and labels, and whether predictions are in another order than the rows."""

    probabilities: bool
    text: bool
    shuffled: bool


@dataclass(frozen=True)
class Usage:
    """What one run took: seconds of the processor and by the clock, and the most memory in MB, anonymous and in all."""

    seconds: float
    clock: float
    anonymous: float
    resident: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--probabilities", action="store_true", help="predictions have a probability for each class")
    parser.add_argument("--text", action="store_true", help="rows have a text")
    parser.add_argument("--shuffled", action="store_true", help="predictions are in another order than the rows")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each size, of which the quickest counts")
    given = parser.parse_args()
    layout = Layout(given.probabilities, given.text, given.shuffled)
    usages = {}
    for rows in given.rows:
        with TemporaryDirectory() as name:
            suite = write_suite(Path(name), rows, layout)
            runs = [measure_run(suite) for _ in range(given.repeat)]
        usages[rows] = min(runs, key=lambda usage: usage.seconds)
        base = usages.get(BASE_ROWS)
        print(describe(rows, usages[rows], base.seconds / BASE_ROWS if base else None), flush=True)


def describe(rows: int, usage: Usage, base: float | None) -> str:
    """One line; `base` are the seconds per row that others are compared to."""
    each = usage.seconds / rows
    ratio = f"{each / base:6.2f} x" if base else " " * 8
    return (
        f"{rows:>11,} rows {usage.seconds:8.2f} s ({usage.clock:.2f} by the clock) {1e6 * each:8.2f} us/row {ratio}"
        f" {usage.anonymous:7,.0f} MB anonymous {usage.resident:7,.0f} MB resident"
    )


def write_suite(folder: Path, rows: int, layout: Layout) -> Path:
    """A suite, its rows and their predictions; the files are made a block at a time, from one seed."""
    rng = np.random.default_rng(7)
    row_files = (folder / "reviews.parquet", folder / "predictions.parquet")
    writers: list[pq.ParquetWriter] = []
    for start in range(0, rows, BLOCK_ROWS):
        tables = make_block(rng, start, min(BLOCK_ROWS, rows - start), layout)
        writers = writers or [pq.ParquetWriter(path, one.schema) for path, one in zip(row_files, tables, strict=True)]
        for writer, table in zip(writers, tables, strict=True):
            writer.write_table(table)
    for writer in writers:
        writer.close()
    path = folder / "scale.toml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def make_block(rng: np.random.Generator, start: int, size: int, layout: Layout) -> tuple[pa.Table, pa.Table]:
    """Some rows, and their predictions; those are shuffled within the block where the layout says so."""
    ids = pa.array([f"row-{number:08}" for number in range(start, start + size)])
    codes = rng.integers(2, size=size)
    is_right = rng.random(size) < ACCURACY
    predicted = np.where(is_right, codes, 1 - codes)
    columns = {"id": ids, "label": pa.array(CLASSES[codes]), "domain": pa.array(GROUPS[rng.integers(5, size=size)])}
    if layout.text:
        words = WORDS[rng.integers(len(WORDS), size=(size, TEXT_WORDS))]
        columns["text"] = pa.array([" ".join(one) for one in words.tolist()])
    predictions = {"id": ids, "label": pa.array(CLASSES[predicted])}
    if layout.probabilities:
        highest = rng.random(size) / 2 + 0.5
        for code, name in enumerate(CLASSES.tolist()):
            predictions[name] = pa.array(np.where(predicted == code, highest, 1 - highest))
    table = pa.table(predictions)
    return pa.table(columns), table.take(rng.permutation(size)) if layout.shuffled else table


def measure_run(suite: Path) -> Usage:
    """Run a suite with a new store in a child process, and watch its memory."""
    with TemporaryDirectory(dir=suite.parent) as store, (suite.parent / "output.txt").open("w+b") as output:
        started, processor = time.perf_counter(), processor_seconds()
        command = [sys.executable, "-m", "mqa_registry", "run", str(suite), "--store", store, "-q"]
        child = subprocess.Popen(command, stdout=output, stderr=output)
        anonymous = resident = 0.0
        while child.poll() is None:
            memory = read_memory(child.pid)
            anonymous, resident = max(anonymous, memory.get("RssAnon", 0.0)), max(resident, memory.get("VmHWM", 0.0))
            time.sleep(POLL_SECONDS)
        clock = time.perf_counter() - started
        if child.returncode not in VERDICTS:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} ended with {child.returncode}: {output.read().decode()}")
    return Usage(processor_seconds() - processor, clock, anonymous, resident)


def processor_seconds() -> float:
    """The seconds of the processor that the children which ended took."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read_memory(process: int) -> dict[str, float]:
    """The memory of a process and of those that it started, by kind, in MB: a command runs in a child of its watchdog."""
    total: Counter[str] = Counter()
    for one in [process, *list_children(process)]:
        with suppress(OSError):  # it has ended meanwhile
            for line in Path(f"/proc/{one}/status").read_text(encoding="ascii").splitlines():
                if line.startswith(("RssAnon", "VmHWM")):
                    name, size, _ = line.split()
                    total[name.rstrip(":")] += int(size)
    return {name: size / 1024 for name, size in total.items()}


def list_children(process: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    try:
        names = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [each for name in names for each in (int(name), *list_children(int(name)))]


if __name__ == "__main__":
    main()
