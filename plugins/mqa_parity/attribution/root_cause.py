"""Why a subgraph errs: its precision, a weight, an optimizer of ONNX Runtime, a kernel, or what the exporter wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_parity.attribution.batch_norm_folding import find_wrong_folded_weight
from mqa_parity.attribution.first_faulty_module import FAULT_RATIO, measure_value_ratio
from mqa_parity.attribution.result import UNDECIDED, Attribution, Cause
from mqa_parity.attribution.value_matching import match_values
from mqa_parity.attribution.weight_faults import find_weight_mismatch, find_wrong_weight
from mqa_parity.protocols import SupportsGraph, SupportsOptimizationLevels, module_graph
from mqa_parity.tolerance import precision_name
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.attribution.first_faulty_module import SubgraphTest
    from mqa_parity.attribution.paired_run import PairedRun
    from mqa_parity.attribution.value_matching import MatchedValues
    from mqa_parity.protocols import ModuleCall, ModuleGraph

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

MAX_PRECISIONS = 4  # in a reason


def find_cause(test: SubgraphTest) -> Cause:
    """The first explanation of a subgraph's error, each shown by an experiment on the subgraph."""
    return (
        find_weight_mismatch(test)
        or _find_lower_precision(test)
        or find_wrong_weight(test)
        or find_wrong_folded_weight(test)
        or _decide_exporter_or_kernel(test)
    )


def _find_lower_precision(test: SubgraphTest) -> Cause | None:
    own = precision_name(test.run.reference.baseline)
    others = [f"`{one}`" for one in test.subgraph.precisions() if one != own]
    if not others:
        return None
    return Cause("precision", f"it computes in {', '.join(others[:MAX_PRECISIONS])}, and the model in {own}")


def _decide_exporter_or_kernel(test: SubgraphTest) -> Cause:
    """The file or the runtime, by what the reference evaluator of ONNX computes for the same nodes.

    A kernel is at fault only where it errs on inputs on which the reference evaluator is right, and where that is right
    about the whole graph as well: a subgraph may be sound that was cut where the file is wrong.
    """
    try:
        evaluated = test.subgraph.evaluate_reference(test.feeds)
    except NotRunError as error:
        return Cause("exporter", f"no optimizer of ONNX Runtime makes the difference, and {error.message}")
    if test.ratio(evaluated) > test.run.limit:
        both = "for the same nodes the reference evaluator of ONNX gives what ONNX Runtime does, and PyTorch does not"
        return Cause("exporter", both)
    if test.agrees():
        return Cause(
            "exporter",
            "by itself it is right in ONNX Runtime and in the reference evaluator of ONNX, and not in the graph",
        )
    return _decide_by_whole_graph(test.run)


def _decide_by_whole_graph(run: PairedRun) -> Cause:
    """The file or the runtime, where the runtime errs on a subgraph that the reference evaluator is right about."""
    reason = "for the same nodes the reference evaluator of ONNX gives what PyTorch does, ONNX Runtime does not"
    try:
        outputs = _evaluate_graph(run)
    except NotRunError as error:
        return Cause("exporter", f"{reason}; but {error.message}", meaning=UNDECIDED)
    if run.output_ratio(outputs) <= run.limit:
        return Cause("kernel", f"{reason}, nor for the whole graph")
    return Cause("exporter", f"{reason}; but for the whole graph it gives something else than PyTorch as well")


def _evaluate_graph(run: PairedRun) -> Arrays:
    """The graph's outputs that are compared, by the reference evaluator of ONNX."""
    if not isinstance(run.candidate, SupportsGraph):
        raise NotRunError("there is no graph to evaluate")
    graph = module_graph(run.candidate, run.reference.baseline)
    feeds = graph.feed(run.batch)
    subgraphs = [graph.subgraph([], theirs) for theirs, _ in run.matched(graph.output_names())]
    return {one.output: one.evaluate_reference({name: feeds[name] for name in one.inputs}) for one in subgraphs}


def attribute_to_optimizer(run: PairedRun) -> Attribution | None:
    """The optimizer of ONNX Runtime without which the difference disappears, and the first module that it changes.

    None where the difference remains without any optimizer.
    """
    candidate = run.candidate
    if not isinstance(candidate, SupportsOptimizationLevels) or not _agrees_unoptimized(run, candidate):
        return None
    reason = f"the difference vanishes where ONNX Runtime optimizes nothing{_describe_level(run, candidate)}"
    attribution = Attribution("optimizer", reason, run.ratio)
    if not isinstance(candidate, SupportsGraph):
        return attribution
    graph = module_graph(candidate, run.reference.baseline)
    if name := _find_faulty_optimizer(run, graph):
        attribution = replace(attribution, optimizer=name, reason=f"{reason}, and where it does all but `{name}`")
    return _locate_first_module(run, graph, attribution)


def _agrees_unoptimized(run: PairedRun, candidate: SupportsOptimizationLevels) -> bool:
    try:
        with candidate.variant(optimization="disabled") as unoptimized:
            return not run.with_candidate(unoptimized).fails
    except NotRunError:
        return False


def _describe_level(run: PairedRun, candidate: SupportsOptimizationLevels) -> str:
    """The lowest level at which the difference is there, in words; empty if that is the highest."""
    for level in ("basic", "extended"):
        with candidate.variant(optimization=level) as other:
            if run.with_candidate(other).fails:
                return f", and is there from the level `{level}` on"
    return ""


def _find_faulty_optimizer(run: PairedRun, graph: ModuleGraph) -> str:
    """By bisection of the optimizers that change the graph; empty where the difference remains without all of them."""
    names = list(graph.optimizers())
    if not _agrees_without(run, graph, names):
        return ""
    while len(names) > 1:
        half = names[: len(names) // 2]
        names = half if _agrees_without(run, graph, half) else names[len(half) :]
    return names[0] if names and _agrees_without(run, graph, names) else ""


def _agrees_without(run: PairedRun, graph: ModuleGraph, optimizers: Sequence[str]) -> bool:
    return run.output_ratio(graph.run_without(run.batch, optimizers)) <= run.limit


def _locate_first_module(run: PairedRun, graph: ModuleGraph, attribution: Attribution) -> Attribution:
    """With the first module whose output is off in the optimized graph, by bisection.

    Each run asks for one more output: an output cannot be fused away, and with many of them the fault may disappear.
    """
    values = match_values(run, graph)
    calls = list(values.calls.values())
    low, high = 0, len(calls) - 1
    if not calls or not _is_off_optimized(run, graph, values, calls[high]):
        return attribution
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_off_optimized(run, graph, values, calls[middle]) else (middle + 1, high)
    call = calls[high]
    return replace(
        attribution,
        module=call.module,
        call_index=call.call,
        class_name=call.class_name,
        source=call.source,
        node_names=tuple(graph.node_names(call)),
        output_value=call.value,
    )


def _is_off_optimized(run: PairedRun, graph: ModuleGraph, values: MatchedValues, call: ModuleCall) -> bool:
    array = graph.outputs(run.batch, [call.value], "all")[call.value]
    return measure_value_ratio(run, values, call.value, array) > min(FAULT_RATIO, run.limit)
