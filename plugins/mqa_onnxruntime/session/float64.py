"""An ONNX file in float64: the same graph with every number of fewer bits widened, and a runner of it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mqa_onnxruntime.captured_output import capture_output
from mqa_onnxruntime.execution_providers import CPU
from mqa_onnxruntime.graph.onnx_file import read_onnx_file
from mqa_onnxruntime.graph.protobuf import ElementType, copy_message, messages
from mqa_onnxruntime.session.execution import run_session
from mqa_onnxruntime.session.factory import SessionConfig, create_session
from mqa_registry import NotRunError, RunnerFacts, summarize_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.session.execution import Execute
    from mqa_onnxruntime.session.runner import SessionRunner

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

DOUBLE = int(ElementType.DOUBLE)
NARROW = frozenset({ElementType.FLOAT, ElementType.FLOAT16, ElementType.BFLOAT16})
TYPE_ATTRIBUTES = frozenset({"to", "dtype"})  # attributes of operators that are element types
INTEGER_OPERATORS = frozenset({"DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "QuantizeLinear"})
MAX_BYTES = 900_000_000  # of a file with all its weights: twice as much is what one message of protobuf holds


@dataclass(frozen=True)
class Float64Runner:
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
    def facts(self) -> RunnerFacts:
        return replace(self.narrow.facts, precision="float64")

    @property
    def budget(self) -> int:
        return self.narrow.budget

    def check(self) -> None:
        """Raise a NotRunError where neither ONNX Runtime nor ONNX's evaluator runs the graph."""
        _ = self._execute

    def run(self, batch: Arrays) -> Arrays:
        """The outputs by name, as float64."""
        names = [value.name for value in self.model.graph.output]
        return self.narrow.name_outputs(names, self._execute(names, self._feed(batch)))

    @contextmanager
    def variant(
        self, *, dtype: str = "", optimization: str = "", threads: int | None = None
    ) -> Iterator[Float64Runner]:
        """The same graph with other threads; it has no other variants."""
        if optimization or dtype not in {"", "float64"}:
            raise NotRunError("a file that was widened to float64 has no other variants")
        yield replace(self, threads=threads or self.threads)

    def module_names(self) -> Sequence[str]:
        """The modules of the file."""
        return self.narrow.module_names()

    def module_outputs(self, batch: Arrays, modules: Sequence[str]) -> Mapping[str, Sequence[npt.NDArray[Any]]]:
        """The outputs of these modules, one per call."""
        import onnx

        calls = [call for call in self.narrow.module_graph().calls() if call.module in modules]
        values = list(dict.fromkeys(call.value for call in calls))
        extended = copy_message(self.model)
        del extended.graph.output[:]
        extended.graph.output.extend(onnx.helper.make_tensor_value_info(name, DOUBLE, None) for name in values)
        arrays = dict(zip(values, executor(extended, self.threads)(values, self._feed(batch)), strict=True))
        return {name: [arrays[call.value] for call in calls if call.module == name] for name in modules}

    def _feed(self, batch: Arrays) -> Arrays:
        feed = self.narrow.feed(batch)
        return {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feed.items()}

    @cached_property
    def _execute(self) -> Execute:
        return executor(self.model, self.threads)


def widen_graph(path: Path) -> Any:
    """The `ModelProto` of a file with every weight, input, output and cast of fewer bits in float64.

    Raises a NotRunError where it computes with integers instead, which no wider number stands for.
    """
    import onnx

    if sum((path.parent / name).stat().st_size for name in read_onnx_file(path).files) > MAX_BYTES:
        raise NotRunError(f"`{path}` is too large to be widened to float64")
    model = onnx.load(str(path))
    if found := next((node.op_type for node in model.graph.node if node.op_type in INTEGER_OPERATORS), ""):
        raise NotRunError(f"`{path}` calculates with integers (`{found}`), which have no float64")
    for message in messages(model):
        if isinstance(message, onnx.TensorProto):
            _widen_tensor(message)
        elif isinstance(message, onnx.TypeProto.Tensor) and message.elem_type in NARROW:
            message.elem_type = DOUBLE
        elif isinstance(message, onnx.AttributeProto) and message.name in TYPE_ATTRIBUTES and message.i in NARROW:
            message.i = DOUBLE
        elif isinstance(message, onnx.NodeProto):
            _widen_implicit_type(message)
    return model


def executor(model: Any, threads: int | None) -> Execute:
    """What runs such a graph: ONNX Runtime, else ONNX's own evaluator, which has every standard operator in numpy."""
    from onnx.reference import ReferenceEvaluator

    try:
        with tempfile.TemporaryFile() as log, capture_output(log):
            session = create_session(model.SerializeToString(), [(CPU, {})], SessionConfig("disabled", threads))
    except Exception:  # it has not every kernel in float64
        try:
            evaluator = ReferenceEvaluator(model, new_ops=_exact_operators())
        except Exception as error:
            reason = summarize_error(error)
            raise NotRunError(f"neither ONNX Runtime nor ONNX's evaluator runs it in float64: {reason}") from error
        return lambda names, feed: list(cast("list[Any]", evaluator.run(list(names), dict(feed))))
    return partial(run_session, session)


def _exact_operators() -> list[Any]:
    """Operators in the precision of their inputs, which ONNX's own evaluator computes in float32 alone."""
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


def _widen_tensor(tensor: Any) -> None:
    import onnx

    if tensor.data_type in NARROW:
        array = np.asarray(onnx.numpy_helper.to_array(tensor)).astype(np.float64)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))


def _widen_implicit_type(node: Any) -> None:
    """Widen types that an operator has without declaring them: of a constant of floats, and of zeros."""
    import onnx

    for attribute in node.attribute:
        if node.op_type == "Constant" and attribute.name in {"value_float", "value_floats"}:
            array = np.array(attribute.f if attribute.name == "value_float" else list(attribute.floats), np.float64)
            node.attribute[0].CopyFrom(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(array)))
            return
    names = {attribute.name for attribute in node.attribute}
    if node.op_type == "ConstantOfShape" and "value" not in names:
        node.attribute.append(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(np.zeros(1))))
