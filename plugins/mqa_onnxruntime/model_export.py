"""Exports: a model as an ONNX file, with its audit and its stamp. The function `export`, which the command calls too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_registry import (
    Exported,
    RowSources,
    check_output_folder,
    export_model,
    resolve_model,
    resolve_rows,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from mqa_registry import Example, ExportOptions, ReportOptions, RunOptions

BACKEND = "onnxruntime/session"
# Of models, by their names: those that are files of other libraries are refused with their converters named.
SOURCES = (
    "onnx/file", "tabular/skops", "tabular/joblib", "tabular/xgboost", "torch/file", "torch/factory", "transformers/auto",
)  # fmt: skip
TASKS = "transformers"  # the plugin whose tasks are meant where the source's own has none
ARRAYS = "transformers/forward"  # the task that takes the inputs of any model as they are
ROW_SOURCES = RowSources(
    sample="datasets/sentences", table="datasets/file", arrays="datasets/arrays", folder="datasets/folder"
)
DEFAULT_TIMEOUT = 3600.0  # seconds; a backend that ignores the limit is ended after twice as many


def export(
    model: object,
    out: str | PathLike[str],
    *,
    inputs: object,
    options: ExportOptions,
    run_options: RunOptions,
    report: ReportOptions | None = None,
) -> Exported:
    """What `mqa_registry.export` returns; `report` are the options of a command, which shows its progress."""
    check_output_folder(Path(out))
    rows = resolve_rows(inputs, model, run_options, columns=options.columns, sources=ROW_SOURCES)
    resolved = resolve_model(
        model,
        run_options,
        task=options.task,
        source=options.source,
        sources=SOURCES,
        tasks=TASKS,
        array_task=ARRAYS if rows.are_arrays else "",
    )
    suite = {
        "model": resolved.table,
        "data": {"data": dict(rows.table)},
        "backends": {"export": _backend_table(options)},
    }
    objects = {**resolved.objects, **rows.objects}
    limits = replace(run_options, timeout=2 * max(DEFAULT_TIMEOUT, options.timeout or 0.0))
    exported, samples = export_model(suite, Path(out), limits, report, objects=objects, only_trace=inputs is None)
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


def _describe_rows(samples: Sequence[Example]) -> str:
    lengths = [len(str(one["text"])) for one in samples]
    return f"{len(lengths)} texts of mqa's own, of {min(lengths)} to {max(lengths)} characters; `--data` names others"
