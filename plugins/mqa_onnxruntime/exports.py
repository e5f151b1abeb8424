"""The exports that are kept, each in a folder named by its recipe."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.arrays import write_arrays
from mqa_onnxruntime.calibration import calibration_rows, samples
from mqa_onnxruntime.exporting import LOG, MODEL
from mqa_onnxruntime.graph import file_sha256, read_graph
from mqa_onnxruntime.lineage import lineage_file
from mqa_onnxruntime.making import AUDIT, made
from mqa_onnxruntime.order import Order
from mqa_onnxruntime.recipe import recipe, recipe_digest
from mqa_onnxruntime.variant import PLAIN
from mqa_registry import DataError, NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mqa_onnxruntime.variant import Variant
    from mqa_registry import Subject

RECIPE = "recipe.json"
ROWS, BATCHES = "rows.npz", "calibration.npz"  # only there while an export is made
MAKING = ".making-"  # the name of a folder that is not a whole export yet
STALE = 24 * 3600.0  # seconds after which whoever was making it is given up
LIMIT = 3600.0  # seconds that an export may take


@dataclass(frozen=True)
class Export:
    """One kept export: its ONNX file, who made it, what the file says of itself, and what its audit found."""

    path: Path
    exporter: str
    facts: Mapping[str, Any]
    made_of: Mapping[str, Any]
    audit: Mapping[str, Any]


def kept_export(subject: Subject, opset: int | None, variant: Variant = PLAIN, *, limit: float = LIMIT) -> Export:
    """The export of a model, made now, within so many seconds, unless there is a whole one of the same recipe.

    Raises a NotRunError where it cannot be made, or the folder for exports cannot be written.
    """
    _check_opset(opset)
    made_of = recipe(subject, opset, variant)
    home = subject.conditions.exports / recipe_digest(made_of)
    try:
        return _whole(home) or _made(subject, made_of, variant, home, limit)
    except OSError as error:
        raise NotRunError(
            f"the export cannot be kept in `{home.parent}`: {error.strerror or error}",
            hint="is there room, and may it be written?",
        ) from error


def _check_opset(opset: int | None) -> None:
    from onnx.defs import onnx_opset_version

    most = onnx_opset_version()
    if opset is not None and not 1 <= opset <= most:
        raise DataError(f"there is no opset {opset}: those that the onnx package here knows are 1 to {most}")


def _whole(home: Path) -> Export | None:
    """The export in a folder, if every byte of it is as it was written."""
    try:
        about = json.loads((home / RECIPE).read_text(encoding="utf-8"))
        if recipe_digest(about["recipe"]) != home.name or about["files"] != _sums(home, about["files"]):
            return None
        audit = json.loads((home / AUDIT).read_text(encoding="utf-8"))
        return Export(home / MODEL, str(about["exporter"]), dict(about["facts"]), about["recipe"], audit)
    except (OSError, ValueError, LookupError, TypeError, DataError):
        return None


def _made(subject: Subject, made_of: dict[str, Any], variant: Variant, home: Path, limit: float) -> Export:
    """Made in a folder beside its place and moved there when it is whole, so that no moment shows half of one."""
    with _workshop(home.parent) as folder:
        order = _order(subject, made_of["opset"], variant, folder, limit)
        began = time.monotonic()
        exporter = _filled(subject, order, limit, home.with_suffix(".log"))
        graph = read_graph(folder / MODEL)
        about = {
            "recipe": made_of,
            "exporter": exporter,
            "seconds": round(time.monotonic() - began, 3),
            "facts": graph.facts(),
            "files": _sums(folder, [*graph.files, lineage_file(graph.path).name, AUDIT]),
        }
        (folder / RECIPE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        return _settled(folder, home)


def _order(subject: Subject, opset: int | None, variant: Variant, folder: Path, limit: float) -> Order:
    """The order for a variant; what it is made of is made first."""
    base = None if variant.traced else kept_export(subject, opset, limit=limit).path
    rows = write_arrays(folder / ROWS, subject.codec.encode(samples(subject)))
    if not variant.calibrated:
        return Order(folder, rows, opset, variant, base)
    encoded = subject.codec.encode(calibration_rows(subject, variant))
    # Batches of one row each, so that no padding widens the ranges that are measured.
    batches = write_arrays(folder / BATCHES, (subject.codec.collate([row]) for row in encoded))
    return Order(folder, rows, opset, variant, base, batches)


def _sums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: file_sha256(folder / name) for name in names}


def _filled(subject: Subject, order: Order, limit: float, log: Path) -> str:
    """Fill an order; where that fails, the exporters' log is kept at `log`."""
    try:
        return made(subject, order, limit)
    except NotRunError as error:
        said = order.folder / LOG
        if said.is_file() and said.stat().st_size:
            said.replace(log)
            error.hint = error.hint or f"all that the exporters said is in `{log}`"
        raise
    finally:
        for name in (ROWS, BATCHES):
            (order.folder / name).unlink(missing_ok=True)


def _settled(folder: Path, home: Path) -> Export:
    """In its place: unless another process put the same there first, and replacing what is damaged."""
    while True:
        try:
            folder.rename(home)
        except OSError:
            if not home.exists():
                raise
        if (export := _whole(home)) is not None:
            return export
        with _workshop(home.parent) as scrap:
            home.rename(scrap / "damaged")


@contextmanager
def _workshop(parent: Path) -> Iterator[Path]:
    """A folder that is gone afterwards, unless it was moved; also clears those that killed processes left."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{MAKING}*"):
        if time.time() - left.stat().st_mtime > STALE:
            shutil.rmtree(left, ignore_errors=True)
    folder = parent / f"{MAKING}{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
