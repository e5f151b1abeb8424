"""Input and output tensors of a model's modules, in both precisions, and which modules a file has no nodes of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.protocols import SupportsHooks, SupportsWeights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.attribution.paired_run import ReferenceRun
    from mqa_parity.protocols import Calls, ModuleCall, ModuleGraph, Reference

    Array: TypeAlias = npt.NDArray[Any]
    Key: TypeAlias = tuple[int, bytes]

MAX_FOLDED = 4  # modules in a row that were folded into one
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
RUNNING_VARIANCE = "running_var"  # a buffer that only batch normalizations have


@dataclass(frozen=True, eq=False)
class Tensor:
    """A floating-point input or output of a module; `is_normalized` where a batch normalization without nodes gives it."""

    module: str
    baseline: Array
    oracle: Array
    is_normalized: bool = False

    @cached_property
    def key(self) -> Key:
        """Equal for tensors of the same numbers, whatever their shapes."""
        return self.oracle.size, np.ascontiguousarray(self.oracle).tobytes()


@dataclass(frozen=True)
class ModuleIO:
    """The input and output tensors of modules, by module and call.

    `readers` and `makers` are the calls of modules without nodes in the file, by the first tensor that they read and by
    the first that they give.
    """

    inputs: Mapping[str, Sequence[Sequence[Tensor]]]
    outputs: Mapping[str, Sequence[Sequence[Tensor]]]
    readers: Mapping[Key, Sequence[tuple[str, int]]] = field(default_factory=dict)
    makers: Mapping[Key, tuple[str, int]] = field(default_factory=dict)

    @property
    def calls(self) -> dict[str, int]:
        """How often each module is called."""
        return {name: len(calls) for name, calls in self.outputs.items() if calls}

    def absent_maker(self, tensor: Tensor) -> str:
        """The outermost module without nodes that gives a tensor; empty where none does."""
        return self.makers.get(tensor.key, ("", 0))[0]

    def outputs_of(self, call: ModuleCall) -> list[Tensor]:
        return _get_call(self.outputs, call.module, call.call)

    def inputs_of(self, call: ModuleCall) -> list[Tensor]:
        return _get_call(self.inputs, call.module, call.call)

    def outputs_after(self, call: ModuleCall) -> list[Tensor]:
        """What modules without nodes make of the first output of a call, one after the other."""
        later: list[Tensor] = []
        last = self.outputs_of(call)[:1]
        while last and len(later) < MAX_FOLDED:
            readers = self.readers.get(last[0].key, ())
            last = _get_call(self.outputs, *readers[0])[:1] if len(readers) == 1 else []
            later += last
        return later

    def inputs_before(self, call: ModuleCall) -> list[list[Tensor]]:
        """The inputs of the modules without nodes that give the inputs of a call, then those of the modules before."""
        levels = [self.inputs_of(call)]
        while len(levels) <= MAX_FOLDED:
            makers = dict.fromkeys(self.makers[one.key] for one in levels[-1] if one.key in self.makers)
            before = [tensor for maker in makers for tensor in _get_call(self.inputs, *maker)]
            if not before:
                break
            levels.append(before)
        return levels[1:]


def record_module_io(run: ReferenceRun, graph: ModuleGraph, named: Sequence[str]) -> ModuleIO:
    """The tensors of all modules, from a run in each precision; outputs of the `named` modules alone without hooks."""
    modules = list(run.baseline.module_names()) if isinstance(run.baseline, SupportsHooks) else named
    inputs, outputs = _run_with_hooks(run.baseline, run.batch, modules)
    exact_inputs, exact_outputs = _run_with_hooks(run.oracle, run.batch, modules)
    absent = [name for name in exact_outputs if not graph.nodes_inside(name)] if exact_inputs else []
    normalizing = {name for name in absent if _is_batch_normalization(run.baseline, name)}
    module_inputs = _pair_calls(inputs, exact_inputs, normalizing)
    module_outputs = _pair_calls(outputs, exact_outputs, normalizing)
    readers: defaultdict[Key, list[tuple[str, int]]] = defaultdict(list)
    makers: dict[Key, tuple[str, int]] = {}
    for name in absent:
        for call, tensors in enumerate(module_outputs.get(name, ())):
            keys = [one.key for one in _get_call(module_inputs, name, call)]
            if tensors and keys and tensors[0].key not in keys:  # else it changes nothing, such as a dropout
                readers[keys[0]].append((name, call))
                makers[tensors[0].key] = (name, call)  # outer modules come later
    return ModuleIO(module_inputs, module_outputs, readers, makers)


def _run_with_hooks(runner: Reference, batch: Mapping[str, Array], modules: Sequence[str]) -> tuple[Calls, Calls]:
    if isinstance(runner, SupportsHooks):
        return runner.module_inputs_and_outputs(batch, modules)
    return {}, {name: [(array,) for array in arrays] for name, arrays in runner.module_outputs(batch, modules).items()}


def _pair_calls(baseline: Calls, oracle: Calls, normalizing: set[str]) -> dict[str, list[list[Tensor]]]:
    return {
        name: [
            list(_pair_tensors(name, *pair, name in normalizing))
            for pair in zip(baseline.get(name, ()), calls, strict=False)
        ]
        for name, calls in oracle.items()
    }


def _pair_tensors(
    name: str, baseline: Sequence[Array], oracle: Sequence[Array], is_normalized: bool
) -> Iterator[Tensor]:
    for one, exact in zip(baseline, oracle, strict=False):
        if exact.dtype.kind == "f" and exact.size and one.shape == exact.shape:
            yield Tensor(name, one, _clip_to_float32(exact), is_normalized)


def _clip_to_float32(array: Array) -> Array:
    """Without finite numbers beyond float32, such as a mask's fill value: they would hide the errors of all others."""
    finite, largest = np.isfinite(array), LARGEST_FLOAT32
    return (
        np.where(finite, np.clip(array, -largest, largest), array) if (np.abs(array[finite]) > largest).any() else array
    )


def _get_call(calls: Mapping[str, Sequence[Sequence[Tensor]]], module: str, call: int) -> list[Tensor]:
    of_module = calls.get(module, ())
    return list(of_module[call]) if call < len(of_module) else []


def _is_batch_normalization(reference: Reference, module: str) -> bool:
    return isinstance(reference, SupportsWeights) and RUNNING_VARIANCE in reference.weights(module)
