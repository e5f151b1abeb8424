"""Exporting a PyTorch module to an ONNX file, by the first exporter that succeeds."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.captured_output import capture_output
from mqa_onnxruntime.export.decoder_cache import flatten_cache_names, with_nested_cache
from mqa_onnxruntime.graph.onnx_file import read_onnx_file
from mqa_onnxruntime.graph.provenance import move_metadata
from mqa_registry import MqaError, NotRunError, summarize_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_onnxruntime.graph.onnx_file import OnnxFile
    from mqa_registry import OnnxConverter

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
    Axes: TypeAlias = Mapping[str, Sequence[int]]

EXPORTERS = ("transformers", "torch")  # in the order they are tried
MODEL = "model.onnx"
LOG = "export.log"
ONLY_OUTPUT = "output"  # the name of a bare tensor


@dataclass(frozen=True)
class TraceInput:
    """A module, tensors to trace it with, and which of their axes are dynamic."""

    module: Any
    inputs: dict[str, Any]
    shapes: dict[str, dict[int, Any]]
    opset: int | None

    def copy(self) -> TraceInput:
        """A copy for one exporter: they change what they are given."""
        return replace(self, module=copy.deepcopy(self.module), inputs=dict(self.inputs))


def dynamic_axes(rows: Sequence[Arrays], batch: Arrays) -> dict[str, tuple[int, ...]]:
    """The dynamic axes of each input that rows bring: the axis of rows, and those along which the rows differ."""
    return {
        name: (0, *_differing_axes([row[name].shape for row in rows], array.ndim))
        for name, array in batch.items()
        if name in rows[0]
    }


def export(module: Any, batch: Arrays, axes: Axes, folder: Path, opset: int | None) -> str:
    """Write `model.onnx`, its weights, its node metadata and a log into a folder; returns the name of the exporter.

    Raises a NotRunError where no exporter succeeds, an OSError where the folder cannot take the files.
    """
    import torch

    inputs = {name: torch.from_numpy(array.copy()) for name, array in batch.items()}
    shapes = {name: dict.fromkeys(axes[name], torch.export.Dim.DYNAMIC) for name in batch}
    trace_input = TraceInput(module, inputs, shapes, opset)
    failures: dict[str, str] = {}
    for name in EXPORTERS:
        try:
            with (folder / LOG).open("ab") as log, capture_output(log):
                _exporter(name)(trace_input.copy(), folder / MODEL)
            _check_export(read_onnx_file(folder / MODEL), axes, opset)
            move_metadata(folder / MODEL)
        except OSError:
            raise
        except Exception as error:
            failures[name] = summarize_error(error.__cause__ or error)  # exporters wrap it with advice
            _clean_up(folder, error)
        else:
            return name
    with (folder / LOG).open("ab") as log, capture_output(log):
        _check_runs(trace_input)
    raise NotRunError(f"the model cannot be exported to ONNX ({_join_reasons(failures)})")


def export_with(converter: OnnxConverter, module: Any, batch: Arrays, folder: Path, opset: int | None) -> str:
    """Write `model.onnx` and a log into a folder by the converter of a model's library; returns its name.

    Raises a NotRunError where it does not succeed, an OSError where the folder cannot take the files.
    """
    axes = dict.fromkeys(batch, (0,))
    try:
        with (folder / LOG).open("ab") as log, capture_output(log):
            converter.convert(module, batch, folder / MODEL, opset)
        _check_export(read_onnx_file(folder / MODEL), axes, opset)
    except (OSError, MqaError):
        raise
    except Exception as error:
        _clean_up(folder, error)
        raise NotRunError(
            f"the model cannot be exported to ONNX ({converter.name}: {summarize_error(error)})"
        ) from error
    return converter.name


def named_outputs(outputs: Any) -> dict[str, Any]:
    """The tensors among a module's outputs by name; what is inside of named ones, such as a cache, is left out.

    Where the module names none, their names are their positions, those inside of other outputs too: `0`, `1.0`.
    """
    import torch

    if isinstance(outputs, Mapping):
        return {name: value for name, value in outputs.items() if isinstance(value, torch.Tensor)}
    return dict(_by_position(outputs, ""))


def _by_position(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    import torch

    if isinstance(value, torch.Tensor):
        yield path or ONLY_OUTPUT, value
    elif isinstance(value, list | tuple):
        for position, part in enumerate(value):
            yield from _by_position(part, f"{path}.{position}" if path else str(position))


def _join_reasons(failures: Mapping[str, str]) -> str:
    """Each exporter's reason; one that they share stands once."""
    shared = {reason: [name for name, own in failures.items() if own == reason] for reason in failures.values()}
    return "; ".join(f"{' and '.join(names)}: {reason}" for reason, names in shared.items())


