"""Running a batch: by the session's own `run`, in batches of a fixed size, on a device, or as a captured CUDA graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mqa_onnxruntime.execution_providers import GPU_PROVIDERS
from mqa_onnxruntime.session.interface import DEFAULT_INTERFACE
from mqa_registry import DataError, interruptible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.execution_providers import ProviderRequest
    from mqa_onnxruntime.session.interface import FileInterface

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Execute: TypeAlias = Callable[[list[str], Arrays], Sequence[Array]]

T = TypeVar("T")

# The key of a run's configuration. Runs of one id share a captured graph, -1 captures none, 0 is ONNX Runtime's own.
GRAPH_ID = "gpu_graph_id"
MAX_GRAPHS = 64  # each keeps its inputs, its outputs and all between them in the GPU's memory


def run_session(session: Any, names: Sequence[str] | None, feed: Arrays) -> list[Array]:
    """The outputs of these names, or all, for one feed; can be stopped from outside, and then raises."""
    names = None if names is None else list(names)
    return list(run_interruptible(lambda options: session.run(names, dict(feed), options)))


def run_interruptible(run: Callable[[Any], T], options: Any = None) -> T:
    """The result of `run(RunOptions)`, which ends when the host stops the call, even in a loop of the graph."""
    import onnxruntime

    options = options or onnxruntime.RunOptions()  # of this run alone: what stopped one would stop the next
    with interruptible(partial(setattr, options, "terminate", True)):
        return run(options)


def fixed_batch_size(session: Any, interface: FileInterface = DEFAULT_INTERFACE) -> int | None:
    """The number of rows that a session takes, where all its inputs with rows have the same fixed number; else None."""
    inputs = [node for node in session.get_inputs() if node.name not in interface.constants]
    axes = [(node, interface.batch_axis_of(node)) for node in inputs]
    sizes = {node.shape[axis] for node, axis in axes if axis is not None and axis < len(node.shape)}
    size = sizes.pop() if len(sizes) == 1 else None
    return size if isinstance(size, int) else None


def run_in_fixed_batches(execute: Execute, names: list[str], feed: Arrays, rows: int) -> list[Array]:
    """The outputs for a batch of any size, run `rows` rows at a time and concatenated.

    The last batch is filled up with copies of the last row. Raises a DataError where an output does not have as many
    rows in front: then there is no way to concatenate them.
    """
    size = len(next(iter(feed.values())))
    if size == rows:  # as its users run it, with nothing on top
        return list(execute(names, feed))
    batches = [np.minimum(np.arange(start, start + rows), size - 1) for start in range(0, size, rows)]
    outputs = [execute(names, {name: array[indices] for name, array in feed.items()}) for indices in batches]
    by_name = zip(names, zip(*outputs, strict=True), strict=True)
    return [_concatenated(name, parts, rows)[:size] for name, parts in by_name]


def _concatenated(name: str, parts: Sequence[Array], rows: int) -> Array:
    shapes = dict.fromkeys(part.shape for part in parts)
    if any(shape[:1] != (rows,) for shape in shapes) or len({shape[1:] for shape in shapes}) > 1:
        listed = " and ".join(str(list(shape)) for shape in list(shapes)[:2])
        raise DataError(
            f"the file takes batches of {rows} alone, and gives `{name}` with the shape {listed}:"
            " its outputs for a larger batch cannot be concatenated",
            hint="export it with a dynamic first axis",
        )
    return np.concatenate(parts)


def select_execution(session: Any, request: ProviderRequest, *, io_binding: bool) -> Execute | None:
    """How to run a session on a GPU; None where its own `run` does it."""
    if session.get_providers()[0] not in GPU_PROVIDERS:
        return None
    binding = DeviceBinding(session, request.device.kind, request.device.index)
    if request.cuda_graph:
        return CudaGraphs(binding).run
    return binding.run if io_binding else None


@dataclass(frozen=True)
class DeviceBinding:
    """Runs a session on values in a device's memory: `kind` is `cuda` or `cpu`, `index` which of them."""

    session: Any
    kind: str
    index: int = 0

    def run(self, names: Sequence[str], feed: Arrays) -> list[Array]:
        """The outputs of these names; inputs are copied to the device, and stay there as long as it works."""
        bound = self.bind({name: self.device_value(array) for name, array in feed.items()}, names)
        run_interruptible(lambda options: self.session.run_with_iobinding(bound, options))
        return _copy_outputs(bound)

    def bind(self, inputs: Mapping[str, Any], names: Sequence[str]) -> Any:
        """An IOBinding of inputs that are on the device, and of outputs that the session allocates there."""
        binding = self.session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name in names:
            binding.bind_output(name, self.kind, self.index)
        return binding

    def device_value(self, array: Array) -> Any:
        """An OrtValue on the device. On the CPU, where ONNX Runtime would work in the array itself, a copy."""
        import onnxruntime

        given = array.copy() if self.kind == "cpu" else array
        return onnxruntime.OrtValue.ortvalue_from_numpy(given, self.kind, self.index)


