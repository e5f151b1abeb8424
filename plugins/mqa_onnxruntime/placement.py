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

SMALL = 100  # elements of a constant that is no weight; ONNX Runtime takes so many for part of a shape
WHOLE = frozenset({6, 7, 9})  # int32, int64 and bool, of which masks and positions are made, by their numbers in ONNX

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
    """Those of the nodes on the CPU that matter: all that a weight or data of floats pass through.

    Others make masks, positions and shapes, from whole-number inputs and small constants. ONNX Runtime leaves many of
    them to the CPU on purpose: what `Shape` gives lies in the CPU's memory whatever the provider, and a copy of what is
    computed from that would take longer than computing it. Some it has to leave there, where CUDA has no kernel for
    their type, as older versions had none for a `GatherND` of booleans, and then all that follows from them alone.
    """
    nodes = list(nodes)
    if not nodes:
        return []
    graph = parsed(path).graph
    every, harmless = set(_names(graph)), set(_without_data(graph, _given(graph)))
    return [
        node for node in nodes if (node.name not in harmless if node.name in every else node.operator not in CARRIERS)
    ]


def _names(graph: Any) -> Iterator[str]:
    for node in graph.node:
        yield node.name
        for inner in _inner(node):
            yield from _names(inner)


def _given(graph: Any) -> set[str]:
    """The inputs of a model that are whole numbers."""
    return {each.name for each in graph.input if each.type.tensor_type.elem_type in WHOLE}


def _without_data(graph: Any, given: set[str]) -> Iterator[str]:
    """The names of nodes that compute from these values, sizes and what is no weight, in graphs inside of nodes too."""
    known = given | {each.name for each in graph.initializer if each.data_type in WHOLE or prod(each.dims) <= SMALL}
    for node in graph.node:
        if node.op_type in SIZES or {name for name in node.input if name} <= known:
            known.update(node.output)
            yield node.name
        for inner in _inner(node):
            yield from _without_data(inner, known)


def _inner(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
