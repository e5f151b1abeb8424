"""Cached exports, each in a folder named by the digest of its recipe: everything that it depends on."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_onnxruntime.execution_providers import runtime_distribution
from mqa_onnxruntime.export.conversion import FLOAT32
from mqa_onnxruntime.export.exporters import EXPORTERS, LOG, MODEL
from mqa_onnxruntime.export.job import AUDIT, ExportJob, run_job, write_arrays
from mqa_onnxruntime.graph.onnx_file import file_sha256, read_onnx_file
from mqa_onnxruntime.graph.provenance import list_files
from mqa_registry import (
    DataError,
    NotRunError,
    atomic_folder,
    fingerprint,
    read_examples,
    read_table,
    source_digest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mqa_onnxruntime.export.conversion import ExportPrecision
    from mqa_registry import Example, ModelUnderTest

LIBRARIES = ("torch", "transformers", "onnx", "onnxscript")
RECIPE = "recipe.json"
TRACE_ROWS, CALIBRATION_BATCHES = "trace.npz", "calibration.npz"  # only while an export is made
EXPORT_TIMEOUT = 3600.0  # seconds
MAX_PARTS = 8  # of rows that are run in parts, to trace a model with
CALIBRATION_ROWS = 128  # more add next to nothing to the ranges that are measured


@dataclass(frozen=True)
class Export:
    """A cached export: its ONNX file, its exporter, the facts of the file, its recipe, and its audit as JSON has it."""

    path: Path
    exporter: str
    facts: Mapping[str, Any]
    recipe: Mapping[str, Any]
    audit: Mapping[str, Any]


def export_recipe(
    model_under_test: ModelUnderTest, opset: int | None, precision: ExportPrecision = FLOAT32
) -> dict[str, Any]:
    """Everything that an export depends on, found without loading a model library; equal recipes give equal exports."""
    converter = model_under_test.model.converter
    if converter is not None and precision != FLOAT32:
        raise DataError(
            f"`{converter.name}` writes float32 alone, and `precision` is `{precision.precision}`", hint="leave it out"
        )
    libraries = LIBRARIES if converter is None else (*converter.packages, "onnx")
    recipe: dict[str, Any] = {
        "source": source_digest(sys.modules[__name__]),
        "model": model_under_test.model.digest,
        "task": model_under_test.task.name,
        "model_under_test": model_under_test.digest,
        "exporters": list(EXPORTERS) if converter is None else [converter.name],
        "opset": opset,
        "versions": {name: version(name) for name in libraries},
    }
    if not model_under_test.task.sample:
        recipe["trace_rows"] = rows_digest(trace_rows(model_under_test))
    if precision == FLOAT32:
        return recipe
    recipe |= precision.to_json() | {"runtime": " ".join(runtime_distribution())}
    if precision.is_calibrated:
        recipe["calibration_rows"] = rows_digest(calibration_rows(model_under_test, precision))
    return recipe


def recipe_digest(recipe: dict[str, Any]) -> str:
    """The sha256 of a recipe, by which its export is cached."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def cached_export(
    model_under_test: ModelUnderTest,
    opset: int | None,
    precision: ExportPrecision = FLOAT32,
    *,
    timeout: float = EXPORT_TIMEOUT,
) -> Export:
    """The export of a model, made now, within so many seconds, unless there is a whole one of the same recipe.

    Raises a NotRunError where it cannot be made, or the folder for exports cannot be written.
    """
    _check_opset(opset)
    recipe = export_recipe(model_under_test, opset, precision)
    home = model_under_test.run_context.exports / recipe_digest(recipe)
    try:
        return _read_export(home) or _make_export(model_under_test, recipe, precision, home, timeout)
    except OSError as error:
        raise NotRunError(
            f"the export cannot be stored in `{home.parent}`: {error.strerror or error}",
            hint="see that the disk has room, and that the folder can be written",
        ) from error


def _check_opset(opset: int | None) -> None:
    from onnx.defs import onnx_opset_version

    newest = onnx_opset_version()
    if opset is not None and not 1 <= opset <= newest:
        raise DataError(f"there is no opset {opset}: the installed onnx package knows 1 to {newest}")


def _read_export(home: Path) -> Export | None:
    """The export in a folder, if every byte of it is as it was written; else None."""
    try:
        record = json.loads((home / RECIPE).read_text(encoding="utf-8"))
        if recipe_digest(record["recipe"]) != home.name or record["files"] != _digests(home, record["files"]):
            return None
        audit = json.loads((home / AUDIT).read_text(encoding="utf-8"))
        return Export(home / MODEL, str(record["exporter"]), dict(record["facts"]), record["recipe"], audit)
    except (OSError, ValueError, LookupError, TypeError, DataError):
        return None


