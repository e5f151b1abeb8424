"""What an export is made of: equal recipes give equal exports, so one that is kept can be used again."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mqa_onnxruntime.calibration import calibration_rows, rows_digest, samples
from mqa_onnxruntime.providers import runtime
from mqa_onnxruntime.variant import PLAIN
from mqa_registry import source_digest

if TYPE_CHECKING:
    from mqa_onnxruntime.variant import Variant
    from mqa_registry import Subject

EXPORTERS = ("transformers", "torch")  # in the order they are tried
LIBRARIES = ("torch", "transformers", "onnx", "onnxscript")


def recipe(subject: Subject, opset: int | None, variant: Variant = PLAIN) -> dict[str, Any]:
    """Everything that an export depends on, known without a model library."""
    made_of: dict[str, Any] = {
        "source": source_digest(sys.modules[__name__]),
        "model": subject.model.digest,
        "task": subject.task.name,
        "subject": subject.digest,
        "exporters": list(EXPORTERS),
        "opset": opset,
        "versions": {name: version(name) for name in LIBRARIES},
    }
    if not subject.task.sample:
        made_of["sample"] = rows_digest(samples(subject))
    if variant == PLAIN:
        return made_of
    made_of |= variant.spelled() | {"runtime": " ".join(runtime())}
    if variant.calibrated:
        made_of["calibration"] = rows_digest(calibration_rows(subject, variant))
    return made_of


def recipe_digest(made_of: dict[str, Any]) -> str:
    """The sha256 of a recipe, by which its export is kept."""
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
