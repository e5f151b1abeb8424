"""The precisions of an export, and the float32 export converted to them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_onnxruntime.export.exporters import Arrays

Precision = Literal["float32", "float16", "bfloat16", "int8-dynamic", "int8-static"]

MAX_EMBEDDED = 1_500_000_000  # bytes of weights that still go into the ONNX file itself, which can have 2 GiB


@dataclass(frozen=True)
class ExportPrecision:
    """The precision of an export.

    `per_channel` scales every channel of an int8 weight by itself. `calibration_data` is a file of rows to measure activations
    with, for `int8-static`; without it they are the suite's.
    """

    precision: Precision = "float32"
    per_channel: bool = False
    calibration_data: Path | None = None

    def __post_init__(self) -> None:
        if self.per_channel and not self.precision.startswith("int8"):
            raise DataError(f"`per_channel` is for int8, and `precision` is `{self.precision}`")
        if self.calibration_data is not None and not self.is_calibrated:
            raise DataError(f"`calibration_data` is for `int8-static`, and `precision` is `{self.precision}`")

    @property
    def is_traced(self) -> bool:
        """Whether it is exported from the module, and not converted from the float32 export."""
        return self.precision in {"float32", "bfloat16"}

    @property
    def is_calibrated(self) -> bool:
        """Whether it is made with rows of data."""
        return self.precision == "int8-static"

    def to_json(self) -> dict[str, Any]:
        """As a recipe or a job has it; calibration rows are kept apart."""
        return {"precision": self.precision, "per_channel": self.per_channel}


FLOAT32 = ExportPrecision()


def convert(precision: ExportPrecision, base: Path, path: Path, batches: Iterable[Arrays] = ()) -> None:
    """Write the float32 export `base` in another precision to `path`; inputs and outputs keep their types.

    `batches` are what `int8-static` is calibrated with.
    """
    large = sum(file.stat().st_size for file in base.parent.glob(f"{base.name}*")) > MAX_EMBEDDED
    if precision.precision == "float16":
        _to_float16(base, path, large=large)
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        prepared = _preprocess(base, Path(folder) / "prepared.onnx", large=large)
        if precision.precision == "int8-dynamic":
            _quantize_dynamic(prepared, path, per_channel=precision.per_channel, large=large)
        elif precision.is_calibrated:
            _quantize_static(prepared, path, batches, per_channel=precision.per_channel, large=large)
        else:
            raise ValueError(f"nothing converts the float32 export to {precision.precision}")


def with_float32_edges(path: Path) -> None:
    """Let an ONNX file in bfloat16, a type that numpy lacks, take and give float32."""
    from onnx import TensorProto, helper

    model = parse_model(path)
    graph = model.graph
    inputs = [value for value in graph.input if value.type.tensor_type.elem_type == TensorProto.BFLOAT16]
    outputs = [value for value in graph.output if value.type.tensor_type.elem_type == TensorProto.BFLOAT16]
    inner = {value.name: f"{value.name}_bfloat16" for value in (*inputs, *outputs)}
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [inner.get(name, name) for name in names]
    for value in (*inputs, *outputs):
        value.type.tensor_type.elem_type = TensorProto.FLOAT
    first = [_cast(value.name, inner[value.name], helper, TensorProto.BFLOAT16) for value in inputs]
    last = [_cast(inner[value.name], value.name, helper, TensorProto.FLOAT) for value in outputs]
    nodes = [*first, *graph.node, *last]
    del graph.node[:]
    graph.node.extend(nodes)
    path.write_bytes(model.SerializeToString())


def _cast(source: str, target: str, helper: Any, to: int) -> Any:
    return helper.make_node("Cast", [source], [target], name=f"edge_{source}", to=to)


def _to_float16(base: Path, path: Path, *, large: bool) -> None:
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    # Of a path, it infers shapes in a file: in memory that ends at 2 GiB.
    model = convert_float_to_float16(str(base) if large else onnx.load(str(base)), keep_io_types=True)
    remove_repeated_nodes(model.graph)
    onnx.save(model, str(path), save_as_external_data=large, all_tensors_to_one_file=True, location=f"{path.name}.data")


def remove_repeated_nodes(graph: Any) -> None:
    """Remove each node that equals an earlier one in all, its outputs too: ONNX Runtime refuses such a graph.

    The converter adds a cast for every node that it serves: twice the same where two of them read one value.
    """
    by_outputs: dict[tuple[str, ...], Any] = {}
    nodes = []
    for node in graph.node:
        earlier = by_outputs.setdefault(tuple(node.output), node)
        if earlier is node or earlier != node:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _preprocess(base: Path, path: Path, *, large: bool) -> Path:
    """The export with the shapes inferred that a quantizer needs, as far as that goes."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    source = base if large else _with_embedded_weights(base, path.with_name("whole.onnx"))
    quant_pre_process(
        str(source),
        str(path),
        # It knows not every operator of an export, leaves its files in the current folder where it gives up, and adds
        # little to the shapes that exporters write down.
        skip_symbolic_shape=True,
        save_as_external_data=large,
        all_tensors_to_one_file=True,
    )
    _remove_shapes_of_weights(path)
    return path


def _remove_shapes_of_weights(path: Path) -> None:
    """The quantizer transposes some weights, and then fails at the shapes that are declared for them."""
    model = parse_model(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    others = [value for value in model.graph.value_info if value.name not in weights]
    del model.graph.value_info[:]
    model.graph.value_info.extend(others)
    path.write_bytes(model.SerializeToString())


def _with_embedded_weights(base: Path, path: Path) -> Path:
    """One file with its weights inside: the quantizer looks for external data in the wrong folder."""
    import onnx

    onnx.save(onnx.load(str(base)), str(path))
    return path


def _quantize_dynamic(prepared: Path, path: Path, *, per_channel: bool, large: bool) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        prepared,
        path,
        per_channel=per_channel,
        weight_type=QuantType.QInt8,
        use_external_data_format=large,
        extra_options={"DefaultTensorType": 1},  # float32, for tensors of which no type could be inferred
    )


def _quantize_static(prepared: Path, path: Path, batches: Iterable[Arrays], *, per_channel: bool, large: bool) -> None:
    """Unsigned activations and signed weights, which is what x86 has instructions for."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
        def __init__(self) -> None:
            self._batches = iter(batches)

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self._batches, None)
            return None if batch is None else dict(batch)

    quantize_static(
        prepared,
        path,
        Reader(),
        per_channel=per_channel,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        use_external_data_format=large,
        extra_options={"DefaultTensorType": 1},
    )
