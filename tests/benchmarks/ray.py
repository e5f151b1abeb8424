"""What a run costs on Ray, compared with the same run in one process, and whether it bears the death of workers.

    python -m tests.benchmarks.ray [--shards 2] [--part throughput|kills] [--kills 20] [--seed 7]

The demo model with one thread, on rows of the demo data that are repeated with a number so that no two are equal:

- throughput: rows a second, on two workers and in one process, and their ratio: what a run of three times as many shards has
  more, by the time that it takes longer, so that neither start counts;
- overhead: the time that a shard of 2,048 texts takes to a worker and back, which does nothing with it;
- kills: random workers are killed at seeded moments of runs, two in each, and every report is compared with that of `local`.
  With more in one run of few shards, a shard may lose its worker three times, and its rows are lost, as they have to be.

Ray is started once. Nothing here passes or fails, but for the comparison of reports.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mqa_ray.cluster import Cluster, ClusterOptions
from mqa_registry import RunOptions, run
from mqa_registry.execution.rows.shards import SHARD_ROWS
from mqa_registry.reports import to_json
from mqa_registry.types import Rows
from tests.benchmarks.predict import DATA, MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Report

WORKERS = 2
KILLS = 2  # of one run: a task that loses its worker a third time is given up
VARYING = ("run", "started", "seconds", "work", "options")


@dataclass(frozen=True)
class Timed:
    """The report of a run, how long the run took in seconds, and how many rows it predicted."""

    report: Report
    seconds: float
    rows: int


@dataclass(frozen=True)
class EchoJob:
    """Workers that give every task back."""

    def start(self) -> EchoJob:
        return self

    def run(self, task: Any) -> Any:
        return task


def run_suite(folder: Path, executor: str, store: str) -> Timed:
    suite = {
        "seed": 7,
        "model": {"use": "transformers/auto", "id": str(MODEL), "task": "text-classification"},
        "data": {"rows": {"use": "datasets/file", "path": str(folder / "rows.parquet")}},
        "backends": {"torch": {"use": "transformers/torch", "threads": 1}},
        "check": [
            {"measure": "metrics/accuracy", "expect": {"min": 0.5}},
            {"measure": "metrics/log-loss", "perturb": "robustness/typos", "expect": {"max": 5.0}},
        ],
        "execution": {"use": executor} | ({} if executor == "local" else {"workers": WORKERS}),
    }
    begin = time.perf_counter()
    report = run(suite, RunOptions(store=folder / store))
    assert report.work is not None  # it ran just now
    return Timed(report, time.perf_counter() - begin, report.work["torch"].predicted)


def rows_per_second(short: Timed, long: Timed) -> float:
    """The rows that a longer run predicts more, by the time that it takes longer."""
    return (long.rows - short.rows) / (long.seconds - short.seconds)


def write_rows(path: Path, count: int) -> None:
    """Rows of the demo data, each with a number."""
    table = pq.read_table(DATA, columns=["text", "label"])
    table = table.take(pa.array(np.arange(count) % len(table)))
    texts = [f"{text} {number}" for number, text in enumerate(table.column("text").to_pylist())]
    pq.write_table(pa.table({"text": texts, "label": table.column("label")}), path)


def comparable(report: Report) -> dict[str, Any]:
    """A report without what varies from run to run, or with the executor."""
    table: dict[str, Any] = {key: value for key, value in to_json(report).items() if key not in VARYING}
    for kind in ("plugins", "packages"):
        table["environment"][kind].pop("ray", None)
    for result in table["results"]:
        del result["seconds"]
    return table


def measure_overhead(path: Path) -> list[float]:
    """Milliseconds that single shards take to a worker and back."""
    table = pq.read_table(path).slice(0, SHARD_ROWS)
    rows, times = Rows(table.append_column("id", pa.array(map(str, range(len(table))))), ("text",)), []
    with Cluster().start(EchoJob(), ClusterOptions(workers=1)) as pool:
        pool.submit(rows).result()
        for _ in range(30):
            begin = time.perf_counter()
            pool.submit(rows).result()
            times.append(1000 * (time.perf_counter() - begin))
    return times


def measure_throughput(few: Path, many: Path) -> Iterator[str]:
    """Lines of figures: the overhead of a shard, and the rows a second of both executors on few shards and on many."""
    overhead = measure_overhead(few / "rows.parquet")
    yield f"overhead of a shard of {SHARD_ROWS:,} texts: {statistics.median(overhead):.1f} ms (median of 30)"
    here = [run_suite(folder, "local", "local") for folder in (few, many)]
    there = [run_suite(folder, "ray/cluster", "remote") for folder in (few, many)]
    for local, remote in zip(here, there, strict=True):
        assert comparable(remote.report) == comparable(local.report), "the report of two workers is another"
    local_speed, speed = rows_per_second(*here), rows_per_second(*there)
    yield f"local: {local_speed:,.0f} rows a second; {WORKERS} workers: {speed:,.0f}"
    yield f"throughput on {WORKERS} workers, as a share of local: {speed / local_speed:.2f}"


def kill_workers(folder: Path, kills: int, seed: int) -> str:
    """A line: how many workers were killed in how many runs, each of which has the report of `local`."""
    local, undisturbed = run_suite(folder, "local", "local"), run_suite(folder, "ray/cluster", "remote")
    killed, runs = 0, 0
    while killed < kills:
        with killing(min(KILLS, kills - killed), seed + runs, undisturbed.seconds) as dead:
            bothered = run_suite(folder, "ray/cluster", f"killed-{runs}")
        assert comparable(bothered.report) == comparable(local.report), "the report after workers died is another"
        killed, runs = killed + len(dead), runs + 1
    return f"{killed} workers were killed in {runs} runs: the same report"


@contextmanager
def killing(count: int, seed: int, span: float) -> Iterator[list[int]]:
    """Kill random workers of this process's Ray, so many within some seconds; yields the processes that were killed."""
    rng, killed, end = np.random.default_rng(seed), [], threading.Event()
    pauses = np.diff(np.sort(np.concatenate([[0.0], rng.random(count)]))) * span

    def kill() -> None:
        for pause in pauses:
            if end.wait(pause):
                return
            while not (workers := find_workers()) and not end.wait(0.1):
                pass
            if workers:
                killed.append(workers[int(rng.integers(len(workers)))])
                os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        end.set()
        thread.join()


