"""`mqa export` for this backend: the export, its stamp and what was found in it, in a folder of one's own."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.calibration import calibration_rows
from mqa_onnxruntime.exporting import MODEL
from mqa_onnxruntime.exports import LIMIT, kept_export
from mqa_onnxruntime.lineage import lineage_file
from mqa_onnxruntime.stamp import alone, is_stamped, stamp, stamp_file, stamped_files, write_stamp
from mqa_onnxruntime.variant import Precision, Variant
from mqa_onnxruntime.wanted import Wanted
from mqa_registry import DataError, Exported, Finding, NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mqa_onnxruntime.exports import Export
    from mqa_registry import Subject

STAGED = ".coming"  # where files are until all of them are whole


def export_session(
    subject: Subject,
    folder: Path,
    *,
    opset: int | None = None,
    precision: Precision = "float32",
    per_channel: bool = False,
    calibration: Path | None = None,
    export_timeout: float = LIMIT,
    custom_ops: Path | None = None,
) -> Exported:
    """Put the model's export into a folder, with its weights, its nodes' descent and its stamp beside it."""
    wanted = Wanted(None, opset, Variant(precision, per_channel, calibration), custom_ops, export_timeout)
    if not subject.conditions.force:
        _refuse_foreign(folder, (MODEL,))  # before the export, which takes long
    export = kept_export(subject, opset, wanted.variant, limit=wanted.limit)
    told = stamp(subject, export)
    names = [*export.audit["files"], lineage_file(export.path).name]
    if not subject.conditions.force:
        _refuse_foreign(folder, names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder), _staged(folder) as staged:
            for name in names:
                shutil.copyfile(export.path.parent / name, staged / name)
            write_stamp(stamp_file(staged / export.path.name), told)
            _replace(staged, folder, export.path.name)
    except OSError as error:
        raise NotRunError(f"the export cannot be written to `{folder}`: {error.strerror or error}") from error
    findings = [Finding(**finding) for finding in export.audit["findings"]]
    files = [folder / name for name in (*names, stamp_file(export.path).name)]
    return Exported(files, findings, told, summary=dict(_summary(export)) | _calibrated(subject, wanted.variant))


def _calibrated(subject: Subject, variant: Variant) -> dict[str, str]:
    rows = len(calibration_rows(subject, variant)) if variant.calibrated else 0
    return {"calibrated with": f"{rows} row{'s' if rows > 1 else ''}"} if rows else {}


def _refuse_foreign(folder: Path, names: Iterable[str]) -> None:
    """Raise a DataError where the export would replace a file that is no part of an earlier export."""
    model = folder / MODEL
    parts = [model.name, stamp_file(model).name, lineage_file(model).name]
    ours = {*stamped_files(model), *(parts[1:] if is_stamped(model) else ())}
    for name in dict.fromkeys((*parts, *names)):
        if name not in ours and os.path.lexists(folder / name):
            raise DataError(
                f"`{folder / name}` is there already, and mqa did not write it, or it was changed since",
                hint="export to another folder, or replace it with `--force`",
            )


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A folder inside of one that nobody else writes to, so what a killed export left there is nobody's any more."""
    staged = folder / STAGED
    if staged.is_dir():
        shutil.rmtree(staged)
    staged.mkdir()
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _replace(staged: Path, folder: Path, model: str) -> None:
    """All is there before anything is touched, and at no moment does an ONNX file stand beside another's weights."""
    old = set(stamped_files(folder / model))
    (folder / model).unlink(missing_ok=True)
    names = sorted((file.name for file in staged.iterdir()), key=lambda name: name == model)
    for name in old - set(names):
        (folder / name).unlink(missing_ok=True)
    for name in names:
        (staged / name).replace(folder / name)


def _summary(export: Export) -> Iterator[tuple[str, str]]:
    """What a person wants to know of it first."""
    audit = export.audit
    yield "exporter", f"{export.exporter} ({audit['producer']})"
    yield "opset", f"{audit['opset']}, {audit['nodes']} nodes"
    types = {kind: number for kind, number in audit["types"].items() if number}
    yield "weights", ", ".join(f"{number:,} {kind}" for kind, number in types.items())
    if weights := audit["weights"]:
        how = ", ".join(f"{weights[kind]} {kind}" for kind in ("exact", "transposed", "cast") if weights[kind])
        yield "from the model", how or "none"
    for kind in ("inputs", "outputs"):
        yield kind, ", ".join(_value(value) for value in audit[kind])
    if shapes := audit["shapes"]:
        yield "shapes tried", _shapes(shapes)


def _value(value: Mapping[str, Any]) -> str:
    axes = ", ".join("?" if not isinstance(axis, int) else str(axis) for axis in value["shape"])
    return f"{value['name']} {value['type']}[{axes}]"


def _shapes(shapes: Iterable[Mapping[str, Any]]) -> str:
    tried = [shape for shape in shapes if shape["outcome"] not in {"refused", "untried"}]
    good = [shape for shape in tried if shape["outcome"] in {"agrees", "runs"}]
    word = "run" if any(shape["outcome"] == "runs" for shape in good) else "agree"
    errors = [shape["error"] for shape in tried if shape["error"] is not None]
    worst = f", off by at most {max(errors):.2g} of the largest output" if errors else ""
    return f"{len(good)} of {len(tried)} {word}{worst}"
