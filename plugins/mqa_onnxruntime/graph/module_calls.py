"""The calls of PyTorch modules in a graph: the nodes and values of each, and nodes without provenance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph.protobuf import FLOATS_OR_UNDEFINED, read_names, value_types
from mqa_onnxruntime.graph.provenance import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_onnxruntime.graph.provenance import NodeProvenance


@dataclass(frozen=True)
class ModuleCall:
    """One call of a module: its nodes by their indices in the graph, and the value that is its output.

    `entries` are the floating-point values that it reads from other nodes, in the graph's order. `others` are the other
    floating-point values that leave it, the last first: a module may give several.
    """

    module: str
    call: int
    class_name: str
    source: str
    node_indices: tuple[int, ...]
    value: str
    entries: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        """The index of the last node, by which calls are ordered."""
        return self.node_indices[-1]


@dataclass(frozen=True)
class InsertedNodes:
    """A chain of nodes that no exporter recorded the provenance of: from one value to another, by name with operator.

    `before` is the innermost module that makes the first value, `after` the one that reads the last; empty where that is
    none, as for an input or an output of the graph.
    """

    nodes: tuple[tuple[str, str], ...]
    start: str
    end: str
    before: str
    after: str


class ModuleIndex:
    """The nodes and values of a graph by the modules that they belong to."""

    def __init__(self, model: Any, provenance: Sequence[NodeProvenance]) -> None:
        self.nodes = model.graph.node
        self.provenance = provenance
        self.outputs = {value.name for value in model.graph.output}
        self.types = value_types(model)
        self.readers: dict[str, list[int]] = defaultdict(list)
        self.modules: dict[str, list[int]] = defaultdict(list)
        self.makers = {name: index for index, node in enumerate(self.nodes) for name in node.output if name}
        for index, node in enumerate(self.nodes):
            for name in read_names(node):
                self.readers[name].append(index)
            for module in provenance[index].modules:
                self.modules[module].append(index)

    def calls(self, counts: Mapping[str, int] | None = None) -> tuple[ModuleCall, ...]:
        """Every call of every module that left a value in the graph, in its order, inner modules before outer ones.

        `counts` is the number of calls of each module, where it is known. A module whose calls cannot be separated is left
        out, and so is one without a value, such as a dropout.
        """
        calls = [call for module in self.modules for call in self._calls_of(module, (counts or {}).get(module, 0))]
        return tuple(sorted(calls, key=lambda call: (call.end, -call.module.count("."), -len(call.module))))

    def entry_calls(self, call: ModuleCall) -> tuple[ModuleCall, ...]:
        """The nodes that make the entries of a call, each as a call of the innermost module around it."""
        entries = [entry for entry in call.entries if self.provenance[self.makers[entry]].modules]
        return tuple(self._node_as_call(self.makers[entry], entry, call.call) for entry in entries)

    def _node_as_call(self, index: int, value: str, call: int) -> ModuleCall:
        provenance = self.provenance[index]
        module = provenance.modules[-1]
        return ModuleCall(module, call, provenance.class_name(module), provenance.source, (index,), value)

    def _calls_of(self, module: str, count: int) -> list[ModuleCall]:
        runs = self._runs(module, count)
        calls = [self._call(module, number, run) for number, run in enumerate(runs)]
        found = [call for call in calls if call is not None]
        return found if len(found) == len(runs) else []

    def _runs(self, module: str, count: int) -> list[list[int]]:
        """The nodes of each call; none where there are not `count` of them. 0 is an unknown number of calls."""
        indices = self.modules[module]
        if count == 1:
            return [indices]
        runs = _split(indices, [self._submodule(module, index) for index in indices])
        if count:
            return runs if len(runs) == count else []
        return runs if self._has_same_operators(runs) else [indices]

    def _has_same_operators(self, runs: list[list[int]]) -> bool:
        """Whether runs look like calls of one module, rather than one call with something else in between."""
        return len(runs) > 1 and self._operators(runs[-1]) == self._operators(runs[-2])

    def _operators(self, run: list[int]) -> list[str]:
        return [self.nodes[index].op_type for index in run]

    def _submodule(self, module: str, index: int) -> str:
        """The module directly inside of a module that a node is part of; empty where it is the module's own node."""
        modules = self.provenance[index].modules
        depth = modules.index(module) + 1
        return modules[depth] if depth < len(modules) else ""

    def _call(self, module: str, number: int, run: list[int]) -> ModuleCall | None:
        values = self._leaving(run)
        if not values:
            return None
        own = [self.provenance[index] for index in run if self.provenance[index].modules[-1] == module]
        last = (own or [self.provenance[index] for index in run] or [UNKNOWN])[-1]
        entries = self._entries(run)
        return ModuleCall(
            module, number, last.class_name(module), last.source, tuple(run), values[0], entries, values[1:]
        )

    def _entries(self, run: list[int]) -> tuple[str, ...]:
        inside = {name for index in run for name in self.nodes[index].output}
        read = {name for index in run for name in read_names(self.nodes[index])}
        entries = [name for name in read - inside if name in self.makers and self._is_float(name)]
        return tuple(sorted(entries, key=lambda name: (self.makers[name], name)))

    def _leaving(self, run: list[int]) -> tuple[str, ...]:
        """The floating-point values that leave the nodes of a call, the last first."""
        inside = set(run)
        computed = [str(name) for index in reversed(run) for name in self.nodes[index].output[:1]]
        return tuple(name for name in computed if self._is_float(name) and self._leaves(name, inside))

    def _is_float(self, name: str) -> bool:
        return self.types.get(name, 0) in FLOATS_OR_UNDEFINED

    def _leaves(self, name: str, inside: set[int]) -> bool:
        return name in self.outputs or any(index not in inside for index in self.readers[name])


