"""Sound files of great variety: what exporters, optimizers and converters make of a model, which must not FAIL."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import version_converter

from tests.benchmarks.faults.exporting import (
    EXPORTERS,
    LEVELS,
    convert_to_float16,
    export,
    optimize,
    silence,
    strip_names,
)
from tests.benchmarks.faults.scoring import make_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.benchmarks.faults.exporting import Exporter
    from tests.benchmarks.faults.model_under_test import ModelUnderTest

OPSETS: dict[Exporter, tuple[int, ...]] = {"script": (14, 15, 16, 18, 20), "dynamo": (19, 20, 21, 22, 23)}
CONVERTED = 19, 21
STEP = 5  # variants from one model to the next
LENGTH = 16  # tokens of rows that all have as many


@dataclass(frozen=True)
class Variant:
    """A way to make a sound file of a model, and whether its rows have one length."""

    exporter: Exporter
    name: str
    make: Callable[[ModelUnderTest, Path], None]
    one_length: bool = False


def make_sound_exports(
    models: Mapping[str, ModelUnderTest], folder: Path, most: int, exporters: Sequence[Exporter] = EXPORTERS
) -> Iterator[tuple[str, list[str]]]:
    """Each file with a name and the command that holds it: of one model after the other, another variant each time."""
    ways = [one for one in list_variants() if one.exporter in exporters]
    turns = (
        (model, ways[(turn + STEP * index) % len(ways)])
        for turn in range(len(ways))
        for index, model in enumerate(models.values())
    )
    for number, (model, way) in enumerate(islice(turns, most)):
        name = f"{model.architecture.name}, {way.exporter}, {way.name}"
        file = folder / f"sound-{number:04}.onnx"
        try:
            with silence():
                way.make(model, file)
            _require_session(file)
        except Exception as error:  # what cannot be made, or opened, is no file to hold
            print(f"no file: {name}: {(str(error).splitlines() or [type(error).__name__])[0][:200]}", flush=True)
            continue
        rows = _write_equal_length_rows(model) if way.one_length else model.rows
        yield name, make_command(model.argument, file, rows, folder / "store", folder / "report.json")


def list_variants() -> Iterator[Variant]:
    """Every way there is, those of each exporter after one another."""
    for exporter in EXPORTERS:
        yield Variant(exporter, "as it is", _copy(exporter))
        yield from (
            Variant(exporter, f"optimized ({level})", _postprocess(exporter, partial(optimize, level=level)))
            for level in LEVELS
        )
        yield Variant(exporter, "with fused operators", _fuse(exporter))
        yield Variant(exporter, "folded by ONNX Script", _fold(exporter))
        yield Variant(
            exporter,
            "converted to float16",
            _postprocess(exporter, partial(convert_to_float16, keep_ends=exporter == "script")),
        )
        yield Variant(exporter, "of the model in float16", _export_float16(exporter))
        yield Variant(exporter, "with external data", _save_external(exporter))
        yield Variant(exporter, "with weights in nodes", _move_weights_to_nodes(exporter))
        yield Variant(exporter, "without names", _postprocess(exporter, strip_names))
        yield Variant(exporter, "in eight bits", _quantize(exporter))
        yield Variant(exporter, "with fixed sizes", _export(exporter, fixed=True), one_length=True)
        yield from (Variant(exporter, f"of opset {one}", _export(exporter, opset=one)) for one in OPSETS[exporter])
    yield from (Variant("script", f"converted to opset {one}", _convert_opset(one)) for one in CONVERTED)


def _require_session(file: Path) -> None:
    """Raises where ONNX Runtime does not take a file."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _copy(exporter: Exporter) -> Callable[[ModelUnderTest, Path], None]:
    def make(model: ModelUnderTest, file: Path) -> None:
        file.write_bytes(model.sound(exporter)[0].read_bytes())

    return make


def _export(
    exporter: Exporter, *, opset: int | None = None, fixed: bool = False
) -> Callable[[ModelUnderTest, Path], None]:
    def make(model: ModelUnderTest, file: Path) -> None:
        rows = dict(np.load(_write_equal_length_rows(model))) if fixed else None
        export(model.module, model.architecture, exporter, file, opset=opset, fixed=fixed, rows=rows)

    return make


def _write_equal_length_rows(model: ModelUnderTest) -> Path:
    """Rows that all have one length, where the model's are texts."""
    path = model.folder / "one-length.npz"
    if not path.exists():
        rows = model.architecture.rows(3, LENGTH if model.architecture.reads_text else None)
        np.savez(path, allow_pickle=False, **rows)
    return path


def _convert_opset(opset: int) -> Callable[[ModelUnderTest, Path], None]:
    def make(model: ModelUnderTest, file: Path) -> None:
        onnx.save(version_converter.convert_version(_load(model, "script"), opset), file)

    return make


def _postprocess(exporter: Exporter, change: Callable[[Path], None]) -> Callable[[ModelUnderTest, Path], None]:
    def make(model: ModelUnderTest, file: Path) -> None:
        file.write_bytes(model.sound(exporter)[0].read_bytes())
        change(file)

    return make


def _fuse(exporter: Exporter) -> Callable[[ModelUnderTest, Path], None]:
    """As the optimizer for transformers fuses attention, GELU and normalizations."""

    def make(model: ModelUnderTest, file: Path) -> None:
        from onnxruntime.transformers.optimizer import optimize_model

        found = optimize_model(str(model.sound(exporter)[0]), "bert", num_heads=2, hidden_size=32, opt_level=0)
        found.save_model_to_file(str(file))

    return make


def _fold(exporter: Exporter) -> Callable[[ModelUnderTest, Path], None]:
    """As the optimizer of ONNX Script folds constants and rewrites patterns."""

    def make(model: ModelUnderTest, file: Path) -> None:
        from onnxscript import optimizer

        onnx.save(optimizer.optimize(_load(model, exporter)), file)

    return make


def _export_float16(exporter: Exporter) -> Callable[[ModelUnderTest, Path], None]:
    def make(model: ModelUnderTest, file: Path) -> None:
        export(copy.deepcopy(model.module).half(), model.architecture, exporter, file)

    return make


def _save_external(exporter: Exporter) -> Callable[[ModelUnderTest, Path], None]:
    def make(model: ModelUnderTest, file: Path) -> None:
        file.with_name(f"{file.name}.data").unlink(missing_ok=True)  # which would be written on
        onnx.save(_load(model, exporter), file, save_as_external_data=True, location=f"{file.name}.data")

    return make


def _move_weights_to_nodes(exporter: Exporter) -> Callable[[ModelUnderTest, Path], None]:
    """Every weight in a `Constant` node."""

    def make(model: ModelUnderTest, file: Path) -> None:
        graph = model.graph(exporter)
        for weight in [one.name for one in graph.proto.graph.initializer]:
            graph.to_constant(weight)
        onnx.save(graph.proto, file)

    return make


def _quantize(exporter: Exporter) -> Callable[[ModelUnderTest, Path], None]:
    def make(model: ModelUnderTest, file: Path) -> None:
        from onnxruntime.quantization import quantize_dynamic

        quantize_dynamic(model.sound(exporter)[0], file)

    return make


def _load(model: ModelUnderTest, exporter: Exporter) -> Any:
    return onnx.load(model.sound(exporter)[0])
