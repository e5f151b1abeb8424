"""Graphs made of a graph: with more outputs, with values given from outside, or only a piece of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.parts import read_names, value_types

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

FLOAT = 1  # float32, by its number in the ONNX standard
TAKEN = "taken/"  # what a value is called as an output
GIVEN = "given/"  # and as an input


def taken(model: Any, values: Sequence[str]) -> Any:
    """A copy of a graph whose outputs are these values, as float32."""
    copy = _copy(model)  # its types and shapes stay, for there are optimizers that look at them
    _take(copy.graph, values)
    return copy


def forced(model: Any, values: Sequence[str]) -> Any:
    """A copy whose outputs are these values, each made from all the others as they are given from outside.

    So every value shows the error of the nodes between it and the values before it, and of nothing else.
    """
    from onnx import helper

    copy = _copy(model)
    del copy.graph.value_info[:]  # what is given may have other shapes
    types, wanted = value_types(model), frozenset(values)
    for node in copy.graph.node:
        _rename(node, wanted)
    nodes = [
        helper.make_node("Cast", [_outside(name)], [GIVEN + name], to=types.get(name, 0) or FLOAT) for name in values
    ]
    nodes += copy.graph.node
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    copy.graph.input.extend(helper.make_tensor_value_info(_outside(name), FLOAT, None) for name in values)
    _take(copy.graph, values)
    return copy


def cut(model: Any, given: Collection[str], value: str) -> Any:
    """The smallest piece that makes one value of those given and of the graph's inputs, all under their own names."""
    from onnx import helper

    nodes, names = _behind(model.graph, given, value)
    known = {one.name: one for one in model.graph.value_info}
    inputs = [one for one in model.graph.input if one.name in names]
    made = {name for node in nodes for name in node.output}  # by nodes that make others too, and so stay
    inputs += [_loose(known, name) for name in sorted(names & set(given) - made)]
    weights = [tensor for tensor in model.graph.initializer if tensor.name in names]
    output = next((one for one in model.graph.output if one.name == value), None) or _loose(known, value)
    graph = helper.make_graph(nodes, "piece", inputs, [output], weights)
    return helper.make_model(
        graph, ir_version=model.ir_version, opset_imports=model.opset_import, functions=model.functions
    )


def read_by(model: Any, given: Collection[str], value: str) -> set[str]:
    """Those of the given values that the smallest piece which makes a value reads."""
    return _behind(model.graph, given, value)[1] & set(given) - {value}


def _loose(known: Mapping[str, Any], name: str) -> Any:
    """A value of its type and rank; axes of any length."""
    from onnx import helper

    kind = known[name].type.tensor_type if name in known else None
    rank = len(kind.shape.dim) if kind is not None and kind.HasField("shape") else None
    element = kind.elem_type if kind is not None else 0
    return helper.make_tensor_value_info(name, element or FLOAT, None if rank is None else [None] * rank)


def _outside(name: str) -> str:
    return f"{GIVEN}{name}/outside"


def _copy(model: Any) -> Any:
    copy = type(model)()
    copy.CopyFrom(model)
    return copy


def _take(graph: Any, values: Sequence[str]) -> None:
    from onnx import helper

    del graph.output[:]
    graph.node.extend(helper.make_node("Cast", [name], [TAKEN + name], to=FLOAT) for name in values)
    graph.output.extend(helper.make_tensor_value_info(TAKEN + name, FLOAT, None) for name in values)


def _rename(node: Any, wanted: Collection[str]) -> None:
    """Let a node, and the graphs inside of it, read given values in place of its own."""
    for place, name in enumerate(node.input):
        if name in wanted:
            node.input[place] = GIVEN + name
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for inner in graph.node:
                _rename(inner, wanted)


def _behind(graph: Any, given: Collection[str], value: str) -> tuple[list[Any], set[str]]:
    """The nodes that a value needs, in order, and the names that they read."""
    makers = {name: place for place, node in enumerate(graph.node) for name in node.output if name}
    places, names, open_ = set[int](), set[str](), [value]
    while open_:
        name = open_.pop()
        if name in makers and makers[name] not in places and (name not in given or name == value):
            places.add(makers[name])
            read = read_names(graph.node[makers[name]])
            names.update(read)
            open_ += read
    return [graph.node[place] for place in sorted(places)], names
