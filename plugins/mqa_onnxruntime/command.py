"""The command `mqa export`: a model as an ONNX file, with its audit and its stamp."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mqa_registry import (
    ModelOptions,
    ReportOptions,
    RunOptions,
    check_output_folder,
    export_model,
    flags,
    read_columns,
    resolve_model,
    show_export,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry import Example

RUN_FLAGS = flags("store", "offline", "plugin_files", "allow_code", "allow_pickle", "trust_remote_code")
SOURCES = ("onnx/file", "torch/file", "torch/factory", "transformers/auto")  # of models, by their names
TASKS = "transformers"  # the plugin whose tasks are meant where the source's own has none
ARRAYS = "transformers/forward"  # the task that takes the inputs of any model as they are
DEFAULT_TIMEOUT = 3600.0  # seconds; a backend that ignores the limit is ended after twice as many


def export(
    named: ModelOptions,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.", show_default=False)],
    *,
    opset: Annotated[int | None, typer.Option(metavar="N", help="The version of ONNX's operators.")] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="NAME", help="float32, float16, bfloat16, int8-dynamic, int8-static.")
    ] = None,
    per_channel: Annotated[bool, typer.Option("--per-channel", help="Quantize every channel by itself.")] = False,
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="Rows to trace or to calibrate with.")] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN", help="Which column of --data is this field; may be repeated."),
    ] = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="End an export that takes longer.")] = None,
    backend: Annotated[str, typer.Option(metavar="NAME", help="The backend that exports it.")] = "onnxruntime/session",
    options: Annotated[RunOptions, RUN_FLAGS],
    report: Annotated[ReportOptions, flags("json", "force")],
) -> int:
    """Export a model to ONNX, with everything checked and written down."""
    mapped = read_columns(columns or (), data)
    check_output_folder(out)
    arrays = data is not None and data.suffix == ".npz"
    model = resolve_model(named, options, sources=SOURCES, tasks=TASKS, array_task=ARRAYS if arrays else "")
    exporting: dict[str, Any] = {
        "opset": opset, "precision": precision, "per_channel": per_channel or None, "export_timeout": timeout,
    }  # fmt: skip
    suite = {
        "model": model.table,
        "data": {"data": _rows(data, mapped, arrays=arrays)},
        "backends": {"export": {"use": backend} | {key: one for key, one in exporting.items() if one is not None}},
    }
    limits = replace(options, timeout=2 * max(DEFAULT_TIMEOUT, timeout or 0.0), force=report.force)
    exported, samples = export_model(suite, out, limits, only_trace=data is None)
    about = {"task": model.task_reason} if model.task_reason else {}
    if data is None and samples:
        about["traced with"] = _describe_rows(samples)
    return show_export(exported, report, about)


def _rows(data: Path | None, columns: Mapping[str, str], *, arrays: bool) -> dict[str, Any]:
    """The rows to trace or calibrate with, as a suite names them."""
    if data is None:
        return {"use": "datasets/sentences"}
    mapped = {"columns": dict(columns)} if columns else {}
    return {"use": "datasets/arrays" if arrays else "datasets/file", "path": str(data), **mapped}


def _describe_rows(samples: Sequence[Example]) -> str:
    lengths = [len(str(one["text"])) for one in samples]
    return f"{len(lengths)} texts of mqa's own, of {min(lengths)} to {max(lengths)} characters; `--data` names others"
