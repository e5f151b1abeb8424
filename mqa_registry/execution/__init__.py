"""Executing a plan: rows are read and perturbed, views predicted, probes run. Only this step runs a model.

How it is fast: the plan merges equal views; rows that a perturbation leaves unchanged reuse the unperturbed prediction; rows
are encoded once for all backends, sorted by length, and batched by a budget of tokens; encoding overlaps the forward pass.
Batches follow from the plan and not from the store, so that a resumed run repeats every number. Nothing is stored of a
session that runs on another device than was asked for.
"""

from __future__ import annotations

from mqa_registry.execution.invariance import batch_invariance
from mqa_registry.execution.model_building import build_model, rebuild_model, reopen_runner
from mqa_registry.execution.prediction import predict
from mqa_registry.execution.preflight import preflight_observations
from mqa_registry.execution.preparation import load_rows, perturb_rows, prepare, validate_inputs
from mqa_registry.execution.resources import Progress, SilentProgress

__all__ = [
    "Progress",
    "SilentProgress",
    "batch_invariance",
    "build_model",
    "load_rows",
    "perturb_rows",
    "predict",
    "preflight_observations",
    "prepare",
    "rebuild_model",
    "reopen_runner",
    "validate_inputs",
]
