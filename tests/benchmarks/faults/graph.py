"""A file's graph as generators of faults need it: who owns a node, what reads a value, and how to put a node in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]

SCOPES = "pkg.torch.onnx.name_scopes"
WRAPPERS = "wrapped.model.", "model."  # what the wrappers of `exporting` put before the names of a model's weights
PASSING = {"Transpose", "Identity", "Reshape", "Cast", "Unsqueeze", "Squeeze"}  # between a weight and its user


@dataclass(frozen=True)
class Graph:
    """A model's file in memory, changed in place; `modules` are the names that its PyTorch model has."""

    proto: onnx.ModelProto
    modules: frozenset[str]

    @property
    def nodes(self) -> list[Any]:
        return list(self.proto.graph.node)

    def of_type(self, *types: str) -> list[Any]:
        return [node for node in self.nodes if node.op_type in types]

    def owner(self, node: Any) -> str:
        """The module that a node is part of, as the exporter wrote it down; empty for the model itself, or for none."""
        written = next((one.value for one in node.metadata_props if one.key == SCOPES), "")
        if written:
            scopes = [name for name in _names(written)[:-1] if name in self.modules]
            return scopes[-1] if scopes else ""
        parts = [part for part in node.name.split("/")[1:-1] if part]
        names = [".".join(parts[first:last]) for last in range(len(parts), 0, -1) for first in range(min(last, 4))]
        return next((name for name in names if name in self.modules), "")

    def readers(self, value: str) -> list[Any]:
        return [node for node in self.proto.graph.node if value in node.input]

    def maker(self, value: str) -> Any | None:
        return next((node for node in self.proto.graph.node if value in node.output), None)

    def weights(self, least: int = 2) -> dict[str, Array]:
        """Every initializer of floating-point numbers that has so many of them."""
        found = {one.name: numpy_helper.to_array(one) for one in self.proto.graph.initializer}
        return {name: one for name, one in found.items() if one.dtype.kind == "f" and one.size >= least}

    def owners(self, weight: str) -> tuple[str, ...]:
        """The modules that read a weight, by its name where that is a parameter's, and by the nodes that it goes to."""
        wrapper = next((one for one in WRAPPERS if weight.startswith(one)), "")
        named = next(
            (
                one
                for name in (weight.removeprefix(wrapper), weight)
                if (one := name.rpartition(".")[0]) in self.modules
            ),
            "",
        )
        users = list(self._users(weight))
        reading = tuple(self.owner(node) for node in [one for one in users if one.op_type not in PASSING] or users)
        return tuple(dict.fromkeys(([named] if named else []) + list(reading)))

    def users(self, weight: str) -> tuple[str, ...]:
        """The names of the nodes that a weight goes to."""
        return tuple(node.name for node in self._users(weight))

    def _users(self, value: str) -> Iterator[Any]:
        for node in self.readers(value):
            if node.op_type in PASSING and node.input[0] == value:
                yield from self._users(node.output[0])
            yield node

    def set_weight(self, name: str, array: Array) -> None:
        """Replace the numbers of an initializer."""
        (kept,) = (one for one in self.proto.graph.initializer if one.name == name)
        kept.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), name))

    def to_constant(self, name: str) -> None:
        """An initializer as a `Constant` node instead, as older exporters write it."""
        (kept,) = (one for one in self.proto.graph.initializer if one.name == name)
        node = helper.make_node("Constant", [], [name], name=f"Constant_of_{name}", value=kept)
        self.proto.graph.initializer.remove(kept)
        self.proto.graph.node.insert(0, node)

    def constant(self, name: str, array: Array) -> str:
        """A new initializer, under this name or, where the graph has it already, a longer one."""
        taken = {one.name for one in self.proto.graph.initializer}
        taken |= {value for one in self.proto.graph.node for value in one.output}
        while name in taken:
            name = f"{name}_"
        self.proto.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def value(self, name: str) -> Array | None:
        """The numbers of an initializer or a `Constant` node, where a value is one."""
        found = next((one for one in self.proto.graph.initializer if one.name == name), None)
        if found is not None:
            return np.asarray(numpy_helper.to_array(found))
        node = self.maker(name)
        if node is None or node.op_type != "Constant":
            return None
        return np.asarray(numpy_helper.to_array(next(one.t for one in node.attribute if one.name == "value")))

    def set_value(self, name: str, array: Array) -> None:
        """Other numbers in a `Constant` node or an initializer."""
        node = self.maker(name)
        if node is None:
            self.set_weight(name, array)
        else:
            node.ClearField("attribute")
            node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(np.asarray(array))))

    def put_after(self, value: str, nodes: Sequence[Any], *, readers: Sequence[Any] | None = None) -> None:
        """Let what reads a value read what new nodes make of it: the first has the value as its input already.

        `readers` are those that are turned to the new value, all of them if left out; an output of the graph keeps its
        name, and the value gets another.
        """
        made = nodes[-1].output[0]
        graph = self.proto.graph
        if value in {one.name for one in graph.output} and readers is None:
            inner = f"{value}_before"
            maker = self.maker(value)
            assert maker is not None
            _renamed(maker.output, value, inner)
            for node in graph.node:
                _renamed(node.input, value, inner)
            for node in nodes:
                _renamed(node.input, value, inner)
            _renamed(nodes[-1].output, made, value)
            value, made = inner, value
        else:
            for node in self.readers(value) if readers is None else readers:
                _renamed(node.input, value, made)
        at = 1 + max((index for index, node in enumerate(graph.node) if value in node.output), default=-1)
        for offset, node in enumerate(nodes):
            graph.node.insert(at + offset, node)

    def drop(self, node: Any, instead: str) -> None:
        """Take a node out; what read its output reads `instead`. An `Identity` remains where it was an output."""
        output = node.output[0]
        node.op_type = "Identity"
        node.ClearField("attribute")
        del node.input[:]
        node.input.append(instead)
        assert output == node.output[0]

    @property
    def precision(self) -> np.dtype[Any]:
        half = any(one.data_type == TensorProto.FLOAT16 for one in self.proto.graph.initializer)
        return np.dtype(np.float16 if half else np.float32)


def node(kind: str, inputs: Sequence[str], output: str, like: Any = None, **attributes: Any) -> Any:
    """A new node, named for its output; `like` another, it is part of the same module."""
    name = f"{like.name.rpartition('/')[0]}/{output}" if like is not None and "/" in like.name else output
    made = helper.make_node(kind, list(inputs), [output], name=name, **attributes)
    if like is not None:
        made.metadata_props.extend(like.metadata_props)
    return made


def attribute(node: Any, name: str) -> Any:
    """An attribute's value, None where it has none."""
    found = next((one for one in node.attribute if one.name == name), None)
    return None if found is None else helper.get_attribute_value(found)


def set_attribute(node: Any, name: str, value: Any) -> None:
    kept = [one for one in node.attribute if one.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def load(path: str, modules: frozenset[str]) -> Graph:
    return Graph(onnx.load(path), modules)


def _names(written: str) -> list[str]:
    """The scopes of a node, which PyTorch writes as a list of Python's."""
    return [str(name) for name in json.loads(written.replace("'", '"'))]


def _renamed(names: Any, old: str, new: str) -> None:
    for index, name in enumerate(names):
        if name == old:
            names[index] = new
