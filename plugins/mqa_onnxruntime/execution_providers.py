"""ONNX Runtime's execution providers: those that a suite, the command line and the machine request, and the nodes they got."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from math import prod
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.graph.protobuf import ElementType, subgraphs
from mqa_registry import DataError, NotRunError, find_device

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from mqa_registry import Device, RunContext

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
GPU_PROVIDERS = (CUDA, "TensorrtExecutionProvider")

DISTRIBUTIONS = ("onnxruntime-gpu", "onnxruntime")
TF32_OVERRIDE = "NVIDIA_TF32_OVERRIDE"  # at 0, CUDA's libraries use no TensorFloat-32, whatever the options


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
class ProviderRequest:
    """The providers that are to run a model, the first of them preferred, and its device.

    `required`: another provider than the first is refused. `tf32` lets CUDA multiply in TensorFloat-32, `cuda_graph` has
    it capture the work for inputs of one shape and replay it.
    """

    providers: tuple[str, ...]
    device: Device
    required: bool
    tf32: bool = False
    cuda_graph: bool = False

    def uses_tf32(self) -> bool:
        """Whether products are in TensorFloat-32. TensorRT has no option for it, and uses it unless CUDA forbids it."""
        if self.providers[0] not in GPU_PROVIDERS or os.environ.get(TF32_OVERRIDE) == "0":
            return False
        return self.tf32 or self.providers[0] != CUDA

    def check_cuda_graph(self) -> None:
        """Raise a DataError where CUDA graphs are requested of another provider; a machine without a GPU ignores them."""
        if self.cuda_graph and self.required and self.providers[0] != CUDA:
            raise DataError(
                f"`cuda_graph` is for `{CUDA}`, and `{self.providers[0]}` is to run the model",
                hint="leave one of the two out",
            )

    def check_device(self, context: RunContext) -> None:
        """Raise a NotRunError where the suite requests another provider than the CPU, and the command line the CPU."""
        if context.device == "cpu" and self.providers[0] != CPU:
            raise NotRunError(
                f"the suite requests `{self.providers[0]}`, and the command line `--device cpu`",
                hint="leave one of the two out",
            )

    def provider_options(self, name: str) -> dict[str, str]:
        """The options of one provider. float32 is not TF32 unless requested: that keeps 10 of its 23 bits."""
        if name not in GPU_PROVIDERS:
            return {}
        device = {"device_id": str(self.device.index)}
        if name != CUDA:
            return device
        return device | {"use_tf32": str(int(self.tf32)), "enable_cuda_graph": str(int(self.cuda_graph))}


def resolve_providers(
    context: RunContext, providers: Sequence[str] | None, *, tf32: bool = False, cuda_graph: bool = False
) -> ProviderRequest:
    """What is to run the model, found without loading ONNX Runtime.

    `providers` are those that the suite names; None leaves the choice to the device of the command line, and `auto` to
    what the machine seems to have.
    """
    if providers is None:
        device = find_device(context.device, cuda=runtime_distribution()[0] == "onnxruntime-gpu")
        preferred = (CPU,) if device.kind == "cpu" else (CUDA, CPU)
        return ProviderRequest(preferred, device, context.device != "auto", tf32, cuda_graph)
    if not providers:
        raise DataError("`providers` is empty", hint=f'leave it out, or name one, as in `["{CPU}"]`')
    gpu = context.device if context.device.startswith("cuda") else "cuda"
    device = find_device(gpu if providers[0] in GPU_PROVIDERS else "cpu")
    names = tuple(dict.fromkeys([*providers, CPU]))  # the CPU always stands behind the others
    return ProviderRequest(names, device, required=True, tf32=tf32, cuda_graph=cuda_graph)


def cpu_request() -> ProviderRequest:
    """The CPU and nothing else."""
    return ProviderRequest((CPU,), find_device("cpu"), required=True)


def runtime_distribution() -> tuple[str, str]:
    """The installed distribution of ONNX Runtime and its version."""
    for name in DISTRIBUTIONS:
        try:
            return name, version(name)
        except PackageNotFoundError:
            continue
    raise NotRunError("ONNX Runtime is not installed", hint="`pip install onnxruntime-gpu`, on macOS `onnxruntime`")


@dataclass(frozen=True)
class PlacedNode:
    """One node, as it was when providers were given theirs: before most fusions."""

    name: str
    operator: str


def node_placement(
    session: Any, request: ProviderRequest, path: Path, allowed: Collection[str]
) -> dict[str, dict[str, int]]:
    """The facts of where the nodes of a graph run: `nodes_by_provider`, and on a GPU `cpu_fallback`, counted by operator.

    Raises a NotRunError where a required GPU takes no node, or leaves some that matter to the CPU, of others than the
    `allowed` operators.
    """
    placed = placed_nodes(session)
    facts = {"nodes_by_provider": {provider: len(nodes) for provider, nodes in placed.items()}}
    provider = session.get_providers()[0]
    if provider not in GPU_PROVIDERS:
        return facts
    left = Counter(node.operator for node in compute_nodes(placed.get(CPU, ()), path))
    if request.required:
        refused = {operator: number for operator, number in left.items() if operator not in allowed}
        _check_placement(provider, len(placed.get(provider, ())), refused, path)
    return {**facts, "cpu_fallback": dict(left)}


def placed_nodes(session: Any) -> dict[str, list[PlacedNode]]:
    """The nodes of a session, by the provider that got them."""
    placed: dict[str, list[PlacedNode]] = {}
    for part in session.get_provider_graph_assignment_info():
        nodes = [PlacedNode(node.name, node.op_type) for node in part.get_nodes()]
        placed.setdefault(part.ep_name, []).extend(nodes)
    return placed


def compute_nodes(nodes: Iterable[PlacedNode], path: Path) -> list[PlacedNode]:
    """Those of the nodes on the CPU that matter: all that a weight or floating-point data pass through.

    Others make masks, positions and shapes, from integer inputs and small constants. ONNX Runtime leaves many of them to
    the CPU on purpose: what `Shape` gives lies in the CPU's memory with any provider, and a copy of what is computed
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


def _check_placement(provider: str, taken: int, left: dict[str, int], path: Path) -> None:
    if not taken:
        raise NotRunError(f"`{provider}` was requested, and took no node of `{path}`")
    if left:
        listed = ", ".join(f"{number} {operator}" for operator, number in left.items())
        raise NotRunError(
            f"`{provider}` was requested, and left nodes of `{path}` to `{CPU}`: {listed}",
            hint="export it for operators that this provider has, or name in `cpu_operators` what may run on the CPU",
        )


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
