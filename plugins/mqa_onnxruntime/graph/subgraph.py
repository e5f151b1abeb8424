"""Graphs made of a graph: with other outputs, with injected inputs, or a subgraph that runs by itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.graph.protobuf import (
    PRECISIONS,
    ElementType,
    copy_message,
    named_tensors,
    read_names,
    subgraphs,
    value_types,
)
from mqa_onnxruntime.runtime_errors import first_line
from mqa_onnxruntime.session.execution import run_session
from mqa_onnxruntime.weights.quantized_weights import find_quantized_weights
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from mqa_onnxruntime.session.factory import SessionFactory
    from mqa_onnxruntime.weights.quantized_weights import QuantizedWeight

    Array = npt.NDArray[Any]

OUTPUT, INPUT = "taken/", "given/"  # put before the name of a value that is an output, or an injected input
WIDE = frozenset({ElementType.FLOAT, ElementType.DOUBLE})
NARROW = {kind: name for kind, name in PRECISIONS.items() if kind not in WIDE}
# Operators that compute with integers of few bits; the last two are prefixes of several.
QUANTIZED = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinear", "MatMulNBits")
MAX_SHAPE_SIZE = 16  # numbers in the largest tensor that is taken for a shape
MAX_LENGTH = 1e6
INVERSE_RTOL = 1e-6  # what rounding to float32 leaves of an inverse


def with_outputs(model: Any, values: Sequence[str]) -> Any:
    """A copy of a model whose outputs are these values as float32, under their names behind `OUTPUT`."""
    copy = copy_message(model)  # its types and shapes stay: some optimizers look at them
    _replace_outputs(copy.graph, values)
    return copy


def with_injected_inputs(model: Any, values: Sequence[str]) -> Any:
    """A copy whose outputs are these values, each computed from all the others as they are injected from outside.

    So every value shows the error of the nodes between it and the values before it, and of nothing else.
    """
    from onnx import helper

    copy = copy_message(model)
    del copy.graph.value_info[:]  # what is injected may have other shapes
    types, injected = value_types(model), frozenset(values)
    for node in copy.graph.node:
        _read_injected(node, injected)
    casts = [
        helper.make_node("Cast", [injected_name(name)], [INPUT + name], to=types.get(name, 0) or int(ElementType.FLOAT))
        for name in values
    ]
    nodes = [*casts, *copy.graph.node]
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    inputs = [helper.make_tensor_value_info(injected_name(name), int(ElementType.FLOAT), None) for name in values]
    copy.graph.input.extend(inputs)
    _replace_outputs(copy.graph, values)
    return copy


def injected_name(value: str) -> str:
    """The name of the input that a value is injected by."""
    return f"{INPUT}{value}/outside"


def extract_subgraph(model: Any, given: Collection[str], value: str) -> Any:
    """The smallest model that computes one value of those given and of the graph's inputs, all under their own names."""
    from onnx import helper

    nodes, names = _nodes_behind(model.graph, given, value)
    declared = {one.name: one for one in model.graph.value_info}
    inputs = [one for one in model.graph.input if one.name in names]
    computed = {name for node in nodes for name in node.output}  # by nodes that make others too, and so stay
    inputs += [_with_free_axes(declared, name) for name in sorted(names & set(given) - computed)]
    weights = [tensor for tensor in model.graph.initializer if tensor.name in names]
    output = next((one for one in model.graph.output if one.name == value), None) or _with_free_axes(declared, value)
    graph = helper.make_graph(nodes, "subgraph", inputs, [output], weights)
    return helper.make_model(
        graph, ir_version=model.ir_version, opset_imports=model.opset_import, functions=model.functions
    )


def values_read(model: Any, given: Collection[str], value: str) -> set[str]:
    """The given values that the smallest subgraph which computes a value reads."""
    return _nodes_behind(model.graph, given, value)[1] & set(given) - {value}


