"""Where a difference begins: every module in the whole graph, and by itself on the oracle's inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_parity.attribution.result import ModuleRatio
from mqa_parity.attribution.value_matching import MATCH_RATIO
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.attribution.module_io import Tensor
    from mqa_parity.attribution.paired_run import PairedRun
    from mqa_parity.attribution.value_matching import MatchedValues
    from mqa_parity.protocols import ModuleCall, ModuleGraph, Subgraph

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

FAULT_RATIO = 20.0  # of a module that certainly errs by itself; sound ones were never seen above 2


@dataclass(frozen=True)
class ModuleError:
    """How far off the output of a call is: `graph_ratio` in the whole graph, `local_ratio` on the oracle's inputs."""

    call: ModuleCall
    graph_ratio: float
    local_ratio: float

    def to_record(self) -> ModuleRatio:
        return ModuleRatio(self.call.module, self.call.call, self.graph_ratio, self.local_ratio)


def measure_modules(run: PairedRun, graph: ModuleGraph, values: MatchedValues) -> list[ModuleError]:
    """Every module that both sides have, in the graph's order, from two runs of the graph as it is in the file.

    A module cannot err by itself and be right in the whole graph. Where one seems to, the graph's value for an input
    of it was matched to the wrong output of the model. It is matched to another output, or left out of `values`.
    """
    errors = _measure(run, graph, values)
    while mismatched := _find_mismatched_values(graph, errors):
        for name in mismatched:
            values.move(name, graph.with_next_output(values.calls[name]))
        errors = _measure(run, graph, values)
    return errors


def _measure(run: PairedRun, graph: ModuleGraph, values: MatchedValues) -> list[ModuleError]:
    unknown = [name for name in values.calls if name not in values.graph_values]
    inherited = {name: values.graph_values[name] for name in values.calls if name in values.graph_values}
    inherited |= graph.outputs(run.batch, unknown) if unknown else {}
    names = [name for name, array in inherited.items() if array.size == values.oracle[name].size]
    values.shapes.update({name: inherited[name].shape for name in names})
    feeds = values.feeds()
    local = graph.run_with_injected_inputs(run.batch, {name: feeds[name] for name in names}) if names else {}
    return [
        ModuleError(
            values.calls[name],
            measure_value_ratio(run, values, name, inherited[name]),
            measure_value_ratio(run, values, name, local[name]),
        )
        for name in names
    ]


def _find_mismatched_values(graph: ModuleGraph, errors: Sequence[ModuleError]) -> set[str]:
    """Values far off that are read by modules which err only if they are given PyTorch's tensor for that value."""
    names = {error.call.value for error in errors}
    far_off = {error.call.value for error in errors if error.graph_ratio > FAULT_RATIO}
    contradictory = [error for error in errors if error.local_ratio > FAULT_RATIO and error.graph_ratio <= MATCH_RATIO]
    return {name for error in contradictory for name in graph.values_read(names, error.call.value)} & far_off


def measure_value_ratio(run: PairedRun, values: MatchedValues, name: str, found: Array) -> float:
    """How far off one value is, whatever its shape in the graph."""
    return run.value_ratio(found, values.baseline[name], values.oracle[name])


def find_first_faulty(errors: Sequence[ModuleError], limit: float = MATCH_RATIO) -> ModuleError | None:
    """The first module that errs by itself, however far off those before it are; else the one that errs most, if much.

    `limit` is the largest ratio that its precision allows, where that is less than what a match allows.
    """
    first = next((error for error in errors if error.local_ratio > FAULT_RATIO), None)
    most = max(errors, key=lambda error: error.local_ratio, default=None)
    return first or (most if most is not None and most.local_ratio > min(MATCH_RATIO, limit) else None)


def list_nearby_modules(errors: Sequence[ModuleError], faulty: ModuleError | None) -> tuple[ModuleRatio, ...]:
    """The modules around the faulty one; where there is none, those that are farthest off."""
    if faulty is None:
        return tuple(error.to_record() for error in sorted(errors, key=lambda error: -error.graph_ratio)[:5])
    index = list(errors).index(faulty)
    return tuple(error.to_record() for error in errors[max(0, index - 2) : index + 3])


@dataclass(frozen=True)
class SubgraphTest:
    """A subgraph with PyTorch's inputs for it and PyTorch's tensors for its output.

    `module` is the module that it belongs to, if it is one's. `is_whole` marks the whole graph behind an output,
    `sound_weights` are known to be right, and `module_inputs` are PyTorch's inputs of the module.
    """

    run: PairedRun
    module: str
    subgraph: Subgraph
    feeds: Arrays
    baseline: Array
    oracle: Array
    is_whole: bool = False
    sound_weights: frozenset[str] = frozenset()
    module_inputs: Sequence[Tensor] = ()

    @property
    def weights(self) -> Arrays:
        """The weights that may be wrong."""
        return {name: array for name, array in self.subgraph.weights.items() if name not in self.sound_weights}

    def ratio(self, found: Array) -> float:
        """How far off an output of the subgraph is."""
        return self.run.value_ratio(found, self.baseline, self.oracle)

    def fails(self, *, weights: Arrays | None = None, optimization: str = "disabled") -> bool:
        """Whether the subgraph is off by itself, with other weights or optimized; its own errors are raised."""
        return self.ratio(self.subgraph.run(self.feeds, weights=weights, optimization=optimization)) > self.run.limit

    def agrees(self, *, weights: Arrays | None = None) -> bool:
        """Whether it runs and is right; weights, inputs or nodes that do not fit are no remedy."""
        try:
            return not self.fails(weights=weights)
        except Exception:
            return False


def make_module_test(run: PairedRun, graph: ModuleGraph, values: MatchedValues, call: ModuleCall) -> SubgraphTest:
    """The subgraph from the outputs of the modules before a call to its output."""
    test = make_value_test(run, graph, values, call.value, (values.baseline[call.value], values.oracle[call.value]))
    return replace(test, module=call.module, module_inputs=values.module_inputs.get(call.value, ()))


def make_value_test(
    run: PairedRun, graph: ModuleGraph, values: MatchedValues, value: str, expected: tuple[Array, Array]
) -> SubgraphTest:
    """The subgraph from the outputs of modules to a value; `expected` are PyTorch's baseline and oracle for it."""
    subgraph = graph.subgraph([one for one in values.calls if one != value], value)
    feeds = {**graph.feed(run.batch), **values.feeds()}
    return SubgraphTest(run, "", subgraph, {name: feeds[name] for name in subgraph.inputs}, *expected)


def make_graph_test(run: PairedRun, graph: ModuleGraph) -> SubgraphTest:
    """The whole graph behind the first output that is off; raises NotRunError where no output is one of the model's."""
    baseline, oracle = run.reference.baseline_outputs, run.reference.oracle_outputs
    matched = run.matched(graph.output_names())
    if not matched:
        raise NotRunError("no output of the graph has the name of one of the model's")
    tests = [(_make_whole_test(run, graph, theirs, (baseline[ours], oracle[ours])), theirs) for theirs, ours in matched]
    outputs = run.candidate_outputs
    failing = (test for test, name in tests if name in outputs and test.ratio(outputs[name]) > run.limit)
    return next(failing, tests[0][0])


def _make_whole_test(run: PairedRun, graph: ModuleGraph, output: str, expected: tuple[Array, Array]) -> SubgraphTest:
    subgraph, feeds = graph.subgraph([], output), graph.feed(run.batch)
    return SubgraphTest(run, "", subgraph, {name: feeds[name] for name in subgraph.inputs}, *expected, is_whole=True)