def _check_runs(trace_input: TraceInput) -> None:
    """Raise a NotRunError where the model itself does not run, which exporters report poorly."""
    try:
        _forward(trace_input.module, trace_input.inputs)
    except Exception as error:
        if _takes_one_row(trace_input):
            raise NotRunError(
                f"the model takes one row at a time, and an export is traced with several: {summarize_error(error)}",
                hint="a decoder needs a `pad_token` in its tokenizer, or a `pad_token_id` in `config.json`, to take batches",
            ) from error
        names = ", ".join(f"`{name}`" for name in trace_input.inputs)
        raise NotRunError(
            f"the model itself does not run on what it is to be traced with ({names}): {summarize_error(error)}",
            hint="give it rows that it takes, with `--data`",
        ) from error


def _takes_one_row(trace_input: TraceInput) -> bool:
    try:
        _forward(trace_input.module, {name: tensor[:1] for name, tensor in trace_input.inputs.items()})
    except Exception:  # then it does not run at all
        return False
    return True


def _forward(module: Any, inputs: Mapping[str, Any]) -> Any:
    import torch

    with torch.inference_mode():
        return module(**inputs)


def _exporter(name: str) -> Callable[[TraceInput, Path], None]:
    return {"transformers": _export_with_transformers, "torch": _export_with_torch}[name]


def _export_with_transformers(trace_input: TraceInput, path: Path) -> None:
    from transformers.exporters import OnnxConfig, OnnxExporter

    nested = with_nested_cache(trace_input)
    config = OnnxConfig(dynamic=True, dynamic_shapes=nested.shapes, opset_version=trace_input.opset)
    exporter = OnnxExporter()
    exporter.save_program(exporter.export(nested.module, nested.inputs, config).program, path)
    flatten_cache_names(path)


def _export_with_torch(trace_input: TraceInput, path: Path) -> None:
    import torch

    torch.onnx.export(
        trace_input.module,
        kwargs=trace_input.inputs,
        f=path,
        dynamo=True,
        dynamic_shapes=trace_input.shapes,
        opset_version=trace_input.opset,
        output_names=list(named_outputs(_forward(trace_input.module, trace_input.inputs))),
    )


def _differing_axes(shapes: Sequence[tuple[int, ...]], rank: int) -> list[int]:
    """The axes of a batch along which its rows differ; a row has one axis less."""
    if any(len(shape) != rank - 1 for shape in shapes):
        return []
    return [axis + 1 for axis, lengths in enumerate(zip(*shapes, strict=True)) if len(set(lengths)) > 1]


def _check_export(file: OnnxFile, axes: Axes, opset: int | None) -> None:
    """Raise a NotRunError where the file is not as requested: exporters may write another, and give no warning."""
    for name, dynamic in axes.items():
        fixed = sorted(set(dynamic) - set(file.dynamic_axes.get(name, dynamic)))
        if fixed:
            raise NotRunError(f"it fixes the length of axis {fixed[0]} of `{name}`")
    if opset is not None and file.opset != opset:
        raise NotRunError(f"it gives opset {file.opset} where {opset} was requested")


def _clean_up(folder: Path, error: Exception) -> None:
    """Log an exporter's error, and remove its files."""
    with (folder / LOG).open("a", encoding="utf-8", errors="backslashreplace") as log:
        log.writelines(traceback.format_exception(error))
    for file in folder.glob(f"{MODEL}*"):
        file.unlink()
