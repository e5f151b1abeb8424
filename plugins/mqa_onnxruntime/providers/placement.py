"""Which provider got which nodes of a graph, and whether those that were left to the CPU matter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.graph.protobuf import ElementType, subgraphs
from mqa_onnxruntime.providers.request import CPU, GPU_PROVIDERS
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from mqa_onnxruntime.providers.request import ProviderRequest

MAX_SHAPE_SIZE = 100  # elements of a constant that is no weight; ONNX Runtime takes so many for part of a shape
INTEGERS = frozenset({ElementType.INT32, ElementType.INT64, ElementType.BOOL})  # of masks and positions

# Operators that give the shape of a tensor, and those that pass values on as they are. ONNX Runtime makes such nodes
# itself, under names that the file does not know.
SHAPE_OPERATORS = frozenset({"Shape", "Size"})
CARRIERS = SHAPE_OPERATORS | {
    "Cast", "Concat", "Constant", "ConstantOfShape", "Expand", "Gather", "Identity", "Range", "Reshape", "Slice",
    "Squeeze", "Unsqueeze",
}  # fmt: skip


@dataclass(frozen=True)
class PlacedNode:
    """One node, as it was when providers were given theirs: before most fusions."""

    name: str
    operator: str


def node_placement(
    session: Any, request: ProviderRequest, path: Path, allowed: Collection[str]
) -> dict[str, dict[str, int]]:
    """The facts of where the nodes of a graph run: `nodes` by provider, and on a GPU `left_to_cpu`, by operator.

    Raises a NotRunError where a required GPU takes no node, or leaves some that matter to the CPU, of others than the
    `allowed` operators.
    """
    placed = placed_nodes(session)
    facts = {"nodes": {provider: len(nodes) for provider, nodes in placed.items()}}
    provider = session.get_providers()[0]
    if provider not in GPU_PROVIDERS:
        return facts
    left = Counter(node.operator for node in compute_nodes(placed.get(CPU, ()), path))
    if request.required:
        refused = {operator: number for operator, number in left.items() if operator not in allowed}
        _check_placement(provider, len(placed.get(provider, ())), refused, path)
    return {**facts, "left_to_cpu": dict(left)}


def placed_nodes(session: Any) -> dict[str, list[PlacedNode]]:
    """The nodes of a session, by the provider that got them."""
    placed: dict[str, list[PlacedNode]] = {}
    for part in session.get_provider_graph_assignment_info():
        nodes = [PlacedNode(node.name, node.op_type) for node in part.get_nodes()]
        placed.setdefault(part.ep_name, []).extend(nodes)
    return placed


def _check_placement(provider: str, taken: int, left: dict[str, int], path: Path) -> None:
    if not taken:
        raise NotRunError(f"`{provider}` was asked for, and took no node of `{path}`")
    if left:
        listed = ", ".join(f"{number} {operator}" for operator, number in left.items())
        raise NotRunError(
            f"`{provider}` was asked for, and left nodes of `{path}` to `{CPU}`: {listed}",
            hint="export it for operators that this provider has, or name in `cpu_operators` what may run on the CPU",
        )


def compute_nodes(nodes: Iterable[PlacedNode], path: Path) -> list[PlacedNode]:
    """Those of the nodes on the CPU that matter: all that a weight or floating-point data pass through.

    Others make masks, positions and shapes, from integer inputs and small constants. ONNX Runtime leaves many of them to
    the CPU on purpose: what `Shape` gives lies in the CPU's memory whatever the provider, and a copy of what is computed
    from that would take longer than computing it. Some it has to leave there, where CUDA has no kernel for their type,
    as older versions had none for a `GatherND` of booleans, and then all that follows from them alone.
    """
    nodes = list(nodes)
    if not nodes:
        return []
    graph = parse_model(path).graph
    inputs = {value.name for value in graph.input if value.type.tensor_type.elem_type in INTEGERS}
    named, shapes = set(_node_names(graph)), set(_shape_nodes(graph, inputs))
    return [
        node for node in nodes if (node.name not in shapes if node.name in named else node.operator not in CARRIERS)
    ]


def _node_names(graph: Any) -> Iterator[str]:
    for node in graph.node:
        yield node.name
        for inner in subgraphs(node):
            yield from _node_names(inner)


def _shape_nodes(graph: Any, integer_inputs: set[str]) -> Iterator[str]:
    """The names of nodes that compute from integer inputs, shapes and small constants, those of subgraphs included."""
    from_shapes = set(integer_inputs)
    from_shapes |= {
        one.name for one in graph.initializer if one.data_type in INTEGERS or prod(one.dims) <= MAX_SHAPE_SIZE
    }
    for node in graph.node:
        if node.op_type in SHAPE_OPERATORS or {name for name in node.input if name} <= from_shapes:
            from_shapes.update(node.output)
            yield node.name
        for inner in subgraphs(node):
            yield from _shape_nodes(inner, from_shapes)
