"""ONNX's protobuf messages: element types, and walks over the nodes, tensors and values of a model."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class ElementType(IntEnum):
    """`TensorProto.DataType`, readable without loading the onnx package."""

    UNDEFINED = 0
    FLOAT = 1
    UINT8 = 2
    INT8 = 3
    INT32 = 6
    INT64 = 7
    BOOL = 9
    FLOAT16 = 10
    DOUBLE = 11
    BFLOAT16 = 16
    UINT4 = 21
    INT4 = 22


PRECISIONS: dict[int, str] = {
    ElementType.FLOAT: "float32",
    ElementType.FLOAT16: "float16",
    ElementType.BFLOAT16: "bfloat16",
    ElementType.DOUBLE: "float64",
    ElementType.UINT8: "uint8",
    ElementType.INT8: "int8",
    ElementType.UINT4: "uint4",
    ElementType.INT4: "int4",
}
FLOATS = frozenset({ElementType.FLOAT, ElementType.FLOAT16, ElementType.BFLOAT16, ElementType.DOUBLE})
FLOATS_OR_UNDEFINED = FLOATS | {ElementType.UNDEFINED}  # a graph need not declare the type of a value


def type_name(number: int) -> str:
    """The name of an element type, such as `float32` or `int64`."""
    from onnx import TensorProto

    return PRECISIONS.get(number) or str(TensorProto.DataType.Name(number)).lower()


def messages(message: Any) -> Iterator[Any]:
    """A protobuf message and every message inside of it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for part in (value,) if hasattr(value, "ListFields") else value:
                yield from messages(part)


def all_nodes(model: Any) -> list[Any]:
    """Every node of a model, those in subgraphs and functions included."""
    return [message for message in messages(model) if message.DESCRIPTOR.name == "NodeProto"]


def subgraphs(node: Any) -> Iterator[Any]:
    """The graphs that are attributes of a node, as of `If` and `Loop`."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def named_tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """The initializers and `Constant` tensors of a model, by the names of their values."""
    for message in messages(model):
        if message.DESCRIPTOR.name == "GraphProto":
            yield from ((tensor.name, tensor) for tensor in message.initializer)
        elif message.DESCRIPTOR.name == "NodeProto" and message.op_type == "Constant":
            yield from ((message.output[0], one.t) for one in message.attribute if one.HasField("t"))


def read_names(node: Any) -> list[str]:
    """The values that a node reads, those that its subgraphs read included."""
    inner = (name for graph in subgraphs(node) for one in graph.node for name in read_names(one))
    return [*node.input, *inner]


def copy_message(message: Any) -> Any:
    """A deep copy of a protobuf message."""
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def rename_values(graph: Any, names: Mapping[str, str]) -> None:
    """Rename values of a graph, in its subgraphs too; `names` maps old names to new ones."""
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(name, name) for name in values]
        for inner in subgraphs(node):
            rename_values(inner, names)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = names.get(value.name, value.name)


def value_types(model: Any) -> dict[str, int]:
    """The element types that a graph declares for its values, by the names of these."""
    values = (*model.graph.value_info, *model.graph.output)
    return {value.name: value.type.tensor_type.elem_type for value in values}


def with_inferred_types(model: Any) -> Any:
    """The model with the types of its values declared, as far as ONNX can infer them."""
    from onnx.shape_inference import infer_shapes

    types = value_types(model)
    if all(types.get(name) for node in model.graph.node for name in node.output if name):
        return model
    try:
        return infer_shapes(model)
    except Exception:  # a graph that contradicts itself, or is too large, stays as it is
        return model


def shape_of(value: Any) -> tuple[int | str | None, ...]:
    """The shape of an input or output: a dynamic axis is its name, or None where it has none."""
    axes = value.type.tensor_type.shape.dim
    return tuple(axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None for axis in axes)
