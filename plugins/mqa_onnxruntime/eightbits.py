"""Weights of 8 bits, as ONNX Runtime's quantizers write them: integers, a scale and a zero point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    Array = npt.NDArray[Any]

# The quantizers call them so, in whatever form they give the graph.
NUMBERS, SCALE, ZERO_POINT = "_quantized", "_scale", "_zero_point"
TYPES = (2, 3)  # uint8 and int8, by their number in the ONNX standard


@dataclass(frozen=True)
class EightBits:
    """One weight. A scale of several numbers has one for each channel, along `axis`."""

    integers: Array
    scale: Array
    zero: Array
    axis: int

    @property
    def step(self) -> Array:
        """From one number to the next, in a shape that broadcasts."""
        return self.scale.reshape(self._shape)

    def numbers(self) -> Array:
        """What the integers stand for."""
        return (self.integers.astype(np.float32) - self.zero.reshape(self._shape)) * self.step

    def of(self, name: str, numbers: Array) -> Mapping[str, Array]:
        """Other numbers in its place: the integers and the scale, by their names, for the zero point that it has."""
        kind = np.iinfo(self.integers.dtype)
        zero = self.zero.astype(np.float32).reshape(self._shape)
        reach = np.maximum(np.minimum(zero - kind.min, kind.max - zero), 1)
        others = tuple(axis for axis in range(numbers.ndim) if self.scale.size == 1 or axis != self.axis)
        largest = np.abs(numbers).max(axis=others, keepdims=True).reshape(self._shape)
        step = np.maximum(largest, np.finfo(np.float32).tiny) / reach
        integers = np.clip(np.round(numbers / step) + zero, kind.min, kind.max)
        return {
            name: integers.astype(self.integers.dtype),
            name.removesuffix(NUMBERS) + SCALE: step.reshape(self.scale.shape).astype(self.scale.dtype),
        }

    @property
    def _shape(self) -> tuple[int, ...]:
        """Of a scale or a zero point, as it broadcasts with the integers."""
        axes = range(self.integers.ndim)
        return tuple(self.scale.size if axis == self.axis else 1 for axis in axes)


def eight_bits(graph: Any, folder: str = "") -> Iterator[tuple[str, EightBits]]:
    """The weights of 8 bits of a graph, by the names of their integers; external data lie in `folder`."""
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    readers = {name: node for node in graph.node for name in node.input}
    for name, tensor in tensors.items():
        whole = parts_of(name)
        known = name.endswith(NUMBERS) and tensor.data_type in TYPES and name in readers
        if known and all(one in tensors for one in whole):
            integers, scale, zero = (numpy_helper.to_array(tensors[one], folder) for one in whole)
            found = EightBits(integers, scale, zero, _axis(readers[name], tensor))
            if scale.ndim < 2 and scale.size in {1, *tensor.dims[found.axis :][:1]} and zero.size == scale.size:
                yield name, found


def parts_of(name: str) -> tuple[str, ...]:
    """The names of a weight's integers, its scale and its zero point, by that of its integers."""
    return (name, *(name.removesuffix(NUMBERS) + part for part in (SCALE, ZERO_POINT)))


def _axis(reader: Any, tensor: Any) -> int:
    """Along which there are channels: a convolution's are its outputs, those of a product its columns."""
    named = {attribute.name: attribute.i for attribute in reader.attribute}
    return int(named.get("axis", 0 if "Conv" in reader.op_type else -1)) % max(1, len(tensor.dims))
