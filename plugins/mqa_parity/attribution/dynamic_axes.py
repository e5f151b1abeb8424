"""Dynamic axes: sequence axes that other axes are as long as, and dimensions that a file declares dynamic and freezes."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from itertools import count, islice, product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.protocols import SupportsWeights
from mqa_parity.sample_batches import DECODER_PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.attribution.first_faulty_module import SubgraphTest
    from mqa_parity.attribution.paired_run import PairedRun
    from mqa_parity.attribution.result import Cause
    from mqa_parity.protocols import ModuleGraph, Reference, Subgraph

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    DynamicAxes: TypeAlias = Mapping[str, tuple[tuple[str, int], ...]]  # inputs and axes, by the dimension's name

NUMBER = re.compile(r"\d+")
MAX_DIGITS = 5  # of a length in an error message
MAX_LENGTH = 4096  # tried after a crash
ROWS = "rows of a batch"  # the name of the first dimension; no name in a file has spaces
MAX_TRIALS, MAX_SECONDS = 300, 10.0  # after a crash
MAX_PAIRED = 12  # lengths that are tried for two dimensions at once
FEW_TRIALS, FEW_SECONDS = 8, 0.4  # for a file that runs: most of its faults are of another kind
MAX_RUNNING_LENGTH = 512  # tried for a file that runs: longer ones take the model too long
COMBINED_BATCHES = 4  # times the largest batch: the most that runs together


def collect_weight_sizes(reference: Reference) -> frozenset[int]:
    """The lengths of all axes of a model's weights, which its layers' widths are among."""
    weights = reference.weights("").values() if isinstance(reference, SupportsWeights) else ()
    return frozenset(size for weight in weights for size in weight.shape)


def has_ambiguous_positions(batch: Arrays, mask: str) -> bool:
    """Whether a decoder is given as many positions as the mask has, which marks the encoder's padding."""
    return any(_is_like(array, batch[mask]) for name, array in batch.items() if name.startswith(DECODER_PREFIX))


def disambiguate_sequence_axis(run: PairedRun, sizes: Collection[int]) -> PairedRun:
    """The same with more or less padding, where the sequence is as long as another axis, or as one of `sizes`.

    The run itself where its length is unique, where it does not run in any other length, or where only its own length
    fails. With ambiguous positions a failure in its own length alone does not count, since padding may have caused it.
    """
    mask = run.reference.mask
    if mask not in run.batch or run.batch[mask].ndim != 2:
        return run
    found = next((other for other in _resize_uniquely(run, sizes) if _runs_on_both_sides(other)), None)
    if found is None:
        return run
    return found if found.fails or (has_ambiguous_positions(run.batch, mask) and not run.crash) else run


def _resize_uniquely(run: PairedRun, sizes: Collection[int]) -> Iterator[PairedRun]:
    """The run in the next larger and the next smaller length that no other axis has; none where its own is unique."""
    mask = run.batch[run.reference.mask]
    length, taken = mask.shape[1], {*sizes, *_list_other_lengths(run)}
    if length not in taken:
        return
    shortest = int(np.flatnonzero(mask.any(axis=0)).max(initial=0)) + 1  # beyond it all rows are padding
    larger = next(one for one in count(length) if one not in taken)
    smaller = next((one for one in range(length - 1, shortest - 1, -1) if one not in taken), None)
    batches = (resize_sequence(run.batch, run.reference.mask, one) for one in (larger, smaller) if one is not None)
    yield from map(run.with_batch, batches)


def _list_other_lengths(run: PairedRun) -> Iterator[int]:
    """The number of rows, the lengths of a decoder's inputs, and those that an output has along two axes."""
    yield run.rows
    yield from (a.shape[1] for name, a in run.batch.items() if name.startswith(DECODER_PREFIX) and a.ndim > 1)
    for shape in (array.shape[1:] for array in run.reference.baseline_outputs.values()):
        yield from (size for size in shape if shape.count(size) > 1)