def _make_export(
    model_under_test: ModelUnderTest, recipe: dict[str, Any], precision: ExportPrecision, home: Path, timeout: float
) -> Export:
    """Make an export, unless another process has made the same by then, and read it from the cache."""
    with atomic_folder(home, is_whole=lambda folder: _read_export(folder) is not None) as folder:
        job = _prepare_job(model_under_test, recipe["opset"], precision, folder, timeout)
        began = time.monotonic()
        exporter = _run(model_under_test, job, timeout, home.with_suffix(".log"))
        file = read_onnx_file(folder / MODEL)
        record = {
            "recipe": recipe,
            "exporter": exporter,
            "seconds": round(time.monotonic() - began, 3),
            "facts": file.facts(),
            "files": _digests(folder, [*list_files(file.path, file.files), AUDIT]),
        }
        (folder / RECIPE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    export = _read_export(home)
    if export is None:
        raise NotRunError(f"the export in `{home}` was changed while it was stored", hint="run it again")
    return export


def _prepare_job(
    model_under_test: ModelUnderTest, opset: int | None, precision: ExportPrecision, folder: Path, timeout: float
) -> ExportJob:
    """The job for a precision; the float32 export that it is converted from is made first."""
    base = None if precision.is_traced else cached_export(model_under_test, opset, timeout=timeout).path
    examples = trace_rows(model_under_test)
    parts = model_under_test.codec.encode_parts(examples)[: max(MAX_PARTS, len(examples))]
    rows = write_arrays(folder / TRACE_ROWS, parts)
    if not precision.is_calibrated:
        return ExportJob(folder, rows, opset, precision, base)
    encoded = model_under_test.codec.encode_parts(calibration_rows(model_under_test, precision))
    # Batches of one row each, so that no padding widens the ranges that are measured.
    batches = write_arrays(folder / CALIBRATION_BATCHES, (model_under_test.codec.collate([row]) for row in encoded))
    return ExportJob(folder, rows, opset, precision, base, batches)


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: file_sha256(folder / name) for name in names}


def _run(model_under_test: ModelUnderTest, job: ExportJob, timeout: float, failure_log: Path) -> str:
    """Do a job; where that fails, its log is moved to `failure_log`."""
    try:
        return run_job(model_under_test, job, timeout)
    except NotRunError as error:
        log = job.folder / LOG
        if log.is_file() and log.stat().st_size:
            log.replace(failure_log)
            error.hint = error.hint or f"what the exporters printed is in `{failure_log}`"
        raise
    finally:
        for name in (TRACE_ROWS, CALIBRATION_BATCHES):
            (job.folder / name).unlink(missing_ok=True)


def trace_rows(model_under_test: ModelUnderTest) -> Sequence[Example]:
    """The rows to trace a model with; a DataError where there are none."""
    if rows := model_under_test.samples():
        return rows
    raise DataError(
        f"the task `{model_under_test.task.name}` brings no rows to trace a model with, and no data are given",
        hint="name a file of rows with `--data`",
    )


def calibration_rows(model_under_test: ModelUnderTest, precision: ExportPrecision) -> Sequence[Example]:
    """The rows of the calibration file, else of the suite's own data; a DataError where there are none."""
    if precision.calibration_data is not None:
        return _rows_of_file(model_under_test, precision.calibration_data)
    if rows := model_under_test.examples(CALIBRATION_ROWS):
        return rows
    raise DataError(
        f"`{precision.precision}` needs rows to calibrate with, and no data are given",
        hint="name a file of rows as `calibration_data`, for `mqa export` with `--data`",
    )


def _rows_of_file(model_under_test: ModelUnderTest, path: Path) -> Sequence[Example]:
    """Evenly spaced rows of a table, with the fields that the task reads."""
    table = read_table(path)
    task = model_under_test.task
    missing = [name for name in task.fields if name not in table.column_names and name not in task.optional]
    if missing:
        raise DataError(f"`{path}` has no column `{missing[0]}`, which `{task.name}` reads")
    if not table.num_rows:
        raise DataError(f"`{path}` has no rows to calibrate with")
    lists = task.grouping.fields if task.grouping is not None else ()
    if single := [name for name in lists if name in table.column_names and not _is_list(table.schema.field(name).type)]:
        raise DataError(
            f"`{path}` has no lists in `{single[0]}`, and `{task.name}` reads the members of a group together",
            hint="give each group a row, or leave `calibration_data` out: then the rows of the suite are taken",
        )
    indices = np.linspace(0, table.num_rows - 1, min(CALIBRATION_ROWS, table.num_rows)).astype(np.int64)
    confined_to = model_under_test.run_context.confined_to
    return read_examples(table.take(indices), task.fields, path.parent, confined_to=confined_to)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def rows_digest(rows: Sequence[Example]) -> str:
    """The sha256 of examples, in their order."""
    return hashlib.sha256(b"".join(fingerprint(row) for row in rows)).hexdigest()
