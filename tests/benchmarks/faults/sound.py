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

from tests.benchmarks.faults.exporting import EXPORTERS, export, quiet
from tests.benchmarks.faults.finishing import LEVELS, optimize, take_names, to_half
from tests.benchmarks.faults.judging import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.benchmarks.faults.exporting import Exporter
    from tests.benchmarks.faults.subjects import Subject

OPSETS: dict[Exporter, tuple[int, ...]] = {"script": (14, 15, 16, 18, 20), "dynamo": (19, 20, 21, 22, 23)}
CONVERTED = 19, 21
STEP = 5  # variants from one subject to the next
LENGTH = 16  # tokens of rows that all have as many


@dataclass(frozen=True)
class Variant:
    """A way to make a sound file of a subject, and whether its rows have one length."""

    exporter: Exporter
    name: str
    make: Callable[[Subject, Path], None]
    one_length: bool = False


def vary(
    subjects: Mapping[str, Subject], folder: Path, most: int, exporters: Sequence[Exporter] = EXPORTERS
) -> Iterator[tuple[str, list[str]]]:
    """Each file with a name and the command that holds it: of one subject after the other, another variant each time."""
    ways = [one for one in variants() if one.exporter in exporters]
    turns = (
        (subject, ways[(turn + STEP * place) % len(ways)])
        for turn in range(len(ways))
        for place, subject in enumerate(subjects.values())
    )
    for number, (subject, way) in enumerate(islice(turns, most)):
        name = f"{subject.architecture.name}, {way.exporter}, {way.name}"
        file = folder / f"sound-{number:04}.onnx"
        try:
            with quiet():
                way.make(subject, file)
            _open(file)
        except Exception as error:  # what cannot be made, or opened, is no file to hold
            print(f"no file: {name}: {(str(error).splitlines() or [type(error).__name__])[0][:200]}", flush=True)
            continue
        rows = _of_one_length(subject) if way.one_length else subject.rows
        yield name, command(subject.model, file, rows, folder / "store", folder / "report.json")


def variants() -> Iterator[Variant]:
    """Every way there is, those of each exporter after one another."""
    for exporter in EXPORTERS:
        yield Variant(exporter, "as it is", _plain(exporter))
        yield from (
            Variant(exporter, f"optimized ({level})", _finished(exporter, partial(optimize, level=level)))
            for level in LEVELS
        )
        yield Variant(exporter, "with fused operators", _fused(exporter))
        yield Variant(exporter, "folded by ONNX Script", _folded(exporter))
        yield Variant(
            exporter, "converted to float16", _finished(exporter, partial(to_half, keep_ends=exporter == "script"))
        )
        yield Variant(exporter, "of the model in float16", _half_model(exporter))
        yield Variant(exporter, "with external data", _external(exporter))
        yield Variant(exporter, "with weights in nodes", _in_nodes(exporter))
        yield Variant(exporter, "without names", _finished(exporter, take_names))
        yield Variant(exporter, "in eight bits", _eight_bits(exporter))
        yield Variant(exporter, "with fixed sizes", _exported(exporter, fixed=True), one_length=True)
        yield from (Variant(exporter, f"of opset {one}", _exported(exporter, opset=one)) for one in OPSETS[exporter])
    yield from (Variant("script", f"converted to opset {one}", _converted(one)) for one in CONVERTED)


def _open(file: Path) -> None:
    """Raises where ONNX Runtime does not take a file."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _plain(exporter: Exporter) -> Callable[[Subject, Path], None]:
    def make(subject: Subject, file: Path) -> None:
        file.write_bytes(subject.sound(exporter)[0].read_bytes())

    return make


def _exported(exporter: Exporter, *, opset: int | None = None, fixed: bool = False) -> Callable[[Subject, Path], None]:
    def make(subject: Subject, file: Path) -> None:
        rows = dict(np.load(_of_one_length(subject))) if fixed else None
        export(subject.module, subject.architecture, exporter, file, opset=opset, fixed=fixed, rows=rows)

    return make


def _of_one_length(subject: Subject) -> Path:
    """Rows that all have one length, where the model's are texts."""
    path = subject.folder / "one-length.npz"
    if not path.exists():
        rows = subject.architecture.rows(3, LENGTH if subject.architecture.reads_text else None)
        np.savez(path, allow_pickle=False, **rows)
    return path


def _converted(opset: int) -> Callable[[Subject, Path], None]:
    def make(subject: Subject, file: Path) -> None:
        onnx.save(version_converter.convert_version(_loaded(subject, "script"), opset), file)

    return make


def _finished(exporter: Exporter, change: Callable[[Path], None]) -> Callable[[Subject, Path], None]:
    def make(subject: Subject, file: Path) -> None:
        file.write_bytes(subject.sound(exporter)[0].read_bytes())
        change(file)

    return make


def _fused(exporter: Exporter) -> Callable[[Subject, Path], None]:
    """As the optimizer for transformers fuses attention, GELU and normalizations."""

    def make(subject: Subject, file: Path) -> None:
        from onnxruntime.transformers.optimizer import optimize_model

        found = optimize_model(str(subject.sound(exporter)[0]), "bert", num_heads=2, hidden_size=32, opt_level=0)
        found.save_model_to_file(str(file))

    return make


def _folded(exporter: Exporter) -> Callable[[Subject, Path], None]:
    """As the optimizer of ONNX Script folds constants and rewrites patterns."""

    def make(subject: Subject, file: Path) -> None:
        from onnxscript import optimizer

        onnx.save(optimizer.optimize(_loaded(subject, exporter)), file)

    return make


def _half_model(exporter: Exporter) -> Callable[[Subject, Path], None]:
    def make(subject: Subject, file: Path) -> None:
        export(copy.deepcopy(subject.module).half(), subject.architecture, exporter, file)

    return make


def _external(exporter: Exporter) -> Callable[[Subject, Path], None]:
    def make(subject: Subject, file: Path) -> None:
        file.with_name(f"{file.name}.data").unlink(missing_ok=True)  # which would be written on
        onnx.save(_loaded(subject, exporter), file, save_as_external_data=True, location=f"{file.name}.data")

    return make


def _in_nodes(exporter: Exporter) -> Callable[[Subject, Path], None]:
    """Every weight in a `Constant` node."""

    def make(subject: Subject, file: Path) -> None:
        graph = subject.graph(exporter)
        for weight in [one.name for one in graph.proto.graph.initializer]:
            graph.to_constant(weight)
        onnx.save(graph.proto, file)

    return make


def _eight_bits(exporter: Exporter) -> Callable[[Subject, Path], None]:
    def make(subject: Subject, file: Path) -> None:
        from onnxruntime.quantization import quantize_dynamic

        quantize_dynamic(subject.sound(exporter)[0], file)

    return make


def _loaded(subject: Subject, exporter: Exporter) -> Any:
    return onnx.load(subject.sound(exporter)[0])
