"""Predicting: the only costly step, and the only one that touches models, files and the store."""

from __future__ import annotations

from mqa_registry.execution.invariance import batch_invariance
from mqa_registry.execution.model_building import build_model, rebuild_model, reopen_runner
from mqa_registry.execution.prediction import predict
from mqa_registry.execution.preflight import examine_again
from mqa_registry.execution.preparation import examine, load_rows, perturb_rows, prepare
from mqa_registry.execution.progress import Progress, Silence

__all__ = [
    "Progress",
    "Silence",
    "batch_invariance",
    "build_model",
    "examine",
    "examine_again",
    "load_rows",
    "perturb_rows",
    "predict",
    "prepare",
    "rebuild_model",
    "reopen_runner",
]
