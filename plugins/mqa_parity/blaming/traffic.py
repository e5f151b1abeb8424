"""What a model's modules are given and give, in float32 and in float64, and which of them a file has no nodes of."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_parity.blaming.doors import Watched, Weighted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_parity.blaming.case import Truth
    from mqa_parity.blaming.doors import Anatomy, Calls, Part, Reference

    Array: TypeAlias = npt.NDArray[Any]
    Key: TypeAlias = tuple[int, bytes]

LONGEST = 4  # modules in a row that were folded into one
MOST = float(np.finfo(np.float32).max)
RUNNING = "running_var"  # what a normalization of batches keeps


@dataclass(frozen=True, eq=False)
class Tensor:
    """What a module gives or is given, with a fraction; `normalizes` where it is a normalization of batches that gives it."""

    module: str
    single: Array
    double: Array
    normalizes: bool = False

    @cached_property
    def key(self) -> Key:
        """By which tensors of the same numbers are known, whatever their shapes."""
        return self.double.size, np.ascontiguousarray(self.double).tobytes()


@dataclass(frozen=True)
class Traffic:
    """By modules, once for each call: the tensors that they are given, and those that they give.

    `readers` and `makers` are modules without nodes in the file, by the number of the call and the tensors that they are
    given and that they give.
    """

    inputs: Mapping[str, Sequence[Sequence[Tensor]]]
    outputs: Mapping[str, Sequence[Sequence[Tensor]]]
    readers: Mapping[Key, Sequence[tuple[str, int]]] = field(default_factory=dict)
    makers: Mapping[Key, tuple[str, int]] = field(default_factory=dict)

    @property
    def calls(self) -> dict[str, int]:
        """How often each module is called."""
        return {name: len(calls) for name, calls in self.outputs.items() if calls}

    def missing(self, tensor: Tensor) -> str:
        """The outermost module without nodes that gives a tensor; empty where none does."""
        return self.makers.get(tensor.key, ("", 0))[0]

    def gave(self, part: Part) -> list[Tensor]:
        """The tensors that a call gives."""
        return _of(self.outputs, part.module, part.call)

    def given(self, part: Part) -> list[Tensor]:
        """The tensors that a call is given."""
        return _of(self.inputs, part.module, part.call)

    def gave_after(self, part: Part) -> list[Tensor]:
        """What modules without nodes make of the first tensor that a call gives, one after the other."""
        found: list[Tensor] = []
        last = self.gave(part)[:1]
        while last and len(found) < LONGEST:
            readers = self.readers.get(last[0].key, ())
            last = _of(self.outputs, *readers[0])[:1] if len(readers) == 1 else []
            found += last
        return found

    def given_before(self, part: Part) -> list[list[Tensor]]:
        """What the modules without nodes are given that make what a call is given, and those that make that in turn."""
        levels = [self.given(part)]
        while len(levels) <= LONGEST:
            makers = dict.fromkeys(self.makers[one.key] for one in levels[-1] if one.key in self.makers)
            before = [tensor for maker in makers for tensor in _of(self.inputs, *maker)]
            if not before:
                break
            levels.append(before)
        return levels[1:]


def observe(truth: Truth, anatomy: Anatomy, named: Sequence[str]) -> Traffic:
    """All of it, from two runs of the model; of a reference that does not show what modules are given, what they give."""
    reference, exact = truth.reference, truth.exact
    modules = list(reference.modules()) if isinstance(reference, Watched) else named
    given, gave = _traffic(reference, truth.batch, modules)
    exactly, truly = _traffic(exact, truth.batch, modules)
    absent = [name for name in truly if not anatomy.inside(name)] if exactly else []
    normalizing = {name for name in absent if _normalizes(reference, name)}
    inputs, outputs = _tensors(given, exactly, normalizing), _tensors(gave, truly, normalizing)
    readers: defaultdict[Key, list[tuple[str, int]]] = defaultdict(list)
    makers: dict[Key, tuple[str, int]] = {}
    for name in absent:
        for call, made in enumerate(outputs.get(name, ())):
            read = [one.key for one in _of(inputs, name, call)]
            if made and read and made[0].key not in read:  # else it changes nothing, such as a dropout
                readers[read[0]].append((name, call))
                makers[made[0].key] = (name, call)  # those around it come later
    return Traffic(inputs, outputs, readers, makers)


def _traffic(runner: Reference, batch: Mapping[str, Array], modules: Sequence[str]) -> tuple[Calls, Calls]:
    if isinstance(runner, Watched):
        return runner.traffic(batch, modules)
    return {}, {name: [(array,) for array in arrays] for name, arrays in runner.tap(batch, modules).items()}


def _tensors(single: Calls, double: Calls, normalizing: set[str]) -> dict[str, list[list[Tensor]]]:
    return {
        name: [
            list(_floats(name, *pair, name in normalizing)) for pair in zip(single.get(name, ()), calls, strict=False)
        ]
        for name, calls in double.items()
    }


def _floats(name: str, single: Sequence[Array], double: Sequence[Array], normalizes: bool) -> Iterator[Tensor]:
    for one, other in zip(single, double, strict=False):
        if other.dtype.kind == "f" and other.size and one.shape == other.shape:
            yield Tensor(name, one, _in_range(other), normalizes)


def _in_range(array: Array) -> Array:
    """Without numbers beyond float32, such as a mask has in float64: beside them no other would be seen to be wrong."""
    finite = np.isfinite(array)
    return np.where(finite, np.clip(array, -MOST, MOST), array) if (np.abs(array[finite]) > MOST).any() else array


def _of(calls: Mapping[str, Sequence[Sequence[Tensor]]], module: str, call: int) -> list[Tensor]:
    known = calls.get(module, ())
    return list(known[call]) if call < len(known) else []


def _normalizes(reference: Reference, module: str) -> bool:
    return isinstance(reference, Weighted) and RUNNING in reference.parameters(module)
