"""Faults that are not inside a module's own nodes: nodes inserted or missing between modules, and after the last one."""

from __future__ import annotations

from dataclasses import replace
from itertools import product, takewhile
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.attribution.dynamic_axes import prefer_frozen_dimension
from mqa_parity.attribution.first_faulty_module import make_value_test
from mqa_parity.attribution.module_io import Tensor
from mqa_parity.attribution.result import Attribution, Cause
from mqa_parity.attribution.root_cause import find_cause
from mqa_parity.attribution.value_matching import MATCH_RATIO
from mqa_parity.attribution.weight_faults import get_parameters
from mqa_parity.protocols import class_name
from mqa_parity.tolerance import nearest_float32, precision_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mqa_parity.attribution.first_faulty_module import SubgraphTest
    from mqa_parity.attribution.paired_run import PairedRun
    from mqa_parity.attribution.value_matching import MatchedValues
    from mqa_parity.protocols import InsertedNodes, ModuleGraph, Reference

    Array: TypeAlias = npt.NDArray[Any]

MAX_INSERTIONS = 16  # that are tried
QUANTIZED = ("int8", "uint8", "int4", "uint4")  # quantizers insert nodes without provenance everywhere


def find_gap(graph: ModuleGraph, test: SubgraphTest, values: MatchedValues) -> Cause | None:
    """Nodes that were inserted into a subgraph, or that are missing before it; None where neither explains the error.

    The subgraph must agree without the inserted nodes, or on its module's own inputs, or on the output of a module that
    has no nodes.
    """
    if precision_name(test.run.candidate) not in QUANTIZED:
        for one in list(graph.inserted_nodes(test.subgraph))[:MAX_INSERTIONS]:
            if replace(test, subgraph=test.subgraph.without_nodes(one.start, one.end)).agrees():
                return _describe_inserted(one)
    return _find_missing_before(test, values) or _find_missing_module(graph, test)


def _describe_inserted(one: InsertedNodes) -> Cause:
    names = " and ".join(f"`{name}` ({operator})" for name, operator in one.nodes)
    are, them = ("is", "it") if len(one.nodes) == 1 else ("are", "them")
    sides = [f"`{side}`" if side else "the edge of the graph" for side in (one.before, one.after)]
    inside = one.before if one.before == one.after else ""
    where = f"inside `{inside}`" if inside else f"between {sides[0]} and {sides[1]}"
    reason = f"{names} {are} {where}, and no exporter put {them} there: without {them} the file agrees"
    return Cause("exporter", reason, module=inside, faulty_nodes=tuple(name for name, _ in one.nodes))


def _find_missing_before(test: SubgraphTest, values: MatchedValues) -> Cause | None:
    """What PyTorch does with a value before the module reads it, and the file does not."""
    for value, tensor in _propose_inputs(test, values):
        if not _replace_feed(test, value, tensor.oracle).agrees():
            continue
        if absent := values.absent_maker(tensor):
            return _describe_missing(absent, test)
        maker = values.calls[value].module
        around = _find_common_parent(test.module, maker)
        where = f"`{around}`" if around else "the model"
        what = f"what {where} makes of `{maker}` before it gives it to `{test.module}` is not in the file"
        reason = f"{what}: `{test.module}` agrees where it is given that"
        return Cause("exporter", reason, module=around, faulty_nodes=(), meaning=what)
    return None


def _propose_inputs(test: SubgraphTest, values: MatchedValues) -> Iterator[tuple[str, Tensor]]:
    """Values that a subgraph reads, each with the module's inputs of as many elements and of other numbers."""
    for value, tensor in product(test.feeds, test.module_inputs):
        if value not in values.oracle:
            continue
        current, other = values.oracle[value].ravel(), tensor.oracle.ravel()
        if other.size == current.size and not np.array_equal(other, current):
            yield value, tensor


