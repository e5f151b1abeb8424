"""Predicting: the only costly step, and the only one that touches models, files and the store."""

from mqa_registry.observations import Failure, Observations, ObservedView, PerturbedRows, ProbeResult, Work
from mqa_registry.predict.invariance import batch_invariance
from mqa_registry.predict.model_under_test import build_model, rebuild_model, reopen_runner
from mqa_registry.predict.preflight import examine_again
from mqa_registry.predict.preparation import examine, load_rows, perturb_rows, prepare
from mqa_registry.predict.progress import Progress, Silence
from mqa_registry.predict.run import predict

__all__ = [
    "Failure",
    "Observations",
    "ObservedView",
    "PerturbedRows",
    "ProbeResult",
    "Progress",
    "Silence",
    "Work",
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