def find_workers() -> list[int]:
    """The processes of workers that a Ray started by this process has."""
    parents: dict[int, tuple[int, str]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1]), command
        except OSError:  # it has ended
            continue
    ours = {process for process, (parent, _) in parents.items() if parent == os.getpid()}
    return sorted(
        process
        for process, (parent, command) in parents.items()
        if parent in ours and command.startswith("ray::RayWorker")
    )


def main() -> None:
    import ray

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--shards", type=int, default=WORKERS, help="of the short runs; the long ones have three times as many"
    )
    parser.add_argument("--part", choices=("throughput", "kills"), help="measure this part alone")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    ray.init(
        address="local",
        num_cpus=WORKERS,
        include_dashboard=False,
        object_store_memory=200 * 2**20,
        log_to_driver=False,
        configure_logging=False,
        logging_level="critical",
    )
    with tempfile.TemporaryDirectory() as name:
        few, many = Path(name) / "few", Path(name) / "many"
        for folder, shards in ((few, given.shards), (many, 3 * given.shards)):
            folder.mkdir()
            write_rows(folder / "rows.parquet", shards * SHARD_ROWS)
        if given.part != "kills":
            print("\n".join(measure_throughput(few, many)), flush=True)
        if given.part != "throughput":
            print(kill_workers(few, given.kills, given.seed))
    ray.shutdown()


if __name__ == "__main__":
    main()
