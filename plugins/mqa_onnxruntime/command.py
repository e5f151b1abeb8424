"""The command `mqa export`: its command line read as the options of the function `export`, and what it exported shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from mqa_onnxruntime import model_export
from mqa_registry import ExportOptions, ModelOptions, ReportOptions, RunOptions, flags, read_columns, show_export

RUN_FLAGS = flags("store", "offline", "plugin_files", "allow_code", "allow_pickle", "trust_remote_code")


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
    backend: Annotated[str, typer.Option(metavar="NAME", help="The backend that exports it.")] = model_export.BACKEND,
    options: Annotated[RunOptions, RUN_FLAGS],
    report: Annotated[ReportOptions, flags("json", "force")],
) -> int:
    """Export a model to ONNX, with everything checked and written down."""
    export_options = ExportOptions(
        task=named.task,
        source=named.source,
        opset=opset,
        precision=precision,
        per_channel=per_channel,
        columns=read_columns(columns or (), data),
        timeout=timeout,
        backend=backend,
    )
    run_options = replace(options, force=report.force)
    exported = model_export.export(
        named.model, out, inputs=data, options=export_options, run_options=run_options, report=report
    )
    return show_export(exported, report)
