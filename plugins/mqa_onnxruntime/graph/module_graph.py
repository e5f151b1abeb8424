"""A graph by the PyTorch modules that it came from: what each module gives, by itself or in the whole graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.graph.module_calls import ModuleIndex, find_inserted_nodes
from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.graph.protobuf import (
    FLOATS,
    ElementType,
    named_tensors,
    rename_values,
    shape_of,
    value_types,
    with_inferred_types,
)
from mqa_onnxruntime.graph.provenance import UNKNOWN, align_provenance, read_metadata, resolve_provenance
from mqa_onnxruntime.graph.random_ops import random_nodes, without_dropout
from mqa_onnxruntime.graph.subgraph import (
    MAX_SHAPE_SIZE,
    OUTPUT,
    embed_weights,
    extract_subgraph,
    injected_name,
    values_read,
    with_injected_inputs,
    with_outputs,
)
from mqa_onnxruntime.session.execution import run_session
from mqa_onnxruntime.session.interface import DEFAULT_INTERFACE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.graph.module_calls import InsertedNodes, ModuleCall
    from mqa_onnxruntime.graph.subgraph import Subgraph
    from mqa_onnxruntime.session.factory import SessionFactory
    from mqa_onnxruntime.session.interface import FileInterface

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

INTEGERS = frozenset({ElementType.INT32, ElementType.INT64})


@dataclass(frozen=True)
class ModuleGraph:
    """The graph of a runner's file as it stands in the file, not optimized by ONNX Runtime.

    Dropout in training mode is left out where ONNX Runtime would remove it. `feed` makes a session's inputs of a batch.
    A value is known by its name in the graph, an output by the name that `interface` gives it. `module_names` are the
    names of a model's modules, by which those of the graph are aligned.
    """

    source: SessionFactory
    feed: Callable[[Arrays], Arrays]
    module_names: frozenset[str] = frozenset()
    interface: FileInterface = DEFAULT_INTERFACE

    def named_by(self, modules: Collection[str]) -> ModuleGraph:
        """The same by the modules of a model, which may have been exported inside of another."""
        return replace(self, module_names=frozenset(modules))

    @cached_property
    def model(self) -> Any:
        """The graph as a `ModelProto`, its external data left where they are."""
        model = parse_model(self.source.path)
        model = model if self.source.config.optimization == "disabled" else without_dropout(model)
        return _with_output_names(with_inferred_types(model), self.interface.outputs)

    def calls(self, calls: Mapping[str, int] | None = None) -> tuple[ModuleCall, ...]:
        """Every call of every module, in the graph's order; `calls` is the number of calls of each, where known."""
        return self._index.calls(calls)

    def entry_calls(self, call: ModuleCall) -> tuple[ModuleCall, ...]:
        """The nodes that make what a call reads, where that is no module's output."""
        return self._index.entry_calls(call)

    def with_next_output(self, call: ModuleCall) -> ModuleCall | None:
        """The same call with the next of its values as its output; None where it has no other."""
        return replace(call, value=call.others[0], others=call.others[1:]) if call.others else None

    def node_names(self, call: ModuleCall) -> tuple[str, ...]:
        """The names of a call's nodes."""
        return tuple(self.model.graph.node[index].name for index in call.node_indices)

    def nodes_inside(self, module: str) -> frozenset[str]:
        """The names of all nodes that are part of a module, in any of its calls."""
        return frozenset(self.model.graph.node[index].name for index in self._index.modules.get(module, ()))

    def module_of(self, node: str) -> tuple[str, str, str]:
        """The innermost module that a node is part of, with its class and the line of its code."""
        names = [one.name for one in self.model.graph.node]
        provenance = self._index.provenance[names.index(node)] if node in names else UNKNOWN
        if not provenance.modules:
            return "", "", ""
        return provenance.modules[-1], provenance.class_name(provenance.modules[-1]), provenance.source

    def outputs(self, batch: Arrays, values: Sequence[str], optimization: str = "disabled") -> dict[str, Array]:
        """These values as the graph computes them, in one session."""
        graph = with_outputs(self.model, values).SerializeToString()
        session = self.source.open(graph=graph, optimization=optimization)
        return self._run(session, values, self.feed(batch))

    def run_with_injected_inputs(self, batch: Arrays, given: Arrays) -> dict[str, Array]:
        """Each of the given values as the graph computes it from all the others as given, in one session."""
        graph = with_injected_inputs(self.model, list(given)).SerializeToString()
        session = self.source.open(graph=graph, optimization="disabled")
        injected = {injected_name(name): np.asarray(array, np.float32) for name, array in given.items()}
        read = {node.name for node in session.get_inputs()}
        feeds = {name: array for name, array in {**self.feed(batch), **injected}.items() if name in read}
        return self._run(session, list(given), feeds)

    def subgraph(self, given: Collection[str], value: str) -> Subgraph:
        """The subgraph that computes a value of those given and of the graph's inputs."""
        return embed_weights(extract_subgraph(self.model, given, value), self.source)

    def values_read(self, given: Collection[str], value: str) -> set[str]:
        """The given values that such a subgraph reads."""
        return values_read(self.model, given, value)

    def inserted_nodes(self, subgraph: Subgraph) -> tuple[InsertedNodes, ...]:
        """The nodes in a subgraph that no exporter recorded the provenance of."""
        return tuple(find_inserted_nodes(self._index, subgraph.model))

    def optimizers(self) -> tuple[str, ...]:
        """The optimizers of ONNX Runtime that change the file's graph, in the order they do."""
        return self.source.optimizers()

    def run_without(self, batch: Arrays, optimizers: Sequence[str]) -> Arrays:
        """The graph's outputs at its optimization level, without some of the optimizers."""
        session = self.source.open(without=optimizers)
        names = [node.name for node in session.get_outputs()]
        outputs = self.interface.rows_first(names, run_session(session, names, self.feed(batch)))
        return self.interface.rename_outputs(dict(zip(names, outputs, strict=True)))

    def values(self) -> list[str]:
        """The names of every floating-point value that a node makes."""
        types = value_types(self.model)
        names = [name for node in self.model.graph.node for name in node.output if name]
        return [name for name in names if types.get(name, 0) in FLOATS]

    def node_of(self, value: str) -> str:
        """The name of the node that makes a value."""
        return next((node.name for node in self.model.graph.node if value in node.output), "")

    def random_nodes(self) -> dict[str, str]:
        """The names of the nodes that draw random numbers, with their operators."""
        return {node.name or node.output[0]: node.op_type for node in random_nodes(self.model)}

    def shapes(self) -> dict[str, tuple[int | str | None, ...]]:
        """The shapes of the graph's inputs by name; a dynamic axis is its name, or None."""
        return {value.name: shape_of(value) for value in self.model.graph.input}

    def shape_constants(self) -> tuple[int, ...]:
        """The integers in tensors small enough to be shapes, the most frequent first."""
        from onnx import numpy_helper

        folder = str(self.source.path.parent)
        counts: Counter[int] = Counter()
        for _, tensor in named_tensors(self.model):
            if tensor.data_type in INTEGERS and prod(tensor.dims) <= MAX_SHAPE_SIZE:
                counts.update({int(one) for one in numpy_helper.to_array(tensor, folder).flat})
        return tuple(number for number, _ in counts.most_common())

    def output_names(self) -> tuple[str, ...]:
        """The values that are the graph's outputs."""
        return tuple(value.name for value in self.model.graph.output)

    @cached_property
    def _index(self) -> ModuleIndex:
        provenance = resolve_provenance(self.model.graph.node, read_metadata(self.source.path))
        return ModuleIndex(self.model, align_provenance(provenance, self.module_names))

    def _run(self, session: Any, values: Sequence[str], feeds: Arrays) -> dict[str, Array]:
        arrays = run_session(session, [OUTPUT + name for name in values], feeds)
        return dict(zip(values, arrays, strict=True))


def _with_output_names(model: Any, names: Mapping[str, str]) -> Any:
    """A model whose outputs have the names that its runner gives them; a value that had such a name gets another."""
    if names:
        taken = set(names.values()) - set(names)
        rename_values(model.graph, dict(names) | {name: f"{name}/of the file" for name in taken})
    return model
