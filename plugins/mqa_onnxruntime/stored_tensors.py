"""The tensors of an ONNX file as numbers, each with how far its type lets it lie from the weight that it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.eightbits import eight_bits, parts_of
from mqa_onnxruntime.graph import precision_of
from mqa_onnxruntime.protobuf import messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Bools: TypeAlias = npt.NDArray[np.bool_]

BITS = {"float16": 11, "bfloat16": 8}  # of a significand
LEAST = {"float16": 1.2e-7, "bfloat16": 1.2e-7}  # what converters write for smaller numbers, and a rounding of it
TINY = 2.0**-14  # below which float16 has fewer digits
LARGE = 1e4  # from which on converters to float16 cut numbers off
STEPS = 1.01  # of a quantized number: half a step of rounding, and half a step where the ends are cut off
INTEGERS = (2, 3, 6, 21, 22)  # uint8, int8, int32, uint4 and int4, by their number in the ONNX standard
FEW_BITS = (2, 4, 8)  # of a packed weight: so many that a byte holds whole numbers
NARROW = frozenset({"uint8", "int8", "uint4", "int4", "uint2", "int2"})  # types that weights are quantized to


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a file: `values` are what its numbers stand for.

    `halves` are the types of 16 bits that its numbers may have been rounded to, `step` is the distance from one number
    of a quantized tensor to the next, in a shape that broadcasts.
    """

    name: str
    values: Array
    halves: tuple[str, ...] = ()
    step: Array | None = None

    @property
    def is_fractional(self) -> bool:
        """Whether its numbers may have a fraction."""
        return is_fractional(self.values)

    def at(self, places: tuple[Array, ...]) -> StoredTensor:
        """Some of its numbers, by their indices along each axis."""
        step = None if self.step is None else np.broadcast_to(self.step, self.values.shape)[places]
        return StoredTensor(self.name, self.values[places], self.halves, step)

    def allowed(self) -> Array:
        """How far each number may lie from what it was rounded from, broadcastable to the values."""
        if self.step is not None:
            return STEPS * np.abs(self.step)
        sizes = np.abs(np.asarray(self.values, np.float32))
        return np.asarray(max((_step(sizes, half) for half in self.halves), key=np.sum, default=np.float32(0)))

    @property
    def roundoff(self) -> float:
        """How far a number of its 16 bits may lie from what it was rounded from, as a share of it; 0 for wider ones."""
        return max((2.0 ** -BITS[half] for half in self.halves), default=0.0)

    @property
    def is_narrow(self) -> bool:
        """Whether its numbers are integers of few bits, such as weights are quantized to."""
        return self.step is None and self.values.dtype.name in NARROW

    def deviates(self, weight: Array) -> Bools:
        """Which of its numbers are not those of a weight of the same shape, rounded as the tensor's type rounds."""
        off = np.asarray(~_equal(self.values, weight))
        if not (off.any() and (self.halves or self.step is not None)):
            return off
        part = self.at(np.nonzero(off))
        found, right = (np.asarray(array, np.float64) for array in (part.values, weight[off]))
        with np.errstate(invalid="ignore"):
            near = np.abs(found - right) <= part.allowed()
        if "float16" in self.halves:
            near |= (np.abs(right) >= LARGE) & (np.abs(found) >= LARGE) & (np.sign(found) == np.sign(right))
        off[off] = ~(near & np.isfinite(found))
        return off

    def is_rounded_to(self, half: str, weight: Array) -> bool:
        """Whether its numbers are those of a weight of the same shape, rounded to another type of 16 bits."""
        values = np.asarray(self.values, np.float32)
        with np.errstate(over="ignore"):
            known = ((values.astype(dtype_of(half)).astype(np.float32) == values) | (np.abs(values) < TINY)).all()
        return bool(known) and not StoredTensor(self.name, values, (half,)).deviates(weight).any()


def read_tensors(path: Path, model: Any) -> Iterator[StoredTensor]:
    """Every tensor of a file: initializers, constants of nodes, and what quantized weights stand for.

    Those in graphs inside of nodes and in functions are among them. Integers that quantization made are told as the
    numbers that they stand for, once.
    """
    from onnx import numpy_helper

    precision = precision_of(model)
    halves = (precision,) if precision in BITS else ()
    folder = str(path.parent)
    quantized = {tensor.name: (tensor, parts) for tensor, parts in _quantized(model, folder)}
    beside = {name for _, parts in quantized.values() for name in parts}
    yield from (tensor for tensor, _ in quantized.values())
    for name, tensor in named_tensors(model):
        if name not in beside:
            values = numpy_helper.to_array(tensor, folder)
            own = values.dtype.name
            yield StoredTensor(name, values, (own,) if own in BITS else halves)


