"""`mqa export` for this backend: the export, its stamp and its audit, written into a folder of the user's."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.export.cache import cached_export, calibration_rows
from mqa_onnxruntime.export.exporters import MODEL
from mqa_onnxruntime.export.stamp import (
    export_stamp,
    is_stamped,
    locked_folder,
    stamp_file,
    unchanged_files,
    write_stamp,
)
from mqa_onnxruntime.graph.provenance import list_files, trace_file
from mqa_registry import DataError, Exported, Finding, NotRunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mqa_onnxruntime.export.cache import Export
    from mqa_onnxruntime.export.conversion import ExportPrecision
    from mqa_onnxruntime.session.backend import OnnxExportOptions
    from mqa_registry import ModelUnderTest

STAGING = ".staging"  # the folder of files until all of them are whole


def export_model(model_under_test: ModelUnderTest, folder: Path, options: OnnxExportOptions) -> Exported:
    """Put the model's export into a folder, with its weights, its node metadata and its stamp."""
    precision = options.export_precision
    if folder.suffix == ".onnx" and not folder.is_dir():
        raise UsageError(
            f"`{folder}` is to be a folder, as an export has several files: `{MODEL}`, its stamp, and weights of their own",
            hint=f"name the folder, such as `{folder.with_suffix('')}`",
        )
    if not model_under_test.run_context.force:
        _check_not_replaced(folder, (MODEL,))  # before the export, which takes long
    export = cached_export(model_under_test, options.opset, precision, timeout=options.export_timeout)
    stamp = export_stamp(model_under_test, export)
    names = list_files(export.path, export.audit["files"])
    if not model_under_test.run_context.force:
        _check_not_replaced(folder, names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked_folder(folder), _staging_folder(folder) as staging:
            for name in names:
                shutil.copyfile(export.path.parent / name, staging / name)
            write_stamp(stamp_file(staging / export.path.name), stamp)
            _replace_files(staging, folder, export.path.name)
    except OSError as error:
        raise NotRunError(f"the export cannot be written to `{folder}`: {error.strerror or error}") from error
    findings = [Finding(**finding) for finding in export.audit["findings"]]
    files = [folder / name for name in (*names, stamp_file(export.path).name)]
    summary = dict(_summarize(export)) | _summarize_calibration(model_under_test, precision)
    return Exported(files, findings, stamp, summary=summary)


def _check_not_replaced(folder: Path, names: Iterable[str]) -> None:
    """Raise a DataError where the export would replace a file that is no part of an earlier export."""
    model = folder / MODEL
    parts = [model.name, stamp_file(model).name, trace_file(model).name]
    ours = {*unchanged_files(model), *(parts[1:] if is_stamped(model) else ())}
    for name in dict.fromkeys((*parts, *names)):
        if name not in ours and os.path.lexists(folder / name):
            raise DataError(
                f"`{folder / name}` is there already, and mqa did not write it, or it was changed since",
                hint="export to another folder, or replace it with `--force`",
            )


@contextmanager
def _staging_folder(folder: Path) -> Iterator[Path]:
    """A folder inside of a locked one; what a killed export left there is removed."""
    staging = folder / STAGING
    if staging.is_dir():
        shutil.rmtree(staging)
    staging.mkdir()
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace_files(staging: Path, folder: Path, model: str) -> None:
    """Replace an earlier export file by file; an ONNX file is never there with the weights of another."""
    old = {*unchanged_files(folder / model), trace_file(folder / model).name}
    (folder / model).unlink(missing_ok=True)
    names = sorted((file.name for file in staging.iterdir()), key=lambda name: name == model)
    for name in old - set(names):
        (folder / name).unlink(missing_ok=True)
    for name in names:
        (staging / name).replace(folder / name)


def _summarize(export: Export) -> Iterator[tuple[str, str]]:
    """The lines that `mqa export` prints of an export."""
    audit = export.audit
    yield "exporter", f"{export.exporter} ({audit['producer']})"
    yield "opset", f"{audit['opset']}, {audit['nodes']} nodes"
    types = {kind: number for kind, number in audit["element_types"].items() if number}
    yield "weights", ", ".join(f"{number:,} {kind}" for kind, number in types.items())
    if weights := audit["weights"]:
        counts = ", ".join(f"{weights[kind]} {kind}" for kind in ("exact", "transposed", "cast") if weights[kind])
        yield "from the model", counts or "none"
    for kind in ("inputs", "outputs"):
        yield kind, ", ".join(_describe_value(value) for value in audit[kind])
    if shapes := audit["shapes"]:
        yield "shapes tried", _describe_shapes(shapes)


def _summarize_calibration(model_under_test: ModelUnderTest, precision: ExportPrecision) -> dict[str, str]:
    rows = len(calibration_rows(model_under_test, precision)) if precision.is_calibrated else 0
    return {"calibrated with": f"{rows} row{'s' if rows > 1 else ''}"} if rows else {}


def _describe_value(value: Mapping[str, Any]) -> str:
    axes = ", ".join("?" if not isinstance(axis, int) else str(axis) for axis in value["shape"])
    return f"{value['name']} {value['type']}[{axes}]"


def _describe_shapes(shapes: Iterable[Mapping[str, Any]]) -> str:
    tried = [shape for shape in shapes if shape["outcome"] not in {"unsupported", "skipped"}]
    good = [shape for shape in tried if shape["outcome"] in {"agrees", "runs"}]
    verb = "run" if any(shape["outcome"] == "runs" for shape in good) else "agree"
    errors = [shape["relative_error"] for shape in tried if shape["relative_error"] is not None]
    largest = f", off by at most {max(errors):.2g} of the largest output" if errors else ""
    return f"{len(good)} of {len(tried)} {verb}{largest}"
