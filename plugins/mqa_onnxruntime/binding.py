"""Running a session on values in a device's memory, and replaying what a GPU did for inputs of the same shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.passes import stoppable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]

# The key of a run's configuration. Runs of one id share a captured graph, -1 captures none, 0 is ONNX Runtime's own.
GRAPH = "gpu_graph_id"
MOST = 64  # captured graphs; each keeps its inputs, its outputs and all between them in the GPU's memory


@dataclass(frozen=True)
class Binding:
    """A session with a place for its inputs and outputs: `kind` is `cuda` or `cpu`, `index` which of them."""

    session: Any
    kind: str
    index: int = 0

    def run(self, names: Sequence[str], feed: Arrays) -> list[Array]:
        """The outputs of these names, for inputs that are copied to the device, and stay there as long as it works."""
        bound = self.bound({name: self.value(array) for name, array in feed.items()}, names)
        stoppable(lambda options: self.session.run_with_iobinding(bound, options))
        return _copies(bound)

    def bound(self, inputs: Mapping[str, Any], names: Sequence[str]) -> Any:
        """Inputs that are on the device, and outputs that will be, wherever there is room."""
        binding = self.session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name in names:
            binding.bind_output(name, self.kind, self.index)
        return binding

    def value(self, array: Array) -> Any:
        """An array on the device. On the CPU, where ONNX Runtime would work in the array itself, a copy."""
        import onnxruntime

        given = array.copy() if self.kind == "cpu" else array
        return onnxruntime.OrtValue.ortvalue_from_numpy(given, self.kind, self.index)


@dataclass(frozen=True)
class Captured:
    """One captured graph: it reads and writes at the addresses that it was captured with, and nowhere else."""

    binding: Any
    inputs: Mapping[str, Any]
    outputs: Sequence[Any]
    number: int


@dataclass
class Graphs:
    """The captured graphs of one session, one for all inputs of the same shapes."""

    binding: Binding
    most: int = MOST
    captured: dict[tuple[Any, ...], Captured] = field(default_factory=dict)
    # Never the same twice: of a capture that failed, ONNX Runtime may keep a part.
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self, names: Sequence[str], feed: Arrays) -> list[Array]:
        """The outputs of these names: captured for new shapes as long as there is room, replayed for known ones."""
        shapes = (*names, *((name, array.shape, array.dtype.str) for name, array in feed.items()))
        known = self.captured.get(shapes)
        if known is None and len(self.captured) >= self.most:
            return _copies(self._once(names, feed)[0])
        if known is not None:
            for name, array in feed.items():
                known.inputs[name].update_inplace(array)
            return self._replayed(known)
        new = self._place(names, feed)
        outputs = self._replayed(new)
        self.captured[shapes] = new
        return outputs

    def _replayed(self, one: Captured) -> list[Array]:
        """What a graph gives; it is captured by its first run, for which ONNX Runtime runs the model several times."""
        _run(self.binding.session, one.binding, one.number)
        return _copies(one.binding)

    def _place(self, names: Sequence[str], feed: Arrays) -> Captured:
        """Inputs and outputs of these shapes at addresses that stay; a run without a graph says how large they are."""
        bound, inputs = self._once(names, feed)
        outputs = bound.get_outputs()
        binding = self.binding.session.io_binding()
        for name, value in inputs.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in zip(names, outputs, strict=True):
            binding.bind_ortvalue_output(name, value)
        return Captured(binding, inputs, outputs, next(self._numbers))

    def _once(self, names: Sequence[str], feed: Arrays) -> tuple[Any, dict[str, Any]]:
        inputs = {name: self.binding.value(array) for name, array in feed.items()}
        bound = self.binding.bound(inputs, names)
        _run(self.binding.session, bound, -1)
        return bound, inputs


def _copies(bound: Any) -> list[Array]:
    """The outputs of what was run last, in arrays of their own, wherever they lie."""
    return list(bound.copy_outputs_to_cpu())


def _run(session: Any, bound: Any, graph: int) -> None:
    """Run a session on what is bound, with the captured graph of this number."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry(GRAPH, str(graph))
    stoppable(lambda given: session.run_with_iobinding(bound, given), options)
