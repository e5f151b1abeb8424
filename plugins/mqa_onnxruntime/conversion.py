"""The float32 export in another precision."""

from __future__ import annotations

import contextlib
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.arrays import read_arrays
from mqa_onnxruntime.graph import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from mqa_onnxruntime.variant import Variant

LARGEST = 1_500_000_000  # bytes of weights that still go into the ONNX file itself, which can have 2 GiB


def convert(variant: Variant, base: Path, path: Path, batches: Path | None) -> None:
    """Write the export `base` in the precision of a variant; inputs and outputs keep their types."""
    large = sum(file.stat().st_size for file in base.parent.glob(f"{base.name}*")) > LARGEST
    if variant.precision == "float16":
        _to_float16(base, path, large=large)
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        prepared = _prepared(base, Path(folder) / "prepared.onnx", large=large)
        if variant.precision == "int8-dynamic":
            _quantize_dynamic(prepared, path, per_channel=variant.per_channel, large=large)
        else:
            assert batches is not None
            _quantize_static(prepared, path, batches, per_channel=variant.per_channel, large=large)


def with_float32_edges(path: Path) -> None:
    """Let an ONNX file of bfloat16, a type that numpy has not, take and give float32."""
    from onnx import TensorProto, helper

    model = parsed(path)
    graph = model.graph
    given = [value for value in graph.input if value.type.tensor_type.elem_type == TensorProto.BFLOAT16]
    taken = [value for value in graph.output if value.type.tensor_type.elem_type == TensorProto.BFLOAT16]
    inner = {value.name: f"{value.name}_bfloat16" for value in (*given, *taken)}
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [inner.get(name, name) for name in names]
    for value in (*given, *taken):
        value.type.tensor_type.elem_type = TensorProto.FLOAT
    first = [_cast(value.name, inner[value.name], helper, TensorProto.BFLOAT16) for value in given]
    last = [_cast(inner[value.name], value.name, helper, TensorProto.FLOAT) for value in taken]
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
    onnx.save(model, str(path), save_as_external_data=large, all_tensors_to_one_file=True, location=f"{path.name}.data")


def _prepared(base: Path, path: Path, *, large: bool) -> Path:
    """With the shapes inferred that a quantizer needs, as far as that goes."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    known = {"save_as_external_data": large, "all_tensors_to_one_file": True}
    source = (base if large else _in_one_file(base, path.with_name("whole.onnx"))).resolve()
    path = path.resolve()
    # Where shape inference ends early, it leaves what it has in the current folder, weights and all.
    with tempfile.TemporaryDirectory() as leavings, contextlib.chdir(leavings):
        try:
            quant_pre_process(str(source), str(path), **known)
        except Exception:
            # Symbolic shape inference knows not every operator; the quantizer gains by it and can do without.
            traceback.print_exc()
            quant_pre_process(str(source), str(path), skip_symbolic_shape=True, **known)
    _forget_shapes_of_weights(path)
    return path


def _forget_shapes_of_weights(path: Path) -> None:
    """The quantizer turns some weights over, and then trips over the shapes that are written down for them."""
    model = parsed(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    known = [value for value in model.graph.value_info if value.name not in weights]
    del model.graph.value_info[:]
    model.graph.value_info.extend(known)
    path.write_bytes(model.SerializeToString())


def _in_one_file(base: Path, path: Path) -> Path:
    """With the weights inside, for the quantizer looks for those of its own temporary files in the wrong folder."""
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


def _quantize_static(prepared: Path, path: Path, batches: Path, *, per_channel: bool, large: bool) -> None:
    """Unsigned activations and signed weights, which is what x86 has instructions for."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime ships no types
        def __init__(self) -> None:
            self._batches: Iterator[dict[str, npt.NDArray[Any]]] = iter(read_arrays(batches))

        def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
            return next(self._batches, None)

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
