"""The probe `parity/invariance`: what a row is answered must not depend on the company it is in."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import chain, cycle, islice
from typing import TYPE_CHECKING, Annotated, Any, cast

import pyarrow as pa
from annotated_types import Ge

from mqa_parity.layout import Layout, layout_of
from mqa_parity.precision import format_of, precision_of
from mqa_parity.sampling import batch_of, batched, codec_of, cut_to, sample
from mqa_parity.steady import distance, largest_of
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.sampling import Batch, Row
    from mqa_registry import Codec, Inspectable, Runner, Scene

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Record: TypeAlias = dict[str, Any]
    Answers: TypeAlias = tuple[Batch, Arrays]  # what was run, and what came of it
    Pair: TypeAlias = tuple[str, Answers, Answers]  # the kind of company, and two answers that must not differ by it

COPIES = 4  # of a row in a batch

SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("id", pa.string()),
        ("fields", pa.string()),  # its words, as JSON
        ("output", pa.string()),
        ("difference", pa.float64()),
        ("magnitude", pa.float64()),
        ("eps", pa.float64()),
    ]
)


def invariance(scene: Scene, *, rows: Annotated[int, Ge(1)] = 16) -> pa.Table:
    """How far the outputs of a row move with its batch: its size, its padding, its order, run after run, and threads.

    `rows` of the view are run, the shortest and the longest among them. `batch` holds a row among copies of itself
    against the row alone, `others` copies replaced by other rows of its length against the copies, `padding` a copy
    replaced by the longest row against the copies, `order` a batch against the same backwards, `repeat` against itself
    again, and `threads` against a run with one thread (or two), where the backend can do that. Each number is the
    largest difference on valid positions in units of eps times the output's largest value: a few are what another order
    of a sum comes to, a forgotten mask makes thousands. Outputs that hold each row against every other, as CLIP's
    logits do, are left out.
    """
    if not scene.batching.takes_batches:
        raise NotRunError(scene.batching.reason, hint="its rows have no batch to depend on")
    codec, runner = codec_of(scene), scene.view.runner
    drawn = sample(scene, rows)
    answered = [_run(runner, batch) for batch in batched(codec, drawn, runner.budget)]
    layout = _of_single_rows(layout_of(answered[:2]), answered)
    pairs = chain(_by_row(runner, codec, drawn), _by_batch(runner, codec, answered), _by_thread(runner, answered))
    eps = format_of(precision_of(runner)).eps
    records = [record | {"eps": eps} for kind, one, other in pairs for record in _moved(layout, kind, one, other)]
    return pa.Table.from_pylist(records, SCHEMA)


def _of_single_rows(layout: Layout, answered: Sequence[Answers]) -> Layout:
    """The layout without outputs in which a further axis counts the rows of a batch, whatever their number."""
    if len({len(batch) for batch, _ in answered}) == 1:
        return layout
    shapes = {name: [(len(batch), outputs[name].shape) for batch, outputs in answered] for name in layout.axes}
    crossed = {
        name
        for name, seen in shapes.items()
        if any(all(shape[axis : axis + 1] == (rows,) for rows, shape in seen) for axis in range(1, len(seen[0][1])))
    }
    return Layout({name: axes for name, axes in layout.axes.items() if name not in crossed})


def _run(runner: Runner, batch: Batch) -> Answers:
    return batch, runner.run(batch.arrays)


def _by_row(runner: Runner, codec: Codec, rows: Sequence[Row]) -> Iterator[Pair]:
    """A row alone against the row among copies of itself, and those against the same with a longer row among them."""
    longest = max(rows, key=lambda row: row.size)
    for row in rows:
        copies = _run(runner, batch_of(codec, [row] * COPIES))
        yield "batch", _run(runner, batch_of(codec, [row])), copies
        if others := _of_one_length(codec, row, rows):
            yield "others", copies, _run(runner, batch_of(codec, [others[0], row, *others[1:]]))
        if row.size < longest.size:
            yield "padding", copies, _run(runner, batch_of(codec, [row] * (COPIES - 1) + [longest]))


def _of_one_length(codec: Codec, row: Row, rows: Sequence[Row]) -> list[Row]:
    """Rows to take the places of a row's copies, with nothing padded beside it: as long, or cut to its length.

    None where there are no such; few of them come more than once.
    """
    cut = (cut_to(codec, other, row) for other in rows if other.id != row.id)
    others = list(islice((other for other in cut if other is not None), COPIES - 1))
    return list(islice(cycle(others), COPIES - 1))


def _by_batch(runner: Runner, codec: Codec, answered: Sequence[Answers]) -> Iterator[Pair]:
    for batch, outputs in answered:
        yield "repeat", (batch, outputs), _run(runner, batch)
        if len(batch) > 1:
            yield "order", (batch, outputs), _run(runner, batch_of(codec, batch.rows[::-1]))


def _by_thread(runner: Runner, answered: Sequence[Answers]) -> Iterator[Pair]:
    """Against another number of threads; nothing where the backend cannot change that."""
    if not hasattr(runner, "variant"):
        return
    number = 2 if runner.facts.get("threads") == 1 else 1
    with ExitStack() as stack:
        try:
            other = stack.enter_context(cast("Inspectable", runner).variant(threads=number))
        except NotRunError:
            return
        for batch, outputs in answered:
            yield "threads", (batch, outputs), _run(other, batch)


def _moved(layout: Layout, kind: str, one: Answers, other: Answers) -> Iterator[Record]:
    """Per row and output the largest difference between two runs; of numbers with a fraction alone."""
    for name in layout.axes:
        before = {row.id: cut(one[1][name]) for row, cut in layout.parts(name, one[0]) if row is not None}
        after = [(row, cut(other[1][name])) for row, cut in layout.parts(name, other[0]) if row is not None]
        for row, values in after:
            known = before.get(row.id)
            if known is not None and known.shape == values.shape and values.size and values.dtype.kind == "f":
                yield {
                    "kind": kind,
                    "id": row.id,
                    "fields": row.text,
                    "output": name,
                    "difference": distance(known, values),
                    "magnitude": largest_of(known),
                }