def _find_missing_module(graph: ModuleGraph, test: SubgraphTest) -> Cause | None:
    """A module without nodes in the file on whose output, in place of one of its inputs, the subgraph agrees."""
    reference = test.run.reference
    absent = _list_absent_modules(graph, reference.baseline)
    outputs = reference.oracle.module_outputs(test.run.batch, absent) if absent else {}
    trials = (
        (name, value, array)
        for name in absent
        for array in outputs[name]
        for value, fed in test.feeds.items()
        if fed.size == array.size and fed.dtype.kind == "f"
    )
    missing = next((name for name, value, array in trials if _replace_feed(test, value, array).agrees()), "")
    return _describe_missing(missing, test) if missing else None


def _describe_missing(name: str, test: SubgraphTest) -> Cause:
    reader = f"`{test.module}`" if test.module else "what follows"
    reason = f"the file has no node of `{name}`: {reader} agrees on the output of that module in the model"
    return Cause("exporter", reason, module=name, faulty_nodes=(), meaning=f"`{name}` is missing in the file")


def _replace_feed(test: SubgraphTest, value: str, array: Array) -> SubgraphTest:
    """The same with other numbers for one of its inputs."""
    shape = test.feeds[value].shape
    return replace(test, feeds={**test.feeds, value: nearest_float32(array).reshape(shape)})


def _find_common_parent(one: str, other: str) -> str:
    """The innermost module that both modules are inside of."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    common = ".".join(pair[0] for pair in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return common.rpartition(".")[0] if common in {one, other} else common


def _list_absent_modules(graph: ModuleGraph, reference: Reference) -> list[str]:
    """The outermost modules that have weights, and no node in the file."""
    names = [name for name in reference.module_names() if not graph.nodes_inside(name)]
    absent = frozenset(names)
    return [name for name in names if name.rpartition(".")[0] not in absent and get_parameters(reference, name)]


def attribute_after_modules(run: PairedRun, graph: ModuleGraph, values: MatchedValues) -> Attribution | None:
    """The output that errs most where all modules are right: what the model itself does with their outputs.

    None where no output errs much on the oracle's outputs of the modules.
    """
    baseline, oracle = run.reference.baseline_outputs, run.reference.oracle_outputs
    tests = [
        make_value_test(run, graph, values, value, (baseline[name], oracle[name]))
        for value, name in run.matched(run.candidate_outputs)
        if value not in values.calls
    ]
    ratios = [test.ratio(test.subgraph.run(test.feeds)) for test in tests]
    largest = max(ratios, default=0.0)
    if largest <= min(MATCH_RATIO, run.limit):
        return _find_missing_after(run, values)
    test = tests[ratios.index(largest)]
    cause = find_gap(graph, test, values) or prefer_frozen_dimension(graph, test, find_cause(test))
    return Attribution(
        cause.kind,
        f"all modules agree, and what the model makes of them errs by {largest:.3g} times PyTorch's noise:"
        f" {cause.reason}",
        largest,
        module=cause.module if cause.faulty_nodes is not None else "",
        class_name="" if cause.module else class_name(run.reference.baseline, ""),
        node_names=tuple(test.subgraph.node_names) if cause.faulty_nodes is None else cause.faulty_nodes,
        weight=cause.weight,
        output_value=test.subgraph.output,
        meaning=cause.meaning,
    )


def _find_missing_after(run: PairedRun, values: MatchedValues) -> Attribution | None:
    """An output of the file that is a module's output, of which the model makes something else."""
    baseline, oracle = run.reference.baseline_outputs, run.reference.oracle_outputs
    for value, name in run.matched(run.candidate_outputs):
        if value not in values.calls or oracle[name].size != values.oracle[value].size:
            continue
        ratio = run.value_ratio(values.oracle[value], baseline[name], oracle[name])
        if ratio > MATCH_RATIO:
            module = values.calls[value].module
            absent = values.absent_maker(Tensor("", baseline[name], oracle[name]))
            what = f"what the model makes of `{module}` for `{name}` is not in the file"
            return Attribution(
                "exporter",
                f"`{absent}` is missing in the file: {what}"
                if absent
                else f"{what}: `{name}` is what `{module}` gives",
                ratio,
                module=absent,
                class_name=class_name(run.reference.baseline, absent),
                output_value=value,
                meaning=f"`{absent}` is missing in the file" if absent else what,
            )
    return None
