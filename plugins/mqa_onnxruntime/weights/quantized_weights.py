"""Quantized weights of a file: integers with a scale and a zero point, and the numbers that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.graph.protobuf import ElementType, all_nodes, named_tensors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    Array = npt.NDArray[Any]

# ONNX Runtime's quantizers put these behind the name of a weight, in whatever form they write the graph.
INTEGERS, SCALE, ZERO_POINT = "_quantized", "_scale", "_zero_point"
EIGHT_BITS = frozenset({ElementType.UINT8, ElementType.INT8})
INTEGER_TYPES = EIGHT_BITS | {ElementType.INT32, ElementType.UINT4, ElementType.INT4}
PACKED_BITS = (2, 4, 8)  # bits of a number in a packed weight: a byte holds a whole number of them


@dataclass(frozen=True)
class QuantizedWeight:
    """One 8-bit weight. `scale` and `zero_point` have one number, or one per channel along `axis`."""

    integers: Array
    scale: Array
    zero_point: Array
    axis: int

    @property
    def step(self) -> Array:
        """The distance from one representable number to the next, broadcastable to the integers."""
        return self.scale.reshape(self._broadcast_shape)

    def dequantize(self) -> Array:
        """The numbers that the integers stand for, as float32."""
        return (self.integers.astype(np.float32) - self.zero_point.reshape(self._broadcast_shape)) * self.step

    def requantize(self, name: str, numbers: Array) -> Mapping[str, Array]:
        """The integers and the scale of other numbers, by the names of their tensors; the zero point stays.

        `name` is that of the integers, `numbers` have their shape.
        """
        limits = np.iinfo(self.integers.dtype)
        zero = self.zero_point.astype(np.float32).reshape(self._broadcast_shape)
        reach = np.maximum(np.minimum(zero - limits.min, limits.max - zero), 1)
        others = tuple(axis for axis in range(numbers.ndim) if self.scale.size == 1 or axis != self.axis)
        largest = np.abs(numbers).max(axis=others, keepdims=True).reshape(self._broadcast_shape)
        step = np.maximum(largest, np.finfo(np.float32).tiny) / reach
        integers = np.clip(np.round(numbers / step) + zero, limits.min, limits.max)
        return {
            name: integers.astype(self.integers.dtype),
            name.removesuffix(INTEGERS) + SCALE: step.reshape(self.scale.shape).astype(self.scale.dtype),
        }

    @property
    def _broadcast_shape(self) -> tuple[int, ...]:
        """The shape in which a scale or a zero point broadcasts with the integers."""
        axes = range(self.integers.ndim)
        return tuple(self.scale.size if axis == self.axis else 1 for axis in axes)


@dataclass(frozen=True)
class Dequantized:
    """A quantized weight as numbers: `step` broadcasts to `values`, `tensors` are the names of the tensors it is stored in."""

    name: str
    values: Array
    step: Array
    tensors: tuple[str, ...]


def find_quantized_weights(graph: Any, folder: str = "") -> Iterator[tuple[str, QuantizedWeight]]:
    """The 8-bit weights that ONNX Runtime's quantizers named, by the names of their integers.

    External data of the graph lie in `folder`.
    """
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    readers = {name: node for node in graph.node for name in node.input}
    for name, tensor in tensors.items():
        names = _tensor_names(name)
        quantized = name.endswith(INTEGERS) and tensor.data_type in EIGHT_BITS and name in readers
        if quantized and all(one in tensors for one in names):
            integers, scale, zero_point = (numpy_helper.to_array(tensors[one], folder) for one in names)
            weight = QuantizedWeight(integers, scale, zero_point, _channel_axis(readers[name], tensor))
            sizes = {1, *tensor.dims[weight.axis :][:1]}
            if scale.ndim < 2 and scale.size in sizes and zero_point.size == scale.size:
                yield name, weight


def dequantize_weights(model: Any, folder: str) -> Iterator[Dequantized]:
    """Every quantized weight of a model: as ONNX Runtime's quantizers name it, packed, or read by `DequantizeLinear`."""
    named = dict(find_quantized_weights(model.graph, folder))
    for name, weight in named.items():
        yield Dequantized(name, weight.dequantize(), weight.step, _tensor_names(name))
    tensors = dict(named_tensors(model))
    yield from _packed(model, tensors, folder)
    yield from _read_by_dequantize_linear(model, tensors, folder, skip=named)


