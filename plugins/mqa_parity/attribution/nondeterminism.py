"""A file or a model that does not repeat its own outputs: random numbers, unsteady kernels, statistics of the batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.attribution.paired_run import is_valid, noise_unit
from mqa_parity.attribution.result import Attribution
from mqa_parity.protocols import (
    SupportsGraph,
    SupportsHooks,
    SupportsRandomnessCheck,
    class_name,
    module_graph,
)
from mqa_parity.runners import MAX_ROUNDINGS, max_distance, max_magnitude

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.attribution.paired_run import PairedRun
    from mqa_parity.protocols import ModuleGraph, Reference

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

EPS = float(np.finfo(np.float32).eps)
MAX_NODES = 3  # in a meaning
MIN_CHANGE = 100.0  # times the baseline's error: another order of sums in another batch changes an output by a few
ROUNDED = 1e-4  # of the largest number: what float32 rounding changes a module's output by
COPIES = 4  # of a row, where there is only one
RERUNS, MIN_RERUN_ROWS = 24, 64  # of a model that draws random numbers, which may be few
MAX_UNIT = 1e-5  # of the largest number: the baseline of a random model is no measure of rounding


def attribute_to_randomness(run: PairedRun) -> Attribution | None:
    """At the nodes that draw random numbers, where two runs of the candidate differ; None where they do not."""
    again = run.with_candidate(run.candidate)
    if run.crash or again.crash:
        return None
    changes = {
        name: _measure_change(run, name, run.candidate_outputs[one], again.candidate_outputs[one])
        for one, name in run.matched(run.candidate_outputs)
        if one in again.candidate_outputs
    }
    name = max(changes, key=lambda one: changes[one], default="")
    if not name or changes[name] <= run.limit:
        return None
    reason = f"of the same rows `{name}` moves by {changes[name]:.3g} times PyTorch's noise from run to run"
    attribution = Attribution("exporter", reason, run.ratio, meaning=_describe_randomness({}))
    if not isinstance(run.candidate, SupportsGraph):
        return attribution
    return _locate_random_node(run, module_graph(run.candidate, run.reference.baseline), attribution)


def _measure_change(run: PairedRun, name: str, first: Array, second: Array) -> float:
    """How far an output changes at valid positions, in units of the baseline's error."""
    baseline, oracle = run.reference.baseline_outputs[name], run.reference.oracle_outputs[name]
    if first.shape != oracle.shape or second.shape != oracle.shape:
        return max_distance(first, second)
    valid = is_valid(oracle, run.reference.valid)
    return max_distance(first[valid], second[valid]) / noise_unit(baseline, oracle, run.reference.valid, run.precision)


def _locate_random_node(run: PairedRun, graph: ModuleGraph, attribution: Attribution) -> Attribution:
    """At the first random operator; where the graph has none, a kernel is at fault, at the first value that changes."""
    random_nodes = graph.random_nodes()
    nodes = tuple(random_nodes) or _find_first_changing_node(run, graph)
    module, class_name_, source = graph.module_of(nodes[0]) if nodes else ("", "", "")
    return replace(
        attribution,
        kind="exporter" if random_nodes else "kernel",
        module=module,
        class_name=class_name_,
        source=source,
        node_names=nodes[:1],
        meaning=_describe_randomness(random_nodes),
    )


def _find_first_changing_node(run: PairedRun, graph: ModuleGraph) -> tuple[str, ...]:
    values = graph.values()
    first, second = (graph.outputs(run.batch, values) for _ in range(2))
    limits = {name: MAX_ROUNDINGS * EPS * max_magnitude(first[name]) for name in values}
    changing = (name for name in values if max_distance(first[name], second[name]) > limits[name])
    return tuple(graph.node_of(name) for name in [next(changing, "")] if name)


def _describe_randomness(random_nodes: Mapping[str, str]) -> str:
    """The fault in words, with the random nodes and their operators."""
    names = [f"`{name}` ({operator})" for name, operator in random_nodes.items()]
    more = f" and {len(names) - MAX_NODES} more" if len(names) > MAX_NODES else ""
    why = f": random numbers are drawn by {', '.join(names[:MAX_NODES])}{more}" if names else ""
    return f"the file does not repeat its own outputs{why}"