def resize_sequence(batch: Arrays, mask: str, length: int) -> dict[str, Array]:
    """A batch whose sequence inputs are cut or padded to a length; the mask is 0 at what is added."""
    own = {name for name, a in batch.items() if not name.startswith(DECODER_PREFIX) and _is_like(a, batch[mask])}
    return {
        name: _resize(array, length, is_mask=name == mask) if name in own else array for name, array in batch.items()
    }


def _resize(array: Array, length: int, *, is_mask: bool) -> Array:
    """An array cut along its second axis, or padded with its last column, a mask with zeros."""
    last = np.zeros_like(array[:, -1:]) if is_mask else array[:, -1:]
    return np.concatenate([array[:, :length], np.repeat(last, max(0, length - array.shape[1]), axis=1)], axis=1)


def _is_like(array: Array, mask: Array) -> bool:
    return array.shape[:2] == mask.shape


def combine_batches(batches: Sequence[Arrays], mask: str) -> dict[str, Array] | None:
    """The rows of several batches as one, padded to one length; None where their other dimensions differ.

    At most `COMBINED_BATCHES` times as many rows as the largest batch has.
    """
    if mask in batches[0]:
        longest = max(batch[mask].shape[1] for batch in batches)
        batches = [resize_sequence(batch, mask, longest) for batch in batches]
    if len({tuple((name, array.shape[1:]) for name, array in batch.items()) for batch in batches}) > 1:
        return None
    most = COMBINED_BATCHES * max(len(next(iter(batch.values()))) for batch in batches)
    return {name: np.concatenate([batch[name] for batch in batches])[:most] for name in batches[0]}


def find_frozen_after_crash(run: PairedRun, graph: ModuleGraph) -> str:
    """The only lengths that a file runs with, where it cannot run a batch for that reason, in words; empty otherwise.

    They are found by trial: candidates are the numbers in the error and in the graph. With the right ones the file runs
    and agrees with the model, and with one more or less along the same axis it does not.
    """
    named = [int(one) for one in NUMBER.findall(run.crash) if len(one) <= MAX_DIGITS]
    axes = _find_dynamic_axes(run, graph)
    choices = _propose_lengths(run, axes, [*named, *graph.shape_constants()])
    return _describe_first_agreement(run, axes, islice(choices, MAX_TRIALS), MAX_SECONDS)


def find_frozen_rows(run: PairedRun, graph: ModuleGraph) -> str:
    """That a file that runs is right with one row alone, in words; empty where it is not."""
    axes = _find_dynamic_axes(run, graph)
    if ROWS not in axes or run.rows <= run.fixed_rows:
        return ""
    return _describe_first_agreement(run, axes, [{ROWS: run.fixed_rows}], FEW_SECONDS)


def find_frozen_lengths(run: PairedRun, graph: ModuleGraph, subgraph: Subgraph) -> str:
    """The only length that a file is right with, among the numbers in a subgraph, in words; empty if none is found."""
    axes = _find_dynamic_axes(run, graph)
    own = _read_lengths(run, axes)
    names = [name for name in axes if name != ROWS]
    lengths = [one for one in subgraph.candidate_lengths() if 1 < one <= MAX_RUNNING_LENGTH]
    choices = ({name: one} for one in lengths for name in names if one != own[name])
    return _describe_first_agreement(run, axes, islice(choices, FEW_TRIALS), FEW_SECONDS)


def prefer_frozen_dimension(graph: ModuleGraph, test: SubgraphTest, cause: Cause) -> Cause:
    """A cause; or a frozen dimension, where the cause says no more than that the exporter or a kernel is at fault."""
    if cause.kind not in {"exporter", "kernel"} or cause.faulty_nodes is not None:
        return cause
    why = find_frozen_rows(test.run, graph) or find_frozen_lengths(test.run, graph, test.subgraph)
    return replace(cause, kind="exporter", reason=why, meaning=why) if why else cause


def _describe_first_agreement(
    run: PairedRun, axes: DynamicAxes, choices: Iterable[dict[str, int]], seconds: float
) -> str:
    """The first lengths with which the file agrees with the model, and with no others near them, in words."""
    until = time.monotonic() + seconds
    for lengths in choices:
        if time.monotonic() > until:
            return ""
        if _agrees(run, axes, lengths):
            working = _read_lengths(run, axes) | lengths
            frozen = {name: one for name, one in working.items() if _is_frozen(run, axes, working, name)}
            return _describe(run, axes, frozen) if frozen else ""
    return ""


