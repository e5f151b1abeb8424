"""How long suites take to predict their rows, beside the floor: the same distinct rows through the same model, and nothing else.

    python -m tests.benchmarks.suites [SUITE.toml ...] [--rounds N]

All shipped suites by default; one whose extra is not installed is passed over. **mqa** reads, perturbs, encodes, runs,
decodes and stores every row anew, in a store of its own. The **floor** encodes the distinct examples, and runs what came out,
sorted by cost, in batches of the best of its own sizes. Loading and exporting models counts for neither. Both take turns, and the
median ratio is given with the smallest and the largest. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from mqa_registry.contributions import Streaming
from mqa_registry.errors import MqaError
from mqa_registry.execution import predict, prepare
from mqa_registry.execution.inference.batch_runs import run_rows
from mqa_registry.execution.inference.encoding import Encoder, row_cost
from mqa_registry.execution.inference.session import BackendSession
from mqa_registry.runs import RunOptions, read_plan
from mqa_registry.store import SqliteStore
from tests.benchmarks.ours import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.contributions.task import Encoded
    from mqa_registry.execution.inference.encoding import Encoding, Encodings
    from mqa_registry.plan import Plan
    from mqa_registry.types import Example

SUITES = Path(__file__).parents[2] / "suites"
BATCH_SIZES = (1, 4, 16, 32, 64, 128, 256)


@dataclass
class Recorded:
    """What a run predicted: the distinct examples, and of every backend its session and the distinct encoded rows."""

    examples: list[Example] = field(default_factory=list)
    rows: dict[str, list[Encoded]] = field(default_factory=dict)
    sessions: dict[str, BackendSession] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", type=Path, default=sorted(SUITES.glob("*.toml")))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    for path in given.suites:
        with tempfile.TemporaryDirectory() as folder:
            try:
                print(f"{path.name}: {compare(path, given.rounds, Path(folder))}", flush=True)
            except MqaError as error:
                print(f"{path.name}: {error.message}", flush=True)


def compare(path: Path, rounds: int, folder: Path) -> str:
    """One line: how many rows, the best batch sizes and the seconds of the floor, and the ratio of mqa to it."""
    plan = without_probes(read_plan(path, RunOptions(store=folder, allow_code=True)))
    with recording() as recorded:
        predict_plan(plan, folder)
    sizes: dict[str, Sequence[int]] = dict.fromkeys(recorded.rows, BATCH_SIZES)
    ours, floor = [], []
    with ExitStack() as stack:
        for session in recorded.sessions.values():
            session.open(stack)
        for _ in range(rounds):
            ours.append(predict_plan(plan, folder))
            seconds = {name: time_floor(recorded, name, sizes[name]) for name in sizes}
            best = {name: min(times, key=lambda size: times[size]) for name, times in seconds.items()}
            sizes = {name: [size] for name, size in best.items()}
            floor.append(time_encoding(recorded) + sum(seconds[name][size] for name, size in best.items()))
    ratios = [one / other for one, other in zip(ours, floor, strict=True)]
    return (
        f"{len(recorded.examples):,} distinct examples on {len(sizes)} backends; floor {statistics.median(floor):.1f} s "
        f"in batches of {', '.join(str(size) for [size] in sizes.values())}; "
        f"mqa / floor {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )


def without_probes(plan: Plan) -> Plan:
    """The plan without what probes do besides predicting rows."""
    return replace(plan, cases=tuple(case for case in plan.cases if not case.probe_requests))


def predict_plan(plan: Plan, folder: Path) -> float:
    """Seconds that mqa takes to predict a plan anew, less those in which it loads and exports models."""
    clock = Clock()
    context = RunOptions(store=folder, allow_code=True).run_context(plan.suite)
    begin = time.perf_counter()
    with closing(SqliteStore(folder)) as store:
        predict(plan, prepare(plan, context, clock), store, clock, fresh=True)
    return time.perf_counter() - begin - clock.loading


@contextmanager
def recording() -> Iterator[Recorded]:
    """Record the examples that are encoded, and the rows that are predicted, in this process meanwhile."""
    recorded = Recorded()
    encode, predict_rows = Encoder.encode, BackendSession.predict

    def record_examples(self: Encoder, examples: Mapping[bytes, Example], **options: Any) -> Iterator[Encodings]:
        recorded.examples += examples.values()
        return encode(self, examples, **options)

    def record_rows(self: BackendSession, requested: Sequence[Encoding], *more: Any, **options: Any) -> Iterator[Any]:
        recorded.sessions[self.name] = self
        recorded.rows.setdefault(self.name, []).extend(row.arrays for row in requested)
        return predict_rows(self, requested, *more, **options)

    with patch.object(Encoder, "encode", record_examples), patch.object(BackendSession, "predict", record_rows):
        yield recorded


def time_encoding(recorded: Recorded) -> float:
    """Seconds to encode the examples."""
    session = next(iter(recorded.sessions.values()))
    begin = time.perf_counter()
    for start in range(0, len(recorded.examples), 256):
        session.codec.encode(recorded.examples[start : start + 256])
    return time.perf_counter() - begin


def time_floor(recorded: Recorded, name: str, sizes: Sequence[int]) -> dict[int, float]:
    """Seconds to run the rows of a backend in batches of each of these sizes."""
    session, seconds = recorded.sessions[name], {}
    codec, rows = session.codec, recorded.rows[name]
    if codec.splits and not isinstance(codec.run_mode, Streaming):
        rows = [part for row in rows for part in codec.split(row)]
    whole = codec.run_mode is not None
    rows = sorted(rows, key=lambda row: -(row_cost(codec, row) if whole else codec.cost(row)))
    for size in sizes:
        begin = time.perf_counter()
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            if whole:  # token by token, or chunk by chunk
                run_rows(codec, session.run, batch, session.batching, size)
            else:
                session.run(codec.collate(batch))
        seconds[size] = time.perf_counter() - begin
    return seconds


if __name__ == "__main__":
    main()
