"""The tensors of an ONNX file as numbers, each with how far its type lets it lie from the weight that it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.graph.onnx_file import precision_of
from mqa_onnxruntime.graph.protobuf import named_tensors
from mqa_onnxruntime.weights.quantized_weights import dequantize_weights

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Array: TypeAlias = npt.NDArray[Any]
    Bools: TypeAlias = npt.NDArray[np.bool_]

SIGNIFICAND_BITS = {"float16": 11, "bfloat16": 8}
# What converters write for smaller numbers, and a rounding of it.
SMALLEST = {"float16": 1.2e-7, "bfloat16": 1.2e-7}
SUBNORMAL = 2.0**-14  # below which float16 has fewer digits
LARGE = 1e4  # from which on converters to float16 cut numbers off
QUANTIZED_STEPS = 1.01  # half a step of rounding, and half a step where the ends of the range are cut off
NARROW_TYPES = frozenset({"uint8", "int8", "uint4", "int4", "uint2", "int2"})  # that weights are quantized to


@dataclass(frozen=True)
class StoredTensor:
    """A tensor of a file: `values` are what its numbers stand for.

    `half_types` are the 16-bit types that its numbers may have been rounded to. `step` is the distance from one number
    of a quantized tensor to the next, broadcastable to the values; None of a tensor that is not quantized.
    """

    name: str
    values: Array
    half_types: tuple[str, ...] = ()
    step: Array | None = None

    @property
    def is_fractional(self) -> bool:
        """Whether its numbers may have a fraction."""
        return is_fractional(self.values)

    @property
    def is_narrow(self) -> bool:
        """Whether its numbers are integers of few bits, such as weights are quantized to."""
        return self.step is None and self.values.dtype.name in NARROW_TYPES

    @property
    def roundoff(self) -> float:
        """The unit roundoff of its 16-bit type, relative to a number; 0 for wider types."""
        return max((2.0 ** -SIGNIFICAND_BITS[half] for half in self.half_types), default=0.0)

    def at(self, indices: tuple[Array, ...]) -> StoredTensor:
        """Some of its numbers, by their indices along each axis."""
        step = None if self.step is None else np.broadcast_to(self.step, self.values.shape)[indices]
        return StoredTensor(self.name, self.values[indices], self.half_types, step)

    def tolerance(self) -> Array:
        """How far each number may lie from what it was rounded from, broadcastable to the values."""
        if self.step is not None:
            return QUANTIZED_STEPS * np.abs(self.step)
        sizes = np.abs(np.asarray(self.values, np.float32))
        return np.asarray(max((_spacing(sizes, half) for half in self.half_types), key=np.sum, default=np.float32(0)))

    def differs_from(self, weight: Array) -> Bools:
        """Which of its numbers are not those of a weight of the same shape, rounded as the tensor's type rounds."""
        differs = np.asarray(~_equal(self.values, weight))
        if not (differs.any() and (self.half_types or self.step is not None)):
            return differs
        part = self.at(np.nonzero(differs))
        found, right = (np.asarray(array, np.float64) for array in (part.values, weight[differs]))
        with np.errstate(invalid="ignore"):
            near = np.abs(found - right) <= part.tolerance()
        if "float16" in self.half_types:
            near |= (np.abs(right) >= LARGE) & (np.abs(found) >= LARGE) & (np.sign(found) == np.sign(right))
        differs[differs] = ~(near & np.isfinite(found))
        return differs

    def find_rounding(self, weight: Array) -> str:
        """The 16-bit type that its numbers were rounded to beyond what its own type rounds; empty if none."""
        if self.step is not None:
            return ""
        halves = (half for half in SIGNIFICAND_BITS if half not in self.half_types)
        return next((half for half in halves if self._is_rounded_to(half, weight)), "")

    def _is_rounded_to(self, half: str, weight: Array) -> bool:
        values = np.asarray(self.values, np.float32)
        with np.errstate(over="ignore"):
            same = values.astype(_half_dtype(half)).astype(np.float32) == values
        rounded = bool((same | (np.abs(values) < SUBNORMAL)).all())
        return rounded and not StoredTensor(self.name, values, (half,)).differs_from(weight).any()

    def describe_difference(self, weight: Array) -> str:
        """How it differs from a weight of the same shape, in words."""
        differs = self.differs_from(weight)
        found, right = (np.asarray(array, np.float64) for array in (self.values, weight))
        if broken := int(np.count_nonzero(np.isfinite(right) & ~np.isfinite(found))):
            return f"{broken:,} of {differs.size:,} numbers are NaN or Inf"
        largest = f"by {np.abs(found - right)[differs].max():.3g} at most"
        if half := self.find_rounding(weight):
            return f"it is rounded to {half}, {largest}"
        if differs.ndim < 2 or differs.all():
            return f"{np.count_nonzero(differs):,} of {differs.size:,} numbers differ, {largest}"
        rows = np.asarray(differs.reshape(len(differs), -1).any(axis=1))
        first = int(np.flatnonzero(rows)[0])
        return f"{rows.sum():,} of {len(rows):,} rows differ, {largest}; the first is {first}"

    def describe_non_finite(self) -> str:
        """How many of its numbers are NaN, or infinities that belong to no mask; empty where none is."""
        values = self.values.astype(np.float32)
        infinite = np.isinf(values)
        mask = infinite.any() and len(np.unique(values[~infinite])) < 2
        broken = np.isnan(values) | (infinite if not mask else False)
        return f"{np.count_nonzero(broken):,} of {broken.size:,} numbers are NaN or Inf" if broken.any() else ""


def read_tensors(path: Path, model: Any) -> Iterator[StoredTensor]:
    """Every tensor of a file: quantized weights as numbers, then initializers and constants of nodes.

    Those in subgraphs and functions are included. The tensors that a quantized weight is stored in are not.
    """
    from onnx import numpy_helper

    precision = precision_of(model)
    halves = (precision,) if precision in SIGNIFICAND_BITS else ()
    folder = str(path.parent)
    quantized = {weight.name: weight for weight in dequantize_weights(model, folder)}
    parts = {name for weight in quantized.values() for name in weight.tensors}
    yield from (StoredTensor(name, weight.values, step=weight.step) for name, weight in quantized.items())
    for name, tensor in named_tensors(model):
        if name not in parts:
            values = numpy_helper.to_array(tensor, folder)
            own = values.dtype.name
            yield StoredTensor(name, values, (own,) if own in SIGNIFICAND_BITS else halves)


def is_fractional(array: Array) -> bool:
    """Whether an array's numbers may have a fraction."""
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def _half_dtype(half: str) -> Any:
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16) if half == "bfloat16" else np.dtype(np.float16)


def _equal(one: Array, other: Array) -> Array:
    return np.asarray((one == other) | ((one != one) & (other != other)))  # noqa: PLR0124 - NaN, of integers and bfloat16 too


def _spacing(sizes: Array, half: str) -> Array:
    """The distance from a number to the next larger one in a 16-bit type."""
    _, exponent = np.frexp(sizes)
    return np.asarray(np.ldexp(np.float32(1), exponent - SIGNIFICAND_BITS[half]) + np.float32(SMALLEST[half]))