def attribute_to_reference(run: PairedRun) -> Attribution | None:
    """The model itself, where its outputs for some rows change with the other rows, or from run to run.

    No file can agree with outputs that do not agree with each other.
    """
    half = list(range(run.rows // 2, run.rows)) if run.rows > 1 else [0] * COPIES
    if (found := _find_changed_reference(run, half, "with the other rows of its batch")) is not None:
        return found
    reference = run.reference.baseline
    if isinstance(reference, SupportsRandomnessCheck) and reference.is_stochastic(run.batch):
        repeated = [row for row in range(run.rows) for _ in range(-(-MIN_RERUN_ROWS // run.rows))]
        reruns = (_find_changed_reference(run, repeated, "from run to run") for _ in range(RERUNS))
        return next(filter(None, reruns), None)
    return None


def _find_changed_reference(run: PairedRun, rows: list[int], when: str) -> Attribution | None:
    """That the model's outputs for some rows change where only these rows are run; None where they do not."""
    reference, batch = run.reference.baseline, run.with_rows(rows).batch
    try:
        outputs = reference.run(batch)
    except Exception:  # the model may not take so few rows, or so many
        return None
    changes = {
        name: _measure_reference_change(run, name, rows, array)
        for name, array in outputs.items()
        if name in run.reference.oracle_outputs
    }
    name = max(changes, key=lambda one: changes[one], default="")
    if not name or changes[name] <= max(MIN_CHANGE, run.limit):
        return None
    module = _find_first_changing_module(reference, run.batch, batch, rows)
    meaning = f"the model does not agree with itself: its own output moves {when}"
    why = "dropout, or statistics of the batch, affect it"
    reason = f"{meaning}, of the same row `{name}` by {changes[name]:.3g} times PyTorch's noise: {why}"
    return Attribution(
        "reference", reason, changes[name], module=module, class_name=class_name(reference, module), meaning=meaning
    )


def _measure_reference_change(run: PairedRun, name: str, rows: Sequence[int], found: Array) -> float:
    """How far an output of the model changes at valid positions, in units of its error, or of `MAX_UNIT` if less."""
    baseline, oracle = run.reference.baseline_outputs[name], run.reference.oracle_outputs[name]
    if oracle.dtype.kind != "f" or not oracle.ndim or len(oracle) != run.rows or found.shape != oracle[rows].shape:
        return 0.0
    valid = is_valid(oracle, run.reference.valid)[rows]
    noise = noise_unit(baseline, oracle, run.reference.valid, run.precision)
    unit = min(noise, MAX_UNIT * max_magnitude(oracle) or np.inf)
    return max_distance(found[valid], baseline[rows][valid]) / unit


def _find_first_changing_module(reference: Reference, batch: Arrays, other: Arrays, rows: Sequence[int]) -> str:
    """The first module with equal inputs for some rows of a batch and for another batch, and other outputs."""
    if not isinstance(reference, SupportsHooks):
        return ""
    names = reference.module_names()
    (inputs, outputs), (other_inputs, other_outputs) = (
        reference.module_inputs_and_outputs(one, names) for one in (batch, other)
    )
    for name in names:
        has_equal_inputs = _calls_agree(inputs.get(name, ()), other_inputs.get(name, ()), rows)
        if has_equal_inputs and not _calls_agree(outputs.get(name, ()), other_outputs.get(name, ()), rows):
            return name
    return ""


def _calls_agree(one: Sequence[Sequence[Array]], other: Sequence[Sequence[Array]], rows: Sequence[int]) -> bool:
    pairs = ((first, second) for calls in zip(one, other, strict=False) for first, second in zip(*calls, strict=False))
    return all(_rows_agree(first, second, rows) for first, second in pairs)


def _rows_agree(one: Array, other: Array, rows: Sequence[int]) -> bool:
    """Whether some rows of an array are another array, up to rounding; true of arrays without such rows."""
    if not one.ndim or len(one) <= max(rows) or one[rows].shape != other.shape or one.dtype.kind != "f":
        return True
    return bool(max_distance(one[rows], other) <= ROUNDED * max_magnitude(one[rows]))
