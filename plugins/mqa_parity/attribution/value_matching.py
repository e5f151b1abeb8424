"""Which values of a graph are inputs and outputs of the model's modules: matched by their numbers, else by their order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_parity.attribution.module_io import ModuleIO, record_module_io
from mqa_parity.protocols import class_name
from mqa_parity.tolerance import nearest_float32

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.attribution.module_io import Tensor
    from mqa_parity.attribution.paired_run import PairedRun
    from mqa_parity.protocols import ModuleCall, ModuleGraph

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

MATCH_RATIO = 5.0  # of an error to the baseline's: up to it a value still has a tensor's numbers


@dataclass(frozen=True)
class MatchedValues:
    """For values of the graph, by name: the module call whose output each is, and PyTorch's tensors for it.

    `shapes` are the values' shapes in the graph, as far as they are known, `module_inputs` PyTorch's inputs of the
    module, and `graph_values` the graph's own numbers, as far as it was run.
    """

    calls: dict[str, ModuleCall]
    baseline: dict[str, Array]
    oracle: dict[str, Array]
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    module_inputs: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)
    io: ModuleIO | None = None
    graph_values: Arrays = field(default_factory=dict)

    def add(self, call: ModuleCall, baseline: Array, oracle: Array) -> None:
        """Match the value of a call with a tensor, unless it is matched already."""
        if call.value not in self.calls and oracle.dtype.kind == "f":
            self.calls[call.value], self.baseline[call.value], self.oracle[call.value] = call, baseline, oracle

    def move(self, value: str, call: ModuleCall | None) -> None:
        """Match the tensor of a value with the value of another call instead, or with none."""
        del self.calls[value]
        if call is not None:
            self.add(call, self.baseline[value], self.oracle[value])

    def absent_maker(self, tensor: Tensor) -> str:
        """The module without nodes in the file that gives a tensor; empty where none does."""
        return "" if self.io is None else self.io.absent_maker(tensor)

    def feeds(self) -> dict[str, Array]:
        """The oracle's tensors in float32 and in the graph's shapes, as inputs for parts of the graph."""
        return {
            name: nearest_float32(array).reshape(self.shapes.get(name, array.shape))
            for name, array in self.oracle.items()
        }


def match_values(run: PairedRun, graph: ModuleGraph) -> MatchedValues:
    """The values of a graph that are inputs and outputs of modules; a shared value is the innermost module's.

    Inputs are matched where the reference gives them, so that what stands between modules belongs to none of them. A
    module may give several tensors, and several values may leave it in the graph: equal numbers are matched first, then
    equal sizes in their order. Where an exporter folded a module into the one before it, or that into it, the value is
    the output of both.
    """
    modules = set(run.reference.baseline.module_names())
    named = [call.module for call in graph.calls() if call.module in modules]
    if not named:
        return MatchedValues({}, {}, {})
    io = record_module_io(run.reference, graph, list(dict.fromkeys(named)))
    calls = [call for call in graph.calls(io.calls) if call.call < io.calls.get(call.module, 0)]
    values = _run_graph(run, graph, calls)
    module_inputs: dict[str, list[Tensor]] = {}
    matched = MatchedValues({}, {}, {}, module_inputs=module_inputs, io=io, graph_values=values)
    for call in calls:
        for one, tensor in _match_outputs(run, call, io, values):
            matched.add(one, tensor.baseline, tensor.oracle)
            module_inputs.setdefault(one.value, [*io.inputs_of(call), *chain(*io.inputs_before(call))])
    for call in calls:
        makers = [one for one in graph.entry_calls(call) if one.value not in matched.calls]
        for one, tensor in _match_inputs(run, call, makers, io, values):
            matched.add(one, tensor.baseline, tensor.oracle)
    return replace(matched, calls=dict(sorted(matched.calls.items(), key=lambda pair: pair[1].end)))


def _run_graph(run: PairedRun, graph: ModuleGraph, calls: Sequence[ModuleCall]) -> Arrays:
    """The numbers of all values that may be matched, as the graph computes them; empty where it does not run."""
    if run.crash:
        return {}
    names = dict.fromkeys(chain.from_iterable((call.value, *call.others, *call.entries) for call in calls))
    return graph.outputs(run.batch, list(names)) if names else {}


def _match_outputs(
    run: PairedRun, call: ModuleCall, io: ModuleIO, values: Arrays
) -> Iterator[tuple[ModuleCall, Tensor]]:
    """The values that leave a call, each with a tensor of its module, or of one that was folded into it."""
    outputs, folded = io.outputs_of(call), io.outputs_after(call)
    if not values:  # the graph does not run: only its order is known
        yield from ((call, tensor) for tensor in outputs[:1])
        return
    names = [call.value, *call.others]
    in_order = dict(zip(reversed(names), outputs, strict=True)) if len(names) == len(outputs) else {}
    same = dict(_match_by_numbers(run, names, [*outputs, *folded], values, in_order))
    last = folded[-1:] if folded and folded[-1].is_normalized else []
    rest = last if last and outputs[0] not in same.values() else [one for one in outputs if one not in same.values()]
    unmatched = [one for one in reversed(names) if one not in same]
    ordered = _match_by_size(unmatched, rest, values, first=outputs[:1] + last)
    for value, tensor in (same | dict(ordered)).items():
        others = tuple(one for one in call.others if one != value and one not in same) if tensor in outputs[:1] else ()
        one = replace(call, value=value, others=others)  # type: ignore[type-var] # every call is a dataclass
        yield (one if tensor.module == call.module else _rename_call(run, one, tensor.module)), tensor


def _match_inputs(
    run: PairedRun, call: ModuleCall, makers: Sequence[ModuleCall], io: ModuleIO, values: Arrays
) -> Iterator[tuple[ModuleCall, Tensor]]:
    """The values that a call reads, each with an input of its module, or of one that was folded into it."""
    inputs, before = io.inputs_of(call), io.inputs_before(call)
    by_name = {one.value: one for one in makers}
    same = dict(_match_by_numbers(run, list(by_name), [*inputs, *chain(*before)], values))
    rest = [one for one in (before[-1] if before else inputs) if one not in same.values()]
    unmatched = [one for one in by_name if one not in same]
    ordered = _match_by_size(unmatched, rest, values, first=()) if len(unmatched) == 1 else ()
    yield from ((by_name[value], tensor) for value, tensor in (same | dict(ordered)).items())


def _match_by_numbers(
    run: PairedRun,
    names: Sequence[str],
    tensors: Sequence[Tensor],
    values: Arrays,
    in_order: Mapping[str, Tensor] | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """Values with tensors of the same numbers, the nearest first, each used once.

    A tensor that several values are equally near to gets the one that `in_order` has for it: a fault can make two outputs
    of a module equal.
    """
    expected = in_order or {}
    near = [
        (run.similarity_ratio(values[name], one.baseline, one.oracle), tensor, expected.get(name) is not one, value)
        for value, name in enumerate(names)
        for tensor, one in enumerate(tensors)
        if name in values and values[name].size == one.oracle.size
    ]
    used: tuple[set[int], set[int]] = (set(), set())
    for ratio, tensor, _, value in sorted(near):
        if ratio <= MATCH_RATIO and tensor not in used[0] and value not in used[1]:
            used[0].add(tensor)
            used[1].add(value)
            yield names[value], tensors[tensor]


def _match_by_size(
    names: Sequence[str], tensors: Sequence[Tensor], values: Arrays, first: Sequence[Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """Values and tensors of each size in their order, where there are as many of both.

    Otherwise a module's `first` tensor is its last value, since earlier ones may not be outputs.
    """
    for size in dict.fromkeys(tensor.oracle.size for tensor in tensors):
        ours = [tensor for tensor in tensors if tensor.oracle.size == size]
        theirs = [name for name in names if not values or (name in values and values[name].size == size)]
        if len(ours) == len(theirs):
            yield from zip(theirs, ours, strict=True)
        elif theirs:
            yield from ((theirs[-1], one) for one in ours[:1] if one in first)


def _rename_call(run: PairedRun, call: ModuleCall, module: str) -> ModuleCall:
    """The call under the name of a module that was folded into it."""
    name = class_name(run.reference.baseline, module)
    return replace(call, module=module, class_name=name)  # type: ignore[type-var] # every call is a dataclass
