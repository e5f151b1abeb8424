"""Exports: a model as an ONNX file, with its audit and its stamp. The function `export`, which the command calls too."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import (
    Exported,
    ModelOptions,
    UsageError,
    check_output_folder,
    export_model,
    resolve_model,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry import Example, ExportOptions, ReportOptions, RunOptions

BACKEND = "onnxruntime/session"
SOURCES = ("onnx/file", "torch/file", "torch/factory", "transformers/auto")  # of models, by their names
TASKS = "transformers"  # the plugin whose tasks are meant where the source's own has none
ARRAYS = "transformers/forward"  # the task that takes the inputs of any model as they are
ARRAY_ROWS = "datasets/arrays"
DEFAULT_TIMEOUT = 3600.0  # seconds; a backend that ignores the limit is ended after twice as many


def export(
    model: object,
    out: str | os.PathLike[str],
    *,
    inputs: object,
    options: ExportOptions,
    run_options: RunOptions,
    report: ReportOptions | None = None,
) -> Exported:
    """What `mqa_registry.export` returns; `report` are the options of a command, which shows its progress."""
    check_output_folder(Path(out))
    rows = _make_rows_table(inputs, options.columns)
    if not isinstance(model, str | os.PathLike):
        raise UsageError(f"a `{type(model).__name__}` is no model", hint="name a folder, a file or an id on the hub")
    named = ModelOptions(model=os.fspath(model), task=options.task, source=options.source)
    array_task = ARRAYS if rows["use"] == ARRAY_ROWS else ""
    resolved = resolve_model(named, run_options, sources=SOURCES, tasks=TASKS, array_task=array_task)
    suite = {"model": resolved.table, "data": {"data": rows}, "backends": {"export": _backend_table(options)}}
    limits = replace(run_options, timeout=2 * max(DEFAULT_TIMEOUT, options.timeout or 0.0))
    exported, samples = export_model(suite, Path(out), limits, report, only_trace=inputs is None)
    about = {"task": resolved.task_reason} if resolved.task_reason else {}
    if inputs is None and samples:
        about["traced with"] = _describe_rows(samples)
    return replace(exported, summary={**about, **exported.summary})


def _backend_table(options: ExportOptions) -> dict[str, Any]:
    """The backend that exports the model, with the options that are given."""
    settings = {
        "opset": options.opset,
        "precision": options.precision,
        "per_channel": options.per_channel or None,
        "export_timeout": options.timeout,
    }
    return {"use": options.backend or BACKEND, **{name: one for name, one in settings.items() if one is not None}}


def _make_rows_table(inputs: object, columns: Mapping[str, str]) -> dict[str, Any]:
    """The table of a data set of the rows to trace or calibrate with."""
    if inputs is None:
        return {"use": "datasets/sentences"}
    if not isinstance(inputs, str | os.PathLike):
        raise UsageError(f"a `{type(inputs).__name__}` has no rows", hint="name a file of rows, or a `.npz` of arrays")
    use = ARRAY_ROWS if Path(inputs).suffix == ".npz" else "datasets/file"
    return {"use": use, "path": os.fspath(inputs)} | ({"columns": dict(columns)} if columns else {})


def _describe_rows(samples: Sequence[Example]) -> str:
    lengths = [len(str(one["text"])) for one in samples]
    return f"{len(lengths)} texts of mqa's own, of {min(lengths)} to {max(lengths)} characters; `--data` names others"
