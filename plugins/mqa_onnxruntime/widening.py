"""An ONNX file in float64: the same graph with every number of fewer bits made wider."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_onnxruntime.capture import captured
from mqa_onnxruntime.graph import messages
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

FLOAT, DOUBLE = 1, 11  # as the standard numbers the types of elements
NARROW = {FLOAT, 10, 16}  # float32, float16, bfloat16
TYPED = ("to", "dtype")  # attributes of operators that are types of elements
INTEGERS = ("DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QuantizeLinear")
MOST_BYTES = 1 << 30  # of a file that is widened in memory


@dataclass(frozen=True)
class Wide:
    """Runs a graph in float64: inputs of fewer bits are widened, outputs stay as wide as they come out.

    `feed` gives the file's inputs in its own types, `finish` makes named outputs of those of the graph.
    """

    execute: Callable[[Sequence[str], Arrays], Sequence[npt.NDArray[Any]]]
    names: Sequence[str]
    feed: Callable[[Arrays], Arrays]
    finish: Callable[[Sequence[str], Sequence[npt.NDArray[Any]]], Arrays]
    budget: int
    identity: Mapping[str, str]
    facts: Mapping[str, Any]

    def run(self, batch: Arrays) -> Arrays:
        """The outputs by name, as float64."""
        feed = {name: _wide(array) for name, array in self.feed(batch).items()}
        return self.finish(self.names, self.execute(self.names, feed))


def widened(path: Path) -> Any:
    """The graph of a file with every weight, input, output and cast of fewer bits in float64.

    Raises a NotRunError where it calculates with integers instead, which no wider number stands for.
    """
    import onnx

    if path.stat().st_size > MOST_BYTES:
        raise NotRunError(f"`{path}` is too large to be widened to float64 here")
    model = onnx.load(str(path))
    if found := next((node.op_type for node in model.graph.node if node.op_type in INTEGERS), ""):
        raise NotRunError(f"`{path}` calculates with integers (`{found}`), which have no float64")
    for message in messages(model):
        if isinstance(message, onnx.TensorProto):
            _widen(message)
        elif isinstance(message, onnx.TypeProto.Tensor) and message.elem_type in NARROW:
            message.elem_type = DOUBLE
        elif isinstance(message, onnx.AttributeProto) and message.name in TYPED and message.i in NARROW:
            message.i = DOUBLE
        elif isinstance(message, onnx.NodeProto):
            _say_types(message)
    return model


def executor(model: Any, threads: int | None) -> Callable[[Sequence[str], Arrays], Sequence[npt.NDArray[Any]]]:
    """What runs such a graph: ONNX Runtime, else ONNX's own evaluator, which has every standard operator in numpy."""
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, threads or 0
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        with tempfile.TemporaryFile() as log, captured(log):
            session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    except Exception:  # it has not every kernel in float64
        try:
            evaluator = ReferenceEvaluator(model, new_ops=[_layer_normalization()])
        except Exception as error:
            raise NotRunError(f"neither ONNX Runtime nor ONNX's evaluator runs it in float64: {error!s:.160}") from error
        return lambda names, feed: evaluator.run(list(names), dict(feed))
    return lambda names, feed: session.run(list(names), dict(feed))


def _layer_normalization() -> Any:
    """The operator in the precision of its input: ONNX's own evaluator has it in float32 alone, whatever comes in."""
    from onnx.reference.op_run import OpRun

    class LayerNormalization(OpRun):
        op_domain = ""

        def _run(self, x: Any, scale: Any, bias: Any = None, axis: int = -1, epsilon: float = 1e-5, **_: Any) -> Any:
            axes = tuple(range(axis % x.ndim, x.ndim))
            mean = x.mean(axes, keepdims=True)
            inverse = 1 / np.sqrt(x.var(axes, keepdims=True) + epsilon)
            whole = (x - mean) * inverse * scale
            return whole if bias is None else whole + bias, mean, inverse

    return LayerNormalization


def _widen(tensor: Any) -> None:
    import onnx

    if tensor.data_type in NARROW:
        array = np.asarray(onnx.numpy_helper.to_array(tensor)).astype(np.float64)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def _say_types(node: Any) -> None:
    """Types that an operator has where none is said: of a constant of floats, of random numbers, of zeros."""
    import onnx

    for attribute in node.attribute:
        if node.op_type == "Constant" and attribute.name in {"value_float", "value_floats"}:
            array = np.array(attribute.f if attribute.name == "value_float" else list(attribute.floats), np.float64)
            node.attribute[0].CopyFrom(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(array)))
            return
    said = {attribute.name for attribute in node.attribute}
    if node.op_type == "ConstantOfShape" and "value" not in said:
        node.attribute.append(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(np.zeros(1))))


def _wide(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.float64) if array.dtype.kind == "f" else array
