"""How long the judge takes, beside plain numpy; and how much memory.

    python -m tests.benchmarks.judge [--rows 100000] [--stream 10000000]

200 checks over stored rows, 150 of them proportions, 45 from confusion counts and 5 of AUROC or ECE, with 1,000
resamples; held against those 5 alone as a good script in plain numpy has them: rows sorted or binned once, drawn with
replacement, the statistic of each resample by itself. Then one proportion over many rows, by itself in a fresh process.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

import mqa_metrics
from mqa_registry import Metric, Predictions
from mqa_registry import plan as plans
from mqa_registry.judging import judge
from mqa_registry.observations import Observations, ObservedView, PerturbedRows
from mqa_registry.plan import Plan, RowSet, View
from mqa_registry.suite import Check, Expect, Suite, Use
from mqa_registry.types import Rows

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.float64]
    Ints: TypeAlias = npt.NDArray[np.int64]

CLASSES = ("bad", "good")
RESAMPLES = 1000
BINS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--stream", type=int, default=10_000_000)
    parser.add_argument("--alone", type=int, help="judge one proportion over so many rows, and nothing else")
    given = parser.parse_args()
    if given.alone:
        _stream(given.alone)
        return
    # First, since a process starts with its parent's highest mark of memory.
    command = [sys.executable, "-m", "tests.benchmarks.judge", "--alone", str(given.stream)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    chances, codes = _data(given.rows)
    plan = _plan(_checks())
    observations = _observations(chances, codes)
    took = time.process_time()
    results = judge(plan, observations)
    took = time.process_time() - took
    print(
        f"{len(results)} checks over {given.rows:,} rows: {took:.1f} s of processor time, at most {_memory():,.0f} MB"
    )
    for kind in ("proportions", "confusion", "ranked"):
        seconds = sum(result.seconds for result in results if kind in result.tags)
        print(f"  {sum(kind in result.tags for result in results):>3} {kind:<12} {seconds:6.2f} s by the clock")
    plain = time.process_time()
    for seed in range(3):
        plain_auroc(np.random.default_rng(seed), chances, codes)
    for seed in range(2):
        plain_ece(np.random.default_rng(seed), chances, codes)
    plain = time.process_time() - plain
    print(f"5 of AUROC or ECE in plain numpy: {plain:.1f} s; the judge takes {took / plain:.2f} times that")


def plain_auroc(rng: np.random.Generator, chances: Floats, codes: Ints) -> Floats:
    """1,000 resampled areas, from rows that are sorted once; no two scores are the same."""
    right = codes[np.argsort(chances)] == 1
    areas = np.empty(RESAMPLES)
    for place in range(RESAMPLES):
        counts = np.bincount(rng.integers(len(codes), size=len(codes)), minlength=len(codes))
        hits, misses = counts * right, counts * ~right
        areas[place] = hits @ np.cumsum(misses) / (hits.sum() * misses.sum())
    return areas


def plain_ece(rng: np.random.Generator, chances: Floats, codes: Ints) -> Floats:
    """1,000 resampled calibration errors."""
    confidence, answers = np.maximum(chances, 1 - chances), chances > 0.5
    bins = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1).astype(np.int64)
    surplus = (answers == codes) - confidence
    errors = np.empty(RESAMPLES)
    for place in range(RESAMPLES):
        drawn = rng.integers(len(codes), size=len(codes))
        errors[place] = np.abs(np.bincount(bins[drawn], weights=surplus[drawn], minlength=BINS)).sum() / len(codes)
    return errors


def _data(rows: int) -> tuple[Floats, Ints]:
    rng = np.random.default_rng(0)
    codes = rng.integers(2, size=rows)
    return 1 / (1 + np.exp(-rng.normal(size=rows) - 2.5 * (codes - 0.5))), codes


def _checks() -> list[Check]:
    """150 proportions, 45 numbers from confusion counts, 5 that need every row."""
    shares = ["accuracy", "recall", "precision", "selection-rate", "true-positive-rate", "false-positive-rate"]
    counts = ["f1", "balanced-accuracy", "mcc"]
    ranked = ["auroc", "ece", "auroc", "ece", "auroc"]
    bounds = [0.5 + step / 100 for step in range(25)]
    checks = [_check(name, bound, "proportions") for bound in bounds for name in shares]
    checks += [_check(name, bound, "confusion") for bound in bounds[:15] for name in counts]
    return checks + [_check(name, bound, "ranked") for name, bound in zip(ranked, bounds, strict=False)]


def _check(name: str, bound: float, tag: str) -> Check:
    metric = next(one for one in mqa_metrics.mqa_metrics() if one.name == name)
    assert isinstance(metric, Metric)
    expect = {"value": Expect(max=bound) if name in {"ece", "false-positive-rate"} else Expect(min=bound)}
    use = Use(f"metrics/{name}", metric)
    return Check(f"{name} {bound} {tag}", measure=use, expect=expect, data="rows", on=("one",), tags=(tag,))


def _plan(checks: list[Check]) -> Plan:
    backend: Any = Use("replay/file", metric_of_nothing())
    suite = Suite(
        name="benchmark",
        path=Path("benchmark.toml"),
        digest="",
        seed=0,
        confidence=0.95,
        model=None,
        data={},
        backends={"one": backend},
        checks=tuple(checks),
    )
    return plans.make(suite)


def metric_of_nothing() -> Metric:
    """A stand-in: the judge never asks a backend for anything."""
    return Metric("nothing", lambda predictions, targets: 0.0, schemas=())


def _observations(chances: Floats, codes: Ints) -> Observations:
    ids = pa.chunked_array([pa.array(np.arange(len(codes))).cast(pa.string())])
    names = pa.array(CLASSES)
    rows = Rows(pa.table({"id": ids, "target": names.take(pa.array(codes))}), ())
    pairs = pa.FixedSizeListArray.from_arrays(pa.array(np.stack([1 - chances, chances], axis=1).ravel()), 2)
    answers = names.take(pa.array((chances > 0.5).astype(np.int64)))
    table = pa.table({"id": ids, "label": answers, "probability": pairs.cast(pa.list_(pa.float64()))})
    observed = ObservedView(PerturbedRows(rows), Predictions("label", table, CLASSES))
    return Observations({"rows": rows}, {View("one", RowSet("rows")): observed})


def _stream(rows: int) -> None:
    """One proportion over many rows; the stored rows are made a little at a time, as they would be read."""
    rng = np.random.default_rng(0)
    names = pa.array(CLASSES)
    ids, answers, truths = [], [], []
    for start in range(0, rows, 1_000_000):
        size = min(1_000_000, rows - start)
        codes = rng.integers(2, size=size)
        ids.append(pa.array(np.arange(start, start + size)).cast(pa.string()))
        truths.append(names.take(pa.array(codes)))
        answers.append(names.take(pa.array(np.where(rng.random(size) < 0.9, codes, 1 - codes))))
    columns = (pa.chunked_array(parts) for parts in (ids, truths, answers))
    names_, targets, labels = columns
    data = Rows(pa.table({"id": names_, "target": targets}), ())
    predictions = Predictions("label", pa.table({"id": names_, "label": labels}), CLASSES)
    observations = Observations(
        {"rows": data}, {View("one", RowSet("rows")): ObservedView(PerturbedRows(data), predictions)}
    )
    at_hand = _memory()
    took = time.process_time()
    (result,) = judge(_plan([_check("accuracy", 0.5, "proportions")]), observations)
    took = time.process_time() - took
    print(
        f"one proportion over {rows:,} rows: {took:.1f} s of processor time, at most {_memory():,.0f} MB, of which the rows {at_hand:,.0f} MB"
    )
    assert result.numbers["value"].rows == rows


def _memory() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
