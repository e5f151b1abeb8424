"""Which provider got which nodes of a graph, and whether those that were left to the CPU matter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph import parsed
from mqa_onnxruntime.providers import CPU, ON_GPU
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from mqa_onnxruntime.providers import Asked

SMALL = 100  # elements of a constant that ONNX Runtime takes for part of a shape
FLOATS = frozenset({1, 10, 11, 16})  # the element types of a model's data, by their number in the ONNX standard

# Operators that say what shape a tensor has, and those that pass values on as they are. ONNX Runtime makes such nodes
# itself, under names that the file does not know.
SIZES = frozenset({"Shape", "Size"})
CARRIERS = SIZES | {
    "Cast", "Concat", "Constant", "ConstantOfShape", "Expand", "Gather", "Identity", "Range", "Reshape", "Slice",
    "Squeeze", "Unsqueeze",
}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """One node, as it was when providers were given theirs: before most fusions."""

    name: str
    operator: str


def placement(session: Any, asked: Asked, path: Path, allowed: Collection[str]) -> dict[str, dict[str, int]]:
    """What a report tells of where the nodes of a graph run: `nodes` by provider, and on a GPU `left_to_cpu`, by operator.

    Raises a NotRunError where a GPU must run it and takes no node, or leaves some that matter to the CPU, of others
    than the `allowed` operators.
    """
    found = assigned(session)
    told = {"nodes": {provider: len(nodes) for provider, nodes in found.items()}}
    provider = session.get_providers()[0]
    if provider not in ON_GPU:
        return told
    left = Counter(node.operator for node in strays(found.get(CPU, ()), path))
    if asked.binding:
        _check(provider, len(found.get(provider, ())), {key: left[key] for key in left if key not in allowed}, path)
    return {**told, "left_to_cpu": dict(left)}


def assigned(session: Any) -> dict[str, list[Node]]:
    """The nodes of a session, by the provider that got them."""
    found: dict[str, list[Node]] = {}
    for part in session.get_provider_graph_assignment_info():
        found.setdefault(part.ep_name, []).extend(Node(each.name, each.op_type) for each in part.get_nodes())
    return found


def _check(provider: str, taken: int, left: dict[str, int], path: Path) -> None:
    if not taken:
        raise NotRunError(f"`{provider}` was asked for, and took no node of `{path}`")
    if left:
        listed = ", ".join(f"{number} {operator}" for operator, number in left.items())
        raise NotRunError(
            f"`{provider}` was asked for, and left nodes of `{path}` to `{CPU}`: {listed}",
            hint="export it for operators that this provider has, or name in `cpu_operators` what may run on the CPU",
        )


def strays(nodes: Iterable[Node], path: Path) -> list[Node]:
    """Those of the nodes on the CPU that matter: all but what is computed from shapes.

    What `Shape` gives lies in the CPU's memory, whatever the provider. ONNX Runtime leaves there on purpose what is
    computed from that and from small constants and whole-number inputs alone, since a copy to the GPU and back would
    take longer (its `fallback_cpu_capability.cc`).
    """
    nodes = list(nodes)
    if not nodes:
        return []
    graph = parsed(path).graph
    every, harmless = set(_names(graph)), set(_of_shapes(graph))
    return [
        node for node in nodes if (node.name not in harmless if node.name in every else node.operator not in CARRIERS)
    ]


def _names(graph: Any) -> Iterator[str]:
    for node in graph.node:
        yield node.name
        for inner in _inner(node):
            yield from _names(inner)


def _of_shapes(graph: Any, outer: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of nodes that compute from shapes, or from constants alone, in graphs inside of nodes too."""
    constants = {each.name for each in graph.initializer if prod(each.dims) <= SMALL}
    whole = {each.name for each in graph.input if each.type.tensor_type.elem_type not in FLOATS}
    shapes = set(outer)
    for node in graph.node:
        given = {name for name in node.input if name}
        if given <= constants:
            constants.update(node.output)
            yield node.name
        elif node.op_type in SIZES or (given & shapes and given <= shapes | constants | whole):
            shapes.update(node.output)
            yield node.name
        for inner in _inner(node):
            yield from _of_shapes(inner, frozenset(shapes | constants))


def _inner(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