@dataclass(frozen=True)
class CapturedGraph:
    """One captured graph: it reads and writes at the addresses that it was captured with, and nowhere else."""

    binding: Any
    inputs: Mapping[str, Any]
    outputs: Sequence[Any]
    graph_id: int


@dataclass
class CudaGraphs:
    """The captured CUDA graphs of one session, one for all inputs of the same shapes."""

    binding: DeviceBinding
    max_graphs: int = MAX_GRAPHS
    captured: dict[tuple[Any, ...], CapturedGraph] = field(default_factory=dict)
    # Never the same twice: of a capture that failed, ONNX Runtime may keep a part.
    _graph_ids: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self, names: Sequence[str], feed: Arrays) -> list[Array]:
        """The outputs of these names: new shapes are captured until there are `max_graphs`, captured ones replayed."""
        shapes = (*names, *((name, array.shape, array.dtype.str) for name, array in feed.items()))
        graph = self.captured.get(shapes)
        if graph is None and len(self.captured) >= self.max_graphs:
            return _copy_outputs(self._run_uncaptured(names, feed)[0])
        if graph is not None:
            for name, array in feed.items():
                graph.inputs[name].update_inplace(array)
            return self._replay(graph)
        graph = self._allocate(names, feed)
        outputs = self._replay(graph)
        self.captured[shapes] = graph
        return outputs

    def _replay(self, graph: CapturedGraph) -> list[Array]:
        """The outputs of a graph; its first run captures it, for which ONNX Runtime runs the model several times."""
        self._run(graph.binding, graph.graph_id)
        return _copy_outputs(graph.binding)

    def _allocate(self, names: Sequence[str], feed: Arrays) -> CapturedGraph:
        """Inputs and outputs of these shapes at addresses that stay; a run without a graph gives the outputs' shapes."""
        bound, inputs = self._run_uncaptured(names, feed)
        outputs = bound.get_outputs()
        binding = self.binding.session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in zip(names, outputs, strict=True):
            binding.bind_ortvalue_output(name, value)
        return CapturedGraph(binding, inputs, outputs, next(self._graph_ids))

    def _run_uncaptured(self, names: Sequence[str], feed: Arrays) -> tuple[Any, dict[str, Any]]:
        inputs = {name: self.binding.device_value(array) for name, array in feed.items()}
        bound = self.binding.bind(inputs, names)
        self._run(bound, -1)
        return bound, inputs

    def _run(self, bound: Any, graph_id: int) -> None:
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.add_run_config_entry(GRAPH_ID, str(graph_id))
        run_interruptible(lambda given: self.binding.session.run_with_iobinding(bound, given), options)


def _copy_outputs(bound: Any) -> list[Array]:
    """The outputs of the last run, copied into new arrays."""
    return list(bound.copy_outputs_to_cpu())


def gpu_facts(session: Any, request: ProviderRequest, *, io_binding: bool) -> dict[str, bool]:
    """The facts of a session on a GPU; none of another."""
    if session.get_providers()[0] not in GPU_PROVIDERS:
        return {}
    return {
        "tf32": request.uses_tf32(),
        "io_binding": io_binding or request.cuda_graph,
        "cuda_graph": request.cuda_graph,
    }
