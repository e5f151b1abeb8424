"""mqa: tells a team whether a pretrained model, and its ONNX export, may ship.

The names in `__all__` are the whole public interface, for plugins and for scripts. They are loaded on first use, so
that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry.boundary import interruptible
    from mqa_registry.contributions import (
        Backend,
        Batching,
        Codec,
        Comparison,
        Conditions,
        Dataset,
        Inspectable,
        Metric,
        Model,
        ModelSource,
        Perturbation,
        Probe,
        Quantile,
        Reading,
        Replay,
        Runner,
        Scores,
        Slice,
        Statistic,
        Subject,
        Task,
        Timeable,
        shapes,
    )
    from mqa_registry.data import (
        Edit,
        Example,
        Predictions,
        Targets,
        as_predictions,
        edited,
        fingerprint,
        positive_class,
        read_table,
        with_class_names,
    )
    from mqa_registry.diagnoses import Diagnosis
    from mqa_registry.errors import DataError, MqaError, NotRunError, OutOfMemoryError, UsageError
    from mqa_registry.extras import optional_import
    from mqa_registry.findings import Exported, Finding, Judgement
    from mqa_registry.formats import FileFormat, file_format, is_special
    from mqa_registry.hookspecs import hookimpl
    from mqa_registry.machine import Device, check_threads, find_device
    from mqa_registry.naming import counted
    from mqa_registry.predict import batch_invariance, remake, reopen
    from mqa_registry.provenance import content_digest, source_digest, source_files
    from mqa_registry.runs import judge, run
    from mqa_registry.scene import LiveView, Scene

_HOMES = {
    "boundary": ("interruptible",),
    "contributions": (
        "Backend", "Batching", "Codec", "Comparison", "Conditions", "Dataset", "Inspectable", "Metric", "Model",
        "ModelSource", "Perturbation", "Probe", "Quantile", "Reading", "Replay", "Runner", "Scores", "Slice",
        "Statistic", "Subject", "Task", "Timeable", "shapes",
    ),
    "data": (
        "Edit", "Example", "Predictions", "Targets", "as_predictions", "edited", "fingerprint", "positive_class",
        "read_table", "with_class_names",
    ),
    "diagnoses": ("Diagnosis",),
    "errors": ("DataError", "MqaError", "NotRunError", "OutOfMemoryError", "UsageError"),
    "extras": ("optional_import",),
    "findings": ("Exported", "Finding", "Judgement"),
    "formats": ("FileFormat", "file_format", "is_special"),
    "hookspecs": ("hookimpl",),
    "machine": ("Device", "check_threads", "find_device"),
    "naming": ("counted",),
    "predict": ("batch_invariance", "remake", "reopen"),
    "provenance": ("content_digest", "source_digest", "source_files"),
    "runs": ("judge", "run"),
    "scene": ("LiveView", "Scene"),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__version__ = "0.1.0"

__all__ = [
    "Backend",
    "Batching",
    "Codec",
    "Comparison",
    "Conditions",
    "DataError",
    "Dataset",
    "Device",
    "Diagnosis",
    "Edit",
    "Example",
    "Exported",
    "FileFormat",
    "Finding",
    "Inspectable",
    "Judgement",
    "LiveView",
    "Metric",
    "Model",
    "ModelSource",
    "MqaError",
    "NotRunError",
    "OutOfMemoryError",
    "Perturbation",
    "Predictions",
    "Probe",
    "Quantile",
    "Reading",
    "Replay",
    "Runner",
    "Scene",
    "Scores",
    "Slice",
    "Statistic",
    "Subject",
    "Targets",
    "Task",
    "Timeable",
    "UsageError",
    "as_predictions",
    "batch_invariance",
    "check_threads",
    "content_digest",
    "counted",
    "edited",
    "file_format",
    "find_device",
    "fingerprint",
    "hookimpl",
    "interruptible",
    "is_special",
    "judge",
    "optional_import",
    "positive_class",
    "read_table",
    "remake",
    "reopen",
    "run",
    "shapes",
    "source_digest",
    "source_files",
    "with_class_names",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