@dataclass(frozen=True)
class Subgraph:
    """A part of a model as a model. `inputs` are the names of the values that it reads, `node_names` those of its nodes."""

    model: Any
    source: SessionFactory

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(value.name for value in self.model.graph.input)

    @property
    def output(self) -> str:
        return str(self.model.graph.output[0].name)

    @property
    def node_names(self) -> tuple[str, ...]:
        return tuple(node.name or node.op_type for node in self.model.graph.node)

    @cached_property
    def weights(self) -> Mapping[str, Array]:
        """Its initializers and constants that hold floating-point numbers, or integers that stand for such."""
        from onnx import numpy_helper

        tensors = [(name, one) for name, one in named_tensors(self.model) if len(one.dims)]
        return {name: numpy_helper.to_array(tensor) for name, tensor in tensors if tensor.data_type in PRECISIONS}

    def precisions(self) -> tuple[str, ...]:
        """The types narrower than float32 that it computes in, and its operators on quantized numbers."""
        found = [NARROW[one.data_type] for one in self.model.graph.initializer if one.data_type in NARROW]
        found += [NARROW[to] for node in self.model.graph.node if (to := _cast_type(node)) in NARROW]
        found += [node.op_type for node in self.model.graph.node if node.op_type.startswith(QUANTIZED)]
        return tuple(dict.fromkeys(found))

    def candidate_lengths(self) -> tuple[int, ...]:
        """The numbers in it that may be a length: integers of small tensors, and those by whose inverse it multiplies.

        Then the sizes of its tensors along every axis, such as that of a table of positions.
        """
        from onnx import numpy_helper

        arrays = [numpy_helper.to_array(tensor) for _, tensor in named_tensors(self.model)]
        small = [array for array in arrays if array.size <= MAX_SHAPE_SIZE]
        integers = [int(one) for array in small if array.dtype.kind in "iu" for one in array.flat]
        scalars = [float(one) for array in small if array.dtype.kind == "f" and array.size == 1 for one in array.flat]
        sizes = [size for array in arrays for size in array.shape]
        return tuple(dict.fromkeys(one for one in (*integers, *_near_integers(scalars), *sizes) if one > 1))

    def dequantized_weights(self) -> Mapping[str, tuple[Array, Array]]:
        """Its 8-bit weights as the numbers that they stand for, and the step from one representable number to the next."""
        return {name: (one.dequantize(), one.step) for name, one in self._quantized_weights.items()}

    def requantize(self, name: str, numbers: Array) -> Mapping[str, Array]:
        """The initializers that store other numbers in the place of such a weight."""
        return self._quantized_weights[name].requantize(name, numbers)

    @cached_property
    def _quantized_weights(self) -> Mapping[str, QuantizedWeight]:
        return dict(find_quantized_weights(self.model.graph))

    def run(
        self, feeds: Mapping[str, Array], *, weights: Mapping[str, Array] | None = None, optimization: str = "disabled"
    ) -> Array:
        """Its output as float32, computed by ONNX Runtime, with other weights where they are given."""
        model = self._with_weights(weights) if weights else self.model
        session = self.source.open(graph=model.SerializeToString(), optimization=optimization)
        return np.asarray(run_session(session, [self.output], self._typed(feeds))[0], np.float32)

    def evaluate_reference(self, feeds: Mapping[str, Array]) -> Array:
        """Its output as float32, computed by ONNX's reference evaluator; a NotRunError where that lacks an operator."""
        from onnx.reference import ReferenceEvaluator

        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                (found,) = ReferenceEvaluator(self.model).run(None, dict(self._typed(feeds)))
        except Exception as error:
            raise NotRunError(f"ONNX's reference evaluator cannot compute it: {first_line(error)}") from error
        return np.asarray(found, np.float32)

    def without_nodes(self, start: str, end: str) -> Subgraph:
        """The same in which the value `end` is the value `start`: the nodes between the two are left out."""
        from onnx import helper

        copy = copy_message(self.model)
        node = next(node for node in copy.graph.node if end in node.output)
        node.CopyFrom(helper.make_node("Identity", [start], [end], name=f"{end}/bypassed"))
        return replace(self, model=copy)

    def save(self, path: Path) -> None:
        """Write it as one file, weights included."""
        path.write_bytes(self.model.SerializeToString())

    def _typed(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """The feeds in the types of its inputs: arrays of narrower types come as float32."""
        from onnx import helper

        types = {value.name: value.type.tensor_type.elem_type for value in self.model.graph.input}
        return {name: np.asarray(feeds[name], helper.tensor_dtype_to_np_dtype(types[name])) for name in self.inputs}

    def _with_weights(self, weights: Mapping[str, Array]) -> Any:
        from onnx import numpy_helper

        copy = copy_message(self.model)
        for name, tensor in named_tensors(copy):
            if name in weights:
                tensor.CopyFrom(numpy_helper.from_array(np.asarray(weights[name], order="C"), tensor.name))
        return copy


def embed_weights(model: Any, source: SessionFactory) -> Subgraph:
    """A subgraph that holds its weights itself, read from the external data of the file it was cut out of."""
    from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            load_external_data_for_tensor(tensor, str(source.path.parent))
            tensor.data_location = tensor.DEFAULT
            del tensor.external_data[:]
    return Subgraph(model, source)


def _with_free_axes(declared: Mapping[str, Any], name: str) -> Any:
    """The value info of a value with its type and rank, and axes of any length."""
    from onnx import helper

    kind = declared[name].type.tensor_type if name in declared else None
    rank = len(kind.shape.dim) if kind is not None and kind.HasField("shape") else None
    element = (kind.elem_type if kind is not None else 0) or int(ElementType.FLOAT)
    return helper.make_tensor_value_info(name, element, None if rank is None else [None] * rank)


def _replace_outputs(graph: Any, values: Sequence[str]) -> None:
    from onnx import helper

    float32 = int(ElementType.FLOAT)
    del graph.output[:]
    graph.node.extend(helper.make_node("Cast", [name], [OUTPUT + name], to=float32) for name in values)
    graph.output.extend(helper.make_tensor_value_info(OUTPUT + name, float32, None) for name in values)


def _read_injected(node: Any, values: Collection[str]) -> None:
    """Let a node, and the subgraphs inside of it, read injected values in place of the graph's."""
    node.input[:] = [INPUT + name if name in values else name for name in node.input]
    for graph in subgraphs(node):
        for inner in graph.node:
            _read_injected(inner, values)


def _nodes_behind(graph: Any, given: Collection[str], value: str) -> tuple[list[Any], set[str]]:
    """The nodes that a value needs, in order, and the names that they read."""
    makers = {name: index for index, node in enumerate(graph.node) for name in node.output if name}
    indices, names, waiting = set[int](), set[str](), [value]
    while waiting:
        name = waiting.pop()
        if name in makers and makers[name] not in indices and (name not in given or name == value):
            indices.add(makers[name])
            read = read_names(graph.node[makers[name]])
            names.update(read)
            waiting += read
    return [graph.node[index] for index in sorted(indices)], names


def _near_integers(scalars: Iterable[float]) -> list[int]:
    """The integers that some numbers or their inverses are, as far as float32 can show."""
    scalars = list(scalars)
    candidates = [one for one in (*scalars, *(1 / one for one in scalars if one)) if 1 < abs(one) < MAX_LENGTH]
    return [round(one) for one in candidates if abs(one - round(one)) <= INVERSE_RTOL * abs(one)]


def _cast_type(node: Any) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "to"), 0)