def named_tensors(model: Any) -> Iterator[tuple[str, Any]]:
    """The tensors of a model by the names of their values."""
    for message in messages(model):
        if message.DESCRIPTOR.name == "GraphProto":
            yield from ((tensor.name, tensor) for tensor in message.initializer)
        elif message.DESCRIPTOR.name == "NodeProto" and message.op_type == "Constant":
            yield from ((message.output[0], one.t) for one in message.attribute if one.HasField("t"))


def is_fractional(array: Array) -> bool:
    """Whether an array's numbers may have a fraction."""
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def dtype_of(half: str) -> Any:
    """The numpy type of a type of 16 bits."""
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16) if half == "bfloat16" else np.dtype(np.float16)


def _equal(one: Array, other: Array) -> Array:
    return np.asarray((one == other) | ((one != one) & (other != other)))  # noqa: PLR0124 - NaN, of integers and bfloat16 too


def _step(sizes: Array, half: str) -> Array:
    """From a number to the next larger in a type of 16 bits."""
    _, exponent = np.frexp(sizes)
    return np.asarray(np.ldexp(np.float32(1), exponent - BITS[half]) + np.float32(LEAST[half]))


def _quantized(model: Any, folder: str) -> Iterator[tuple[StoredTensor, tuple[str, ...]]]:
    """Quantized weights, as the quantizers of ONNX Runtime call them or as nodes read them, and the tensors each is made of."""
    from onnx import numpy_helper

    known = set()
    for name, one in eight_bits(model.graph, folder):
        known.add(name)
        yield StoredTensor(name, one.numbers(), step=one.step), parts_of(name)
    tensors = dict(named_tensors(model))
    yield from _packed(model, tensors, folder)
    for node in model.graph.node:
        read = [tensors[name] for name in node.input if name in tensors]
        if node.op_type != "DequantizeLinear" or len(read) < len(node.input) or node.input[0] in known:
            continue
        if read[0].data_type in INTEGERS:
            given = {one.name: one.i for one in node.attribute}
            arrays = [numpy_helper.to_array(tensor, folder) for tensor in read]
            axis, block = given.get("axis", 1), given.get("block_size", 0)
            integers, step, *zero = (_spread(one, arrays[0].shape, axis, block) for one in arrays)
            values = (integers.astype(np.float32) - (zero[0].astype(np.float32) if zero else 0)) * step
            yield StoredTensor(node.input[0], values, step=step), tuple(node.input)


def _packed(model: Any, tensors: Mapping[str, Any], folder: str) -> Iterator[tuple[StoredTensor, tuple[str, ...]]]:
    """Weights that `MatMulNBits` reads: blocks of few bits in bytes, the lowest bits first, each block with its scale.

    As N rows of K numbers, which is how a linear layer of PyTorch has them. The operator is described in ONNX Runtime's
    `docs/ContribOperators.md`.
    """
    from onnx import numpy_helper

    for node in messages(model):
        if node.DESCRIPTOR.name != "NodeProto" or node.op_type != "MatMulNBits":
            continue
        given = {one.name: one.i for one in node.attribute}
        names = [name for name in node.input[1:4] if name]
        if len(node.input) > 4 and node.input[4]:  # groups of columns in another order
            continue
        if not all(name in tensors for name in names):
            continue
        rows, columns, size, bits = given["N"], given["K"], given["block_size"], given.get("bits", 4)
        if bits not in FEW_BITS:
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
        yield StoredTensor(node.input[1], values, step=steps), tuple(names)


def _unpacked(rows: Array, bits: int) -> Array:
    """The numbers in rows of bytes, as float32."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return np.asarray((rows[..., None] >> shifts & np.uint8((1 << bits) - 1)).reshape(len(rows), -1), np.float32)


def _spread(array: Array, shape: tuple[int, ...], axis: int, block: int) -> Array:
    """A scale or a zero point as it broadcasts with integers of some shape: one for all, for each channel or block."""
    if block:
        return (
            np.repeat(array, block, axis=axis)[tuple(slice(size) for size in shape)] if array.shape != shape else array
        )
    if array.ndim == 1 and len(shape) > 1:
        return array.reshape([-1 if place == axis % len(shape) else 1 for place in range(len(shape))])
    return array
