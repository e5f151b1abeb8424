"""A piece cut out of a graph: run by ONNX Runtime, worked out by the reference of ONNX, or kept in a file."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.eightbits import eight_bits
from mqa_onnxruntime.passes import passed
from mqa_onnxruntime.reasons import told
from mqa_onnxruntime.stored_tensors import named_tensors
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from mqa_onnxruntime.eightbits import EightBits
    from mqa_onnxruntime.reopening import Source

    Array = npt.NDArray[Any]

# Operations that compute with fewer bits, and the element types of numbers that hold fewer than float32.
COARSE = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "QLinear", "MatMulNBits")
SHAPES = 16  # numbers, in the largest tensor that is taken for a shape
LARGEST = 1e6  # of the numbers that are taken for a length
CLOSE = 1e-6  # of a number: what rounding to float32 leaves of an inverse
NARROW = {10: "float16", 16: "bfloat16", 2: "uint8", 3: "int8", 21: "uint4", 22: "int4"}


@dataclass(frozen=True)
class Piece:
    """A whole little model. `inputs` are the names of the values that it takes, `nodes` those of its nodes."""

    model: Any
    source: Source

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(value.name for value in self.model.graph.input)

    @property
    def output(self) -> str:
        return str(self.model.graph.output[0].name)

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(node.name or node.op_type for node in self.model.graph.node)

    @cached_property
    def weights(self) -> Mapping[str, Array]:
        """Its tensors that hold numbers with a fraction, or integers that stand for such: initializers and constants."""
        from onnx import numpy_helper

        kept = [
            (name, one)
            for name, one in named_tensors(self.model)
            if len(one.dims) and one.data_type in {1, 11, *NARROW}
        ]
        return {name: numpy_helper.to_array(tensor) for name, tensor in kept}

    def precisions(self) -> tuple[str, ...]:
        """In what it computes with fewer bits than float32: types of numbers, and operations on integers."""
        found = [NARROW[one.data_type] for one in self.model.graph.initializer if one.data_type in NARROW]
        found += [NARROW[to] for node in self.model.graph.node if (to := _cast_to(node)) in NARROW]
        found += [node.op_type for node in self.model.graph.node if node.op_type.startswith(COARSE)]
        return tuple(dict.fromkeys(found))

    def lengths(self) -> tuple[int, ...]:
        """The numbers in it that may be a length: whole ones in small tensors, and those by whose inverse it multiplies.

        Then the sizes of what it has along an axis, such as a table of positions.
        """
        from onnx import numpy_helper

        arrays = [numpy_helper.to_array(tensor) for _, tensor in named_tensors(self.model)]
        small = [array for array in arrays if array.size <= SHAPES]
        whole = [int(one) for array in small if array.dtype.kind in "iu" for one in array.flat]
        real = [float(one) for array in small if array.dtype.kind == "f" and array.size == 1 for one in array.flat]
        real += [1 / one for one in real if one]
        real = [one for one in real if 1 < abs(one) < LARGEST]
        found = [*whole, *(round(one) for one in real if abs(one - round(one)) <= CLOSE * abs(one))]
        sizes = [size for array in arrays for size in array.shape]
        return tuple(dict.fromkeys(one for one in (*found, *sizes) if one > 1))

    def rounded(self) -> Mapping[str, tuple[Array, Array]]:
        """Its weights of 8 bits, as the numbers that they stand for, and the step from one such number to the next."""
        return {name: (one.numbers(), one.step) for name, one in self._eight_bits.items()}

    def rounding(self, name: str, numbers: Array) -> Mapping[str, Array]:
        """The initializers that have other numbers stand in the place of such a weight."""
        return self._eight_bits[name].of(name, numbers)

    @cached_property
    def _eight_bits(self) -> Mapping[str, EightBits]:
        return dict(eight_bits(self.model.graph))

    def run(
        self, feeds: Mapping[str, Array], *, weights: Mapping[str, Array] | None = None, optimization: str = "disabled"
    ) -> Array:
        """By ONNX Runtime, with other weights where they are given."""
        model = self._with(weights) if weights else self.model
        session = self.source.open(graph=model.SerializeToString(), optimization=optimization)
        return _whole(passed(session, [self.output], self._typed(feeds))[0])

    def work_out(self, feeds: Mapping[str, Array]) -> Array:
        """By the reference of ONNX, in numpy; a NotRunError where that does not know an operation."""
        from onnx.reference import ReferenceEvaluator

        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                (found,) = ReferenceEvaluator(self.model).run(None, dict(self._typed(feeds)))
        except Exception as error:
            raise NotRunError(f"the reference of ONNX cannot work it out: {told(error)}") from error
        return _whole(found)

    def bypassing(self, start: str, end: str) -> Piece:
        """The same in which a value is another one: what is made between the two is left out."""
        from onnx import helper

        copy = type(self.model)()
        copy.CopyFrom(self.model)
        place = next(place for place, node in enumerate(copy.graph.node) if end in node.output)
        copy.graph.node[place].CopyFrom(helper.make_node("Identity", [start], [end], name=f"{end}/bypassed"))
        return replace(self, model=copy)

    def save(self, path: Path) -> None:
        """As one file, weights and all."""
        path.write_bytes(self.model.SerializeToString())

    def _typed(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """In the types that it takes: arrays that hold fewer bits come as float32."""
        from onnx import helper

        types = {value.name: value.type.tensor_type.elem_type for value in self.model.graph.input}
        return {name: np.asarray(feeds[name], helper.tensor_dtype_to_np_dtype(types[name])) for name in self.inputs}

    def _with(self, weights: Mapping[str, Array]) -> Any:
        from onnx import numpy_helper

        copy = type(self.model)()
        copy.CopyFrom(self.model)
        for name, tensor in named_tensors(copy):
            if name in weights:
                tensor.CopyFrom(numpy_helper.from_array(np.asarray(weights[name], order="C"), tensor.name))
        return copy


def whole_piece(model: Any, source: Source) -> Piece:
    """A piece whose weights are in the file itself, wherever they came from."""
    from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            load_external_data_for_tensor(tensor, str(source.path.parent))
            tensor.data_location = tensor.DEFAULT
            del tensor.external_data[:]
    return Piece(model, source)


def _cast_to(node: Any) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "to"), 0)


def _whole(values: Any) -> Array:
    return np.asarray(values, np.float32)
