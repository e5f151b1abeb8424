"""A graph whose nodes have no provenance, such as an optimized one: modules are known by the numbers of their outputs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.attribution.first_faulty_module import make_graph_test
from mqa_parity.attribution.result import Attribution
from mqa_parity.attribution.root_cause import find_cause
from mqa_parity.attribution.weight_faults import (
    find_different_weights,
    find_other_model,
    find_sound_weights,
    find_wrong_weight,
)
from mqa_parity.protocols import SupportsHooks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.attribution.first_faulty_module import SubgraphTest
    from mqa_parity.attribution.paired_run import PairedRun, ReferenceRun
    from mqa_parity.protocols import ModuleGraph

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

NUMBER = re.compile(r"\d+")
MAX_NEAREST = 3  # values that a module's output is injected in place of
MAX_TRIALS = 36  # runs of the graph with an injected value


@dataclass(frozen=True)
class Injection:
    """The module whose injected output makes the graph right, and the node whose output it replaces.

    `module` is the one around it where the module only passes on its input, such as a dropout: the fault is before it.
    """

    module: str
    node: str


def attribute_by_numbers(run: PairedRun, graph: ModuleGraph) -> Attribution:
    """At a weight with which the graph agrees, else at a module whose output makes it right, else at the first missing.

    The first missing module is the first whose numbers are nowhere in the graph. Modules whose likes are missing in
    every layer were fused with others, and do not count.
    """
    if (cause := find_other_model(run)) is not None:
        return Attribution(cause.kind, cause.reason, run.ratio, meaning=cause.meaning)
    modules, present = _find_present_modules(run, graph) if not run.crash else ([], set[str]())
    module = find_first_missing(modules, present)
    test = make_graph_test(run, graph)
    whole = replace(test, sound_weights=find_sound_weights(run, test.subgraph.weights))
    weight = find_different_weights(whole) or find_wrong_weight(whole)  # which usually has its parameter's name
    if weight or not module:
        cause = weight or find_cause(whole)
        owner = cause.parameter.rpartition(".")[0]
        return Attribution(
            cause.kind, cause.reason, run.ratio, module=owner, weight=cause.weight, meaning=cause.meaning
        )
    injection = find_injection(test, graph, [name for name in modules if name not in present])
    nodes = (injection.node,) if injection and injection.node else ()
    where = f"by their numbers all before `{module}` are there, and neither it nor any after"
    if injection is not None:
        module = injection.module
        where = f"with PyTorch's tensor in place of the output of node `{injection.node}`, the graph's output is right"
    cause = find_cause(replace(whole, module=module))
    reason = f"the graph does not tell its modules; {where}: {cause.reason}"
    return Attribution(
        cause.kind, reason, run.ratio, module=module, node_names=nodes, weight=cause.weight, meaning=cause.meaning
    )


def find_first_missing(modules: Sequence[str], present: Iterable[str]) -> str:
    """The first module after the last present one whose like is present in some layer; else the first after it."""
    present_names = frozenset(present)
    last = max((index for index, name in enumerate(modules) if name in present_names), default=-1)
    patterns = {NUMBER.sub("#", name) for name in present_names}
    after = modules[last + 1 :]
    return next((name for name in after if NUMBER.sub("#", name) in patterns), after[0] if after else "")


def _find_present_modules(run: PairedRun, graph: ModuleGraph) -> tuple[list[str], set[str]]:
    """The innermost modules in the order in which they finish, and those whose output is a value of the graph."""
    reference = run.reference
    modules = _select_innermost(list(reference.baseline.module_names()))
    baseline, oracle = (runner.module_outputs(run.batch, modules) for runner in (reference.baseline, reference.oracle))
    values = list(graph.outputs(run.batch, graph.values()).values())
    single = [name for name in modules if len(oracle[name]) == 1 and oracle[name][0].dtype.kind == "f"]
    return single, {name for name in single if _is_present(run, baseline[name][0], oracle[name][0], values)}


def _select_innermost(modules: Sequence[str]) -> list[str]:
    """Modules without modules inside: an outer one may give what its first inner module gave."""
    outer = {name[:index] for name in modules for index, letter in enumerate(name) if letter == "."}
    return [name for name in modules if name not in outer]


def _is_present(run: PairedRun, baseline: Array, oracle: Array, values: Sequence[Array]) -> bool:
    return any(
        run.similarity_ratio(value, baseline, oracle) <= run.limit for value in values if value.size == oracle.size
    )


def find_injection(test: SubgraphTest, graph: ModuleGraph, modules: Sequence[str]) -> Injection | None:
    """The first module, in the order in which they finish, whose injected output makes a whole graph right.

    A module whose numbers are nowhere in a graph may be wrong, or fused with the next. PyTorch's output is injected in
    place of the values nearest to it: the fault is in the first module with which the graph's output is right, or
    between it and the one before.
    """
    values = graph.outputs(test.run.batch, graph.values())
    trials = (
        (module, value, right)
        for module, right in _iterate_single_outputs(test.run.reference, modules)
        for value in _find_nearest_values(values, right)
        if value != test.subgraph.output  # which would prove nothing
    )
    for module, value, right in islice(trials, MAX_TRIALS):
        injected = right.reshape(values[value].shape).astype(values[value].dtype)
        if _agrees_with(test, graph, value, injected):
            outer = module.rpartition(".")[0]
            is_passing = _passes_input_on(test.run.reference, module)
            return Injection(outer if is_passing else module, graph.node_of(value))
    return None


def _iterate_single_outputs(run: ReferenceRun, modules: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """The output of each module that is called once."""
    outputs = run.baseline.module_outputs(run.batch, modules)
    return ((name, outputs[name][0]) for name in modules if len(outputs.get(name, ())) == 1)


def _find_nearest_values(values: Arrays, right: Array) -> list[str]:
    """The values of as many elements that are nearest to an array, by the mean distance."""
    with np.errstate(all="ignore"):
        distances = {
            name: float(np.abs(value.reshape(-1).astype(np.float64) - right.reshape(-1)).mean())
            for name, value in values.items()
            if value.size == right.size
        }
    near = sorted((name for name in distances if np.isfinite(distances[name])), key=lambda name: distances[name])
    return near[:MAX_NEAREST]


def _agrees_with(test: SubgraphTest, graph: ModuleGraph, value: str, injected: Array) -> bool:
    """Whether the graph's output is right with an injected value."""
    subgraph = graph.subgraph([value], test.subgraph.output)
    if value not in subgraph.inputs:
        return False
    feeds = {**graph.feed(test.run.batch), value: injected}
    return replace(test, subgraph=subgraph, feeds={name: feeds[name] for name in subgraph.inputs}).agrees()


def _passes_input_on(run: ReferenceRun, module: str) -> bool:
    """Whether a module's output is its first input."""
    if not isinstance(run.baseline, SupportsHooks):
        return False
    inputs, outputs = (calls[module][0] for calls in run.baseline.module_inputs_and_outputs(run.batch, [module]))
    return bool(inputs) and np.array_equal(inputs[0], outputs[0])
