"""An ONNX file in float64: the same graph with every number of fewer bits made wider."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mqa_onnxruntime.capture import captured
from mqa_onnxruntime.graph import read_graph
from mqa_onnxruntime.passes import passed
from mqa_onnxruntime.protobuf import messages
from mqa_registry import NotRunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.runner import SessionRunner

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Execute: TypeAlias = Callable[[Sequence[str], Arrays], Sequence[npt.NDArray[Any]]]

FLOAT, DOUBLE = 1, 11  # as the standard numbers the types of elements
NARROW = {FLOAT, 10, 16}  # float32, float16, bfloat16
TYPED = ("to", "dtype")  # attributes of operators that are types of elements
INTEGERS = ("DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QuantizeLinear")
MOST_BYTES = 900_000_000  # of a file with all its weights: twice as much is what one message of protobuf holds


@dataclass(frozen=True)
class Wide:
    """Runs a graph in float64: inputs of fewer bits are widened, outputs stay as wide as they come out.

    `model` is that graph, `narrow` the runner of the file itself, which knows what to feed it, and its modules.
    """

    model: Any
    narrow: SessionRunner
    threads: int | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        return {**self.narrow.identity, "dtype": "float64"}

    @property
    def facts(self) -> Mapping[str, Any]:
        return {**self.narrow.facts, "precision": "float64"}

    @property
    def budget(self) -> int:
        return self.narrow.budget

    def check(self) -> None:
        """A NotRunError where nothing here runs such a graph."""
        _ = self._execute

    def run(self, batch: Arrays) -> Arrays:
        """The outputs by name, as float64."""
        names = [value.name for value in self.model.graph.output]
        return self.narrow.named(names, self._execute(names, self._feed(batch)))

    @contextmanager
    def variant(self, *, dtype: str = "", optimization: str = "", threads: int | None = None) -> Iterator[Wide]:
        """None but itself."""
        if optimization or dtype not in {"", "float64"}:
            raise NotRunError("a file that was widened to float64 has no other variants")
        yield replace(self, threads=threads or self.threads)

    def modules(self) -> Sequence[str]:
        """Those of the file."""
        return self.narrow.modules()

    def tap(self, batch: Arrays, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """What these modules give, once for each time they run."""
        import onnx

        parts = [part for part in self.narrow.anatomy().parts() if part.module in modules]
        values = list(dict.fromkeys(part.value for part in parts))
        tapped = type(self.model)()
        tapped.CopyFrom(self.model)
        del tapped.graph.output[:]
        tapped.graph.output.extend(onnx.helper.make_tensor_value_info(name, DOUBLE, None) for name in values)
        found = dict(zip(values, executor(tapped, self.threads)(values, self._feed(batch)), strict=True))
        return {name: [found[part.value] for part in parts if part.module == name] for name in modules}

    def _feed(self, batch: Arrays) -> Arrays:
        return {name: _wide(array) for name, array in self.narrow.feed(batch).items()}

    @cached_property
    def _execute(self) -> Execute:
        return executor(self.model, self.threads)


def widened(path: Path) -> Any:
    """The graph of a file with every weight, input, output and cast of fewer bits in float64.

    Raises a NotRunError where it calculates with integers instead, which no wider number stands for.
    """
    import onnx

    if sum((path.parent / name).stat().st_size for name in read_graph(path).files) > MOST_BYTES:
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


def executor(model: Any, threads: int | None) -> Execute:
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
            evaluator = ReferenceEvaluator(model, new_ops=_exact_operators())
        except Exception as error:
            raise NotRunError(
                f"neither ONNX Runtime nor ONNX's evaluator runs it in float64: {error!s:.160}"
            ) from error
        return lambda names, feed: list(cast("list[Any]", evaluator.run(list(names), dict(feed))))
    return partial(passed, session)


def _exact_operators() -> list[Any]:
    """Operators in the precision of their inputs, which ONNX's own evaluator has in float32 alone, whatever comes in."""
    from onnx.reference.op_run import OpRun
    from scipy.special import erf

    class Erf(OpRun):
        op_domain = ""

        def _run(self, x: Any) -> Any:
            return (erf(x),)

    class LayerNormalization(OpRun):
        op_domain = ""

        def _run(self, x: Any, scale: Any, bias: Any = None, axis: int = -1, epsilon: float = 1e-5, **_: Any) -> Any:
            axes = tuple(range(axis % x.ndim, x.ndim))
            mean = x.mean(axes, keepdims=True)
            inverse = 1 / np.sqrt(x.var(axes, keepdims=True) + epsilon)
            whole = (x - mean) * inverse * scale
            return whole if bias is None else whole + bias, mean, inverse

    return [Erf, LayerNormalization]


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
