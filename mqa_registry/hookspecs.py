"""The hooks: what a plugin may define. They take no arguments and yield contributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_registry import contributions

GROUP = "mqa"  # the entry-point group, and the prefix of every hook

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def mqa_models() -> Iterable[contributions.ModelSource[Any]]:
    """Where models come from."""
    raise NotImplementedError


@hookspec
def mqa_tasks() -> Iterable[contributions.Task[Any]]:
    """How examples become arrays, and outputs predictions."""
    raise NotImplementedError


@hookspec
def mqa_backends() -> Iterable[contributions.Backend[Any] | contributions.Replay[Any]]:
    """What runs a model, or brings predictions that something else made."""
    raise NotImplementedError


@hookspec
def mqa_executors() -> Iterable[contributions.Executor[Any]]:
    """Where rows are perturbed and predicted: processes or a cluster."""
    raise NotImplementedError


@hookspec
def mqa_datasets() -> Iterable[contributions.Dataset]:
    """Where rows come from."""
    raise NotImplementedError


@hookspec
def mqa_metrics() -> Iterable[contributions.Metric]:
    """How good predictions are, held against targets."""
    raise NotImplementedError


@hookspec
def mqa_comparisons() -> Iterable[contributions.Comparison]:
    """How far two predictions of the same rows lie apart."""
    raise NotImplementedError


@hookspec
def mqa_probes() -> Iterable[contributions.Probe[Any]]:
    """What can be found out about a model by running it otherwise than row by row, or about rows and predictions."""
    raise NotImplementedError


@hookspec
def mqa_perturbations() -> Iterable[contributions.Perturbation]:
    """What can happen to a row before the model sees it."""
    raise NotImplementedError


@hookspec
def mqa_slices() -> Iterable[contributions.Slice]:
    """How rows fall into groups."""
    raise NotImplementedError


@hookspec
def mqa_suites() -> Iterable[contributions.SuiteFile]:
    """Suites that others run and extend by their names."""
    raise NotImplementedError


@hookspec
def mqa_suggestions() -> Iterable[contributions.Suggestion]:
    """What a new suite should ask."""
    raise NotImplementedError


@hookspec
def mqa_diagnoses() -> Iterable[contributions.Diagnosis]:
    """What this machine can run, and what is in the way."""
    raise NotImplementedError