def _find_dynamic_axes(run: PairedRun, graph: ModuleGraph) -> DynamicAxes:
    """The axes of inputs that a file declares dynamic, by the dimension's name, or by the axis where it has no name.

    The first axis of every input counts the same rows, whatever its name.
    """
    axes: dict[str, list[tuple[str, int]]] = {}
    for name, shape in graph.shapes().items():
        if name in run.batch and len(shape) == run.batch[name].ndim:
            for axis, size in enumerate(shape):
                if not isinstance(size, int):
                    axes.setdefault((size or f"axis {axis}") if axis else ROWS, []).append((name, axis))
    return {label: tuple(inputs) for label, inputs in axes.items()}


def _propose_lengths(run: PairedRun, axes: DynamicAxes, likely: Sequence[int]) -> Iterator[dict[str, int]]:
    """Other lengths: of one dimension first, the likeliest first; then of two at once."""
    lengths = [one for one in dict.fromkeys(likely) if 0 < one <= MAX_LENGTH]
    own = _read_lengths(run, axes)
    yield from ({label: one} for one in lengths for label in axes if one != own[label])
    for first, second in product(axes, axes):
        if first < second:
            for one, two in product(lengths[:MAX_PAIRED], repeat=2):
                yield {first: one, second: two}


def _read_lengths(run: PairedRun, axes: DynamicAxes) -> dict[str, int]:
    return {label: int(run.batch[inputs[0][0]].shape[inputs[0][1]]) for label, inputs in axes.items()}


def _set_lengths(run: PairedRun, axes: DynamicAxes, lengths: Mapping[str, int]) -> PairedRun:
    """The run with other lengths along some axes: inputs are cut, or repeated from their start."""
    batch = dict(run.batch)
    for label, length in lengths.items():
        for name, axis in axes[label]:
            batch[name] = np.take(batch[name], np.arange(length) % batch[name].shape[axis], axis=axis)
    return run.with_batch(batch)


def _is_frozen(run: PairedRun, axes: DynamicAxes, working: Mapping[str, int], label: str) -> bool:
    """Whether a file that is right with some lengths is wrong with one more and one less of one of them.

    A length of 1 is tested for rows only: it has no neighbour below, and a table that is cut there fails with 2 as well.
    """
    length = working[label]
    if length == 1 and label != ROWS:
        return False
    near = [{**working, label: other} for other in (length + 1, length - 1) if other > 0]
    runnable = [lengths for lengths in near if _runs_on_reference(_set_lengths(run, axes, lengths))]
    return bool(runnable) and not any(_agrees(run, axes, lengths) for lengths in runnable)


def _runs_on_reference(run: PairedRun) -> bool:
    try:
        return bool(run.reference.baseline_outputs) and bool(run.reference.oracle_outputs)
    except Exception:  # the model may not take this length
        return False


def _runs_on_both_sides(run: PairedRun) -> bool:
    try:
        return _runs_on_reference(run) and not run.crash
    except Exception:  # memory may not suffice for this length
        return False


def _agrees(run: PairedRun, axes: DynamicAxes, lengths: Mapping[str, int]) -> bool:
    other = _set_lengths(run, axes, lengths)
    try:
        return not other.crash and not other.fails
    except Exception:  # the model may not take these lengths
        return False


def _describe(run: PairedRun, axes: DynamicAxes, lengths: Mapping[str, int]) -> str:
    order = sorted(lengths, key=lambda label: axes[label][0][1])
    parts = [f"{lengths[label]:,} {_describe_unit(run, *axes[label][0], lengths[label])}" for label in order]
    works = "runs" if run.crash else "is right"
    return f"the file {works} only with {' and '.join(parts)}: a dimension that it declares dynamic is frozen"


def _describe_unit(run: PairedRun, name: str, axis: int, length: int) -> str:
    array = run.batch[name]
    if axis == 0:
        return "row" if length == 1 else "rows"
    return "tokens" if array.ndim == 2 and array.dtype.kind in "iub" else f"along axis {axis} of `{name}`"
