"""Executing a plan: rows are read and perturbed, views predicted, probes run. Only this step runs a model.

The work goes shard by shard: some rows of a data set are perturbed, looked up in the store by their content, and what it
lacks is encoded once for all backends, batched by cost and predicted. The plan merges equal views, and equal rows of a shard
are predicted once. Shards, batches and groups of encoded rows follow from the plan and the data alone, so that a resumed run,
another memory or executor repeats every number. Nothing is stored of a session that runs on another device than was asked for.

The names are loaded on first use: a process that only perturbs starts without what runs a model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry.execution.inference.invariance import batch_invariance
    from mqa_registry.execution.model_building import build_model, rebuild_model, reopen_runner
    from mqa_registry.execution.prediction import predict
    from mqa_registry.execution.preparation import load_rows, perturb_rows, prepare, validate_inputs
    from mqa_registry.execution.resources import Progress, SilentProgress
    from mqa_registry.execution.rows.preflight import preflight_observations
    from mqa_registry.execution.workspace import Workspace

_HOME = {
    "batch_invariance": "inference.invariance",
    "build_model": "model_building",
    "rebuild_model": "model_building",
    "reopen_runner": "model_building",
    "predict": "prediction",
    "load_rows": "preparation",
    "perturb_rows": "preparation",
    "prepare": "preparation",
    "validate_inputs": "preparation",
    "Progress": "resources",
    "SilentProgress": "resources",
    "preflight_observations": "rows.preflight",
    "Workspace": "workspace",
}

__all__ = [
    "Progress",
    "SilentProgress",
    "Workspace",
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


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
