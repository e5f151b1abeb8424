"""How long suites take to predict their rows, beside the floor: the same distinct rows through the same model, and nothing else.

    python -m tests.benchmarks.suites [SUITE.toml ...] [--rounds N]

All shipped suites by default; one whose extra is not installed is passed over. **mqa** reads, perturbs, encodes, runs,
decodes and stores every row anew, in a store of its own. The **floor** encodes the distinct examples, takes them apart once
where they are run in parts, and runs what came out, sorted by cost, in batches of the best of its own sizes. Loading and
exporting models counts for neither. Both take turns, and the median ratio is given with the smallest and the largest.
Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from mqa_registry.contributions import Streaming
from mqa_registry.errors import MqaError
from mqa_registry.execution.inference.batch_runs import run_rows
from mqa_registry.execution.inference.encoding import Encoder, row_cost
from mqa_registry.execution.inference.session import BackendSession
from mqa_registry.runs import RunOptions
from tests.benchmarks.ours import read_predictions
from tests.benchmarks.ours import seconds as predict_anew
from tests.benchmarks.predict import SUITES, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.contributions import Codec
    from mqa_registry.contributions.task import Encoded
    from mqa_registry.execution.inference.encoding import Encoding, Encodings
    from mqa_registry.types import Example

BATCH_SIZES = (256, 128, 64, 32, 16, 4, 1)  # in this order, until one takes more than twice as long as the best


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
    options = RunOptions(store=folder, allow_code=True)  # of the shipped models, whose code is here
    plan = read_predictions(path, options)
    with recording() as recorded:
        predict_anew(plan, folder, options)
    sizes: dict[str, Sequence[int]] = dict.fromkeys(recorded.rows, BATCH_SIZES)
    ours, floor = [], []
    with ExitStack() as stack:
        for session in recorded.sessions.values():
            session.open(stack)
        for _ in range(rounds):
            ours.append(predict_anew(plan, folder, options))
            seconds = {name: time_floor(recorded, name, sizes[name]) for name in sizes}
            best = {name: min(times, key=lambda size: times[size]) for name, times in seconds.items()}
            sizes = {name: [size] for name, size in best.items()}
            floor.append(time_encoding(recorded) + sum(seconds[name][size] for name, size in best.items()))
    return (
        f"{len(recorded.examples):,} distinct examples on {len(sizes)} backends; floor {statistics.median(floor):.1f} s "
        f"in batches of {', '.join(str(size) for [size] in sizes.values())}; "
        f"mqa / floor {spread(ours, floor)}"
    )


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
    """Seconds to encode the examples, and to split them where they are run in parts: the model takes no whole rows then."""
    codec = next(iter(recorded.sessions.values())).codec
    begin = time.perf_counter()
    for start in range(0, len(recorded.examples), 256):
        rows = codec.encode(recorded.examples[start : start + 256])
        for row in rows if has_parts(codec) else ():
            codec.split(row)
    return time.perf_counter() - begin


def time_floor(recorded: Recorded, name: str, sizes: Sequence[int]) -> dict[int, float]:
    """Seconds to run the rows of a backend in batches of each of these sizes, up to the first that is far from the best."""
    session, seconds = recorded.sessions[name], {}
    codec, rows = session.codec, recorded.rows[name]
    if has_parts(codec):
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
        if seconds[size] > 2 * min(seconds.values()):
            break
    return seconds


def has_parts(codec: Codec) -> bool:
    """Whether rows are run in parts, which go into batches of their own. Chunks are taken while they are run."""
    return codec.splits and not isinstance(codec.run_mode, Streaming)


if __name__ == "__main__":
    main()
