"""The probe `parity/invariance`: a row's outputs must not depend on the batch that it runs in."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import chain, cycle, islice
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from annotated_types import Ge

from mqa_parity.examples import read_floats, select_worst_rows
from mqa_parity.protocols import SupportsThreads
from mqa_parity.runners import max_distance, max_magnitude
from mqa_parity.sample_batches import OutputLayout, collate, cut_to_length, infer_layout, make_batches
from mqa_parity.sampling import require_codec, sample_rows
from mqa_parity.tolerance import output_precision, precision_name
from mqa_registry import Evidence, NotRunError, Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.sample_batches import Batch, Row
    from mqa_registry import Codec, ProbeContext, Runner

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Run: TypeAlias = tuple[Batch, Arrays]  # a batch and its outputs
    RunPair: TypeAlias = tuple[str, Run, Run]  # a kind of change, and two runs whose outputs must not differ by it

COPIES = 4  # of a row in a batch
KINDS = {
    "batch": "among copies of the row",
    "others": "next to other rows of its length",
    "padding": "next to a longer row",
    "order": "in a reversed batch",
    "repeat": "when it is run again",
    "threads": "with another number of threads",
}
METRICS = ("value", *KINDS)


@dataclass(frozen=True)
class Difference:
    """The largest difference of one output of one row between two runs; `fields` are the row's texts as JSON."""

    kind: str
    id: str
    fields: str
    output: str
    difference: float
    magnitude: float
    eps: float


SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "id", "fields", "output")),
        *((name, pa.float64()) for name in ("difference", "magnitude", "eps")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class InvarianceOptions:
    """How many rows are run.

    `rows` of the view are run, the shortest and the longest among them.
    """

    rows: Annotated[int, Ge(1)] = 16


class BatchInvariance(Probe[InvarianceOptions]):
    """How far a row's outputs change with its batch: its size, padding and order, repeated runs, and threads.

    `batch` compares a row among copies of itself with the row alone, `others` copies replaced by other rows of its
    length with the copies, `padding` a copy replaced by the longest row with the copies, `order` a batch with the same
    in reverse, `repeat` a batch with itself again, and `threads` with a run on one thread (or two), where the backend
    can change that. `value` is the largest of all. Each number is the largest difference on valid positions in units of
    eps times the output's largest value. Another order of a sum makes a few; a mask that is not applied makes thousands.
    Outputs that compare each row with every other, such as CLIP's logits, are left out.
    """

    name = "invariance"
    inputs = "runner"
    outputs = METRICS
    ranges = dict.fromkeys(METRICS, (0.0, math.inf))
    text_columns = ("fields",)
    version = 3

    def columns(self, options: InvarianceOptions) -> tuple[str, ...]:
        """No columns besides the fields."""
        return ()

    def observe(self, context: ProbeContext, options: InvarianceOptions) -> pa.Table:
        """The largest difference of each output of each row in each pair of runs; NotRunError without batches."""
        if not context.batching.takes_batches:
            raise NotRunError(context.batching.reason, hint="its rows have no batch to depend on")
        codec, runner = require_codec(context), context.view.runner
        sampled = sample_rows(context, options.rows)
        runs = [_run(runner, batch) for batch in make_batches(codec, sampled, runner.budget)]
        layout = _drop_cross_row_outputs(infer_layout(runs[:2]), runs)
        eps = output_precision(precision_name(runner)).eps
        pairs = chain(
            _run_row_pairs(runner, codec, sampled),
            _run_batch_pairs(runner, codec, runs),
            _run_thread_pairs(runner, runs),
        )
        found = [asdict(one) for pair in pairs for one in _measure_differences(layout, pair, eps)]
        return pa.Table.from_pylist(found, SCHEMA)

    def numbers(self, table: pa.Table) -> dict[str, float]:
        """For each kind of change the largest difference of any output, in roundings; `value` is the largest of all.

        NaN for a kind that could not be run: rows of one length have no padding.
        """
        roundings = _count_roundings(table)
        kinds = np.array(table.column("kind").to_pylist(), dtype=str)
        largest = {kind: float(roundings[kinds == kind].max(initial=-math.inf)) for kind in KINDS}
        largest = {kind: number if number >= 0 else math.nan for kind, number in largest.items()}
        return {"value": float(np.fmax.reduce(list(largest.values()))), **largest}

    def evidence(self, table: pa.Table) -> Evidence:
        """The output that changes most by each kind of change, and the rows that change most."""
        roundings = _count_roundings(table)
        return Evidence(
            remarks=list(_describe_differences(table, roundings)),
            examples=select_worst_rows(table, roundings, ("output", "kind", "difference")),
        )


def _drop_cross_row_outputs(layout: OutputLayout, runs: Sequence[Run]) -> OutputLayout:
    """The layout without outputs that have a second axis with the batch's number of rows."""
    if len({len(batch) for batch, _ in runs}) == 1:
        return layout
    shapes = {name: [(len(batch), outputs[name].shape) for batch, outputs in runs] for name in layout.axes}
    crossed = {
        name
        for name, sizes in shapes.items()
        if any(all(shape[axis : axis + 1] == (rows,) for rows, shape in sizes) for axis in range(1, len(sizes[0][1])))
    }
    return OutputLayout({name: axes for name, axes in layout.axes.items() if name not in crossed})


def _run(runner: Runner, batch: Batch) -> Run:
    return batch, runner.run(batch.arrays)


def _run_row_pairs(runner: Runner, codec: Codec, rows: Sequence[Row]) -> Iterator[RunPair]:
    """Each row alone and among copies of itself, and those copies and the same with other rows among them."""
    longest = max(rows, key=lambda row: row.size)
    for row in rows:
        copies = _run(runner, collate(codec, [row] * COPIES))
        yield "batch", _run(runner, collate(codec, [row])), copies
        if others := _cut_other_rows(codec, row, rows):
            yield "others", copies, _run(runner, collate(codec, [others[0], row, *others[1:]]))
        if row.size < longest.size:
            yield "padding", copies, _run(runner, collate(codec, [row] * (COPIES - 1) + [longest]))


def _cut_other_rows(codec: Codec, row: Row, rows: Sequence[Row]) -> list[Row]:
    """`COPIES` - 1 other rows, cut to this one's length so that nothing is padded; fewer are repeated, none is []."""
    cut = (cut_to_length(codec, other, row) for other in rows if other.id != row.id)
    others = list(islice((other for other in cut if other is not None), COPIES - 1))
    return list(islice(cycle(others), COPIES - 1))


def _run_batch_pairs(runner: Runner, codec: Codec, runs: Sequence[Run]) -> Iterator[RunPair]:
    for batch, outputs in runs:
        yield "repeat", (batch, outputs), _run(runner, batch)
        if len(batch) > 1:
            yield "order", (batch, outputs), _run(runner, collate(codec, batch.rows[::-1]))


def _run_thread_pairs(runner: Runner, runs: Sequence[Run]) -> Iterator[RunPair]:
    """Runs with another number of threads; none where the backend cannot change it."""
    if not isinstance(runner, SupportsThreads):
        return
    threads = 2 if runner.facts.threads == 1 else 1
    with ExitStack() as stack:
        try:
            other = stack.enter_context(runner.variant(threads=threads))
        except NotRunError:
            return
        for batch, outputs in runs:
            yield "threads", (batch, outputs), _run(other, batch)


def _measure_differences(layout: OutputLayout, pair: RunPair, eps: float) -> Iterator[Difference]:
    """For each row and each floating-point output the largest difference between two runs."""
    kind, one, other = pair
    for name in layout.axes:
        before = {row.id: cut(one[1][name]) for row, cut in layout.row_slices(name, one[0]) if row is not None}
        after = [(row, cut(other[1][name])) for row, cut in layout.row_slices(name, other[0]) if row is not None]
        for row, values in after:
            first = before.get(row.id)
            if first is not None and first.shape == values.shape and values.size and values.dtype.kind == "f":
                far = max_distance(first, values)
                yield Difference(kind, row.id, row.text, name, far, max_magnitude(first), eps)


def _count_roundings(observations: pa.Table) -> Floats:
    """Each difference in units of eps times the largest value of its output."""
    names = observations.column("output")
    magnitude, eps = read_floats(observations, "magnitude"), read_floats(observations, "eps")
    roundings = read_floats(observations, "difference")
    for name in pc.unique(names).to_pylist():
        here = np.asarray(pc.equal(names, name))
        unit = (eps[here] * magnitude[here]).max()
        roundings[here] = np.where(roundings[here] > 0, roundings[here] / unit if unit else math.inf, 0.0)
    return roundings


def _describe_differences(observations: pa.Table, roundings: Floats) -> Iterator[str]:
    kinds = np.array(observations.column("kind").to_pylist(), dtype=str)
    for kind, words in KINDS.items():
        here = np.flatnonzero(kinds == kind)
        if not len(here):
            continue
        worst = int(here[roundings[here].argmax()])
        difference = read_floats(observations, "difference")[worst]
        if difference:
            name = observations.column("output")[worst].as_py()
            yield f"`{name}` moves by {difference:.2g}, {roundings[worst]:.3g} roundings, {words}"