def find_inserted_nodes(index: ModuleIndex, model: Any) -> Iterator[InsertedNodes]:
    """The chains of nodes in a subgraph that no exporter recorded: every node by itself, then with those in front of it."""
    chains = [_chain(index, model, node) for node in model.graph.node if _is_inserted(index, node)]
    chains = [chain for chain in chains if chain]
    for chain in [*(chain[-1:] for chain in chains), *(chain for chain in chains if len(chain) > 1)]:
        start, end = _first_input(model, chain[0]), str(chain[-1].output[0])
        names = tuple((str(node.name or node.output[0]), str(node.op_type)) for node in chain)
        yield InsertedNodes(names, start, end, _making_module(index, start), _reading_module(index, end))


def _is_inserted(index: ModuleIndex, node: Any) -> bool:
    maker = index.makers.get(node.output[0])
    recorded = maker is None or index.provenance[maker].recorded
    return not recorded and node.op_type != "Constant" and len(node.output) == 1


def _chain(index: ModuleIndex, model: Any, node: Any) -> list[Any]:
    """A node and the inserted nodes before it, the first in front."""
    makers = {node.output[0]: node for node in model.graph.node}
    chain = [node] if _first_input(model, node) else []
    while chain:
        before = makers.get(_first_input(model, chain[0]))
        if before is None or not _is_inserted(index, before) or not _first_input(model, before):
            break
        chain.insert(0, before)
    return chain


def _first_input(model: Any, node: Any) -> str:
    """The first value that a node reads and that is not constant; empty where there is none."""
    constant = {tensor.name for tensor in model.graph.initializer}
    constant |= {node.output[0] for node in model.graph.node if node.op_type == "Constant"}
    return next((str(name) for name in node.input if name and name not in constant), "")


def _making_module(index: ModuleIndex, value: str) -> str:
    maker = index.makers.get(value)
    modules = index.provenance[maker].modules if maker is not None else ()
    return modules[-1] if modules else ""


def _reading_module(index: ModuleIndex, value: str) -> str:
    """The innermost module of the first node behind a value whose provenance was recorded."""
    waiting, seen = [value], set[str]()
    while waiting:
        name = waiting.pop(0)
        seen.add(name)
        for reader in index.readers.get(name, ()):
            provenance = index.provenance[reader]
            if provenance.recorded:
                return provenance.modules[-1] if provenance.modules else ""
            waiting += [one for one in index.nodes[reader].output if one not in seen]
    return ""


def _split(indices: list[int], submodules: list[str]) -> list[list[int]]:
    """Split nodes where a module begins again: at a gap if it has no submodules, else where one of them comes again."""
    if any(submodules):
        starts = _restarts(submodules)
    else:
        starts = [0, *(after for after, (one, next_) in enumerate(pairwise(indices), 1) if next_ != one + 1)]
    return [indices[start:end] for start, end in pairwise([*starts, len(indices)])]


def _restarts(submodules: list[str]) -> list[int]:
    """The positions at which a submodule comes that was left before in the same call."""
    starts, left, last = [0], set[str](), ""
    for position, submodule in enumerate(submodules):
        if not submodule:
            continue
        if submodule != last and submodule in left:
            starts.append(position)
            left = set()
        elif last and submodule != last:
            left.add(last)
        last = submodule
    return starts
