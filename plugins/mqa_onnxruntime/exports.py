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

from mqa_onnxruntime.exporting import LOG, MODEL, dynamic_axes, export
from mqa_onnxruntime.graph import file_sha256, read_graph
from mqa_onnxruntime.recipe import recipe, recipe_digest
from mqa_registry import DataError, NotRunError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mqa_registry import Subject

RECIPE = "recipe.json"
MAKING = ".making-"  # the name of a folder that is not a whole export yet
STALE = 24 * 3600.0  # seconds after which whoever was making it is given up


@dataclass(frozen=True)
class Export:
    """One kept export: its ONNX file, who made it, and what the file says of itself."""

    path: Path
    exporter: str
    facts: Mapping[str, Any]


def kept_export(subject: Subject, opset: int | None) -> Export:
    """The export of a model, made now unless there is a whole one of the same recipe.

    Raises a NotRunError where it cannot be made, or the folder for exports cannot be written.
    """
    made_of = recipe(subject, opset)
    home = subject.conditions.exports / recipe_digest(made_of)
    try:
        return _whole(home) or _made(subject, made_of, home)
    except OSError as error:
        raise NotRunError(
            f"the export cannot be kept in `{home.parent}`: {error.strerror or error}",
            hint="is there room, and may it be written?",
        ) from error


def _whole(home: Path) -> Export | None:
    """The export in a folder, if every byte of it is as it was written."""
    try:
        about = json.loads((home / RECIPE).read_text(encoding="utf-8"))
        if recipe_digest(about["recipe"]) != home.name or about["files"] != _sums(home, about["files"]):
            return None
        return Export(home / MODEL, str(about["exporter"]), dict(about["facts"]))
    except (OSError, ValueError, LookupError, TypeError, DataError):
        return None


def _made(subject: Subject, made_of: dict[str, Any], home: Path) -> Export:
    """Made in a folder beside its place and moved there when it is whole, so that no moment shows half of one."""
    with _workshop(home.parent) as folder:
        began = time.monotonic()
        exporter = _exported(subject, folder, made_of["opset"], home.with_suffix(".log"))
        graph = read_graph(folder / MODEL)
        about = {
            "recipe": made_of,
            "exporter": exporter,
            "seconds": round(time.monotonic() - began, 3),
            "facts": graph.facts(),
            "files": _sums(folder, graph.files),
        }
        (folder / RECIPE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        return _settled(folder, home)


def _sums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: file_sha256(folder / name) for name in names}


def _exported(subject: Subject, folder: Path, opset: int | None, log: Path) -> str:
    """Export into a folder; where that fails, the exporters' log is kept at `log`."""
    module, codec = subject.model.module, subject.codec
    rows = codec.encode(subject.task.sample)
    rows = rows if len(rows) > 1 else [*rows, *rows]  # of one row, an exporter concludes that there is always one
    batch = codec.collate(rows)
    try:
        return export(module, batch, dynamic_axes(rows, batch), folder, opset)
    except NotRunError as error:
        (folder / LOG).replace(log)
        error.hint = f"all that the exporters said is in `{log}`"
        raise


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