def _read_by_dequantize_linear(
    model: Any, tensors: Mapping[str, Any], folder: str, *, skip: Mapping[str, Any]
) -> Iterator[Dequantized]:
    from onnx import numpy_helper

    for node in model.graph.node:
        inputs = [tensors[name] for name in node.input if name in tensors]
        if node.op_type != "DequantizeLinear" or len(inputs) < len(node.input) or node.input[0] in skip:
            continue
        if inputs[0].data_type in INTEGER_TYPES:
            attributes = {attribute.name: attribute.i for attribute in node.attribute}
            arrays = [numpy_helper.to_array(tensor, folder) for tensor in inputs]
            axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
            integers, step, *zero = (_broadcastable(one, arrays[0].shape, axis, block) for one in arrays)
            values = (integers.astype(np.float32) - (zero[0].astype(np.float32) if zero else 0)) * step
            yield Dequantized(node.input[0], values, step, tuple(node.input))


def _packed(model: Any, tensors: Mapping[str, Any], folder: str) -> Iterator[Dequantized]:
    """Weights that `MatMulNBits` reads: blocks of few bits in bytes, the lowest bits first, each block with its scale.

    As N rows of K numbers, which is how a linear layer of PyTorch has them. The operator is described in ONNX Runtime's
    `docs/ContribOperators.md`.
    """
    from onnx import numpy_helper

    for node in all_nodes(model):
        if node.op_type != "MatMulNBits":
            continue
        attributes = {attribute.name: attribute.i for attribute in node.attribute}
        names = [name for name in node.input[1:4] if name]
        if len(node.input) > 4 and node.input[4]:  # groups of columns in another order
            continue
        if not all(name in tensors for name in names):
            continue
        rows, columns, size = attributes["N"], attributes["K"], attributes["block_size"]
        bits = attributes.get("bits", 4)
        if bits not in PACKED_BITS:
            continue
        packed, scale, *zero = (numpy_helper.to_array(tensors[name], folder) for name in names)
        blocks = -(-columns // size)
        integers = _unpacked(packed.reshape(rows, -1), bits)[:, : blocks * size].reshape(rows, blocks, size)
        step = scale.reshape(rows, blocks, 1).astype(np.float32)
        middle: Array = np.array(1 << (bits - 1), np.float32)
        if zero and zero[0].dtype == np.uint8:
            middle = _unpacked(zero[0].reshape(rows, -1), bits)[:, :blocks, None]
        elif zero:
            middle = zero[0].reshape(rows, blocks, 1).astype(np.float32)
        values = ((integers - middle) * step).reshape(rows, -1)[:, :columns]
        steps = np.broadcast_to(step, integers.shape).reshape(rows, -1)[:, :columns]
        yield Dequantized(node.input[1], values, steps, tuple(names))


def _unpacked(rows: Array, bits: int) -> Array:
    """The numbers in rows of bytes, as float32."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.asarray((rows[..., None] >> shifts & np.uint8((1 << bits) - 1)).reshape(len(rows), -1), np.float32)


def _broadcastable(array: Array, shape: tuple[int, ...], axis: int, block: int) -> Array:
    """A scale or a zero point as it broadcasts with integers of some shape: one for all, for each channel or block."""
    if block:
        repeated = np.repeat(array, block, axis=axis) if array.shape != shape else array
        return repeated[tuple(slice(size) for size in shape)]
    if array.ndim == 1 and len(shape) > 1:
        return array.reshape([-1 if dim == axis % len(shape) else 1 for dim in range(len(shape))])
    return array


def _tensor_names(name: str) -> tuple[str, ...]:
    """The names of a weight's integers, its scale and its zero point, by that of its integers."""
    return (name, *(name.removesuffix(INTEGERS) + suffix for suffix in (SCALE, ZERO_POINT)))


def _channel_axis(reader: Any, tensor: Any) -> int:
    """The axis of a weight's channels: the outputs of a convolution, the columns of a product."""
    attributes = {attribute.name: attribute.i for attribute in reader.attribute}
    return int(attributes.get("axis", 0 if "Conv" in reader.op_type else -1)) % max(1, len(tensor.dims))
