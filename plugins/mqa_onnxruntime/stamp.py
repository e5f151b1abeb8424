"""The stamp of an ONNX file, beside it: what it was made of, what was found in it, and by which bytes to know it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mqa_registry import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from mqa_onnxruntime.exports import Export
    from mqa_registry import Subject

FORMAT = 1


def stamp_file(path: Path) -> Path:
    """Where the stamp of an ONNX file is: `model.mqa.json` beside `model.onnx`."""
    return path.with_suffix(".mqa.json")


def stamp(subject: Subject, export: Export) -> dict[str, Any]:
    """What is written down of an export; its verdict is null until somebody judged it."""
    about = dict(subject.model.about)
    if "commit" not in about:
        about.pop("id", None)  # a folder of this machine
    return {
        "format": FORMAT,
        "file": export.path.name,
        "sha256": export.facts["sha256"],
        "files": export.audit["files"],
        "model": {"digest": subject.model.digest, **about},
        "task": subject.task.name,
        "exporter": export.exporter,
        "opset": export.facts["opset"],
        "precision": export.made_of.get("precision", "float32"),
        "recipe": export.made_of,
        "verdict": None,
        "audit": export.audit,
    }


def check_stamp(path: Path, sha256: str) -> None:
    """That a file is still the one that its stamp was made for; one without a stamp is no other."""
    beside = stamp_file(path)
    if not beside.is_file():
        return
    try:
        known = json.loads(beside.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"the stamp `{beside}` cannot be read", hint="export the model again") from error
    if known != sha256:
        raise DataError(
            f"`{path}` is not the file that its stamp `{beside.name}` was made for: it was changed since",
            hint="export the model again, or remove the stamp with all that it says",
        )
