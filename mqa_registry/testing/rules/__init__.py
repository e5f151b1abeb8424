"""The rules of conformance, a module for every kind of contribution, and the work by which a process is watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.contributions import Backend, Comparison, Contribution, Dataset, Metric, Perturbation, Slice, Task
from mqa_registry.testing.rules import (
    backends,
    comparisons,
    datasets,
    declarations,
    measures,
    perturbations,
    process,
    slices,
    tasks,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mqa_registry.testing.rule import Rule
    from mqa_registry.testing.subject import Subject

__all__ = ["RULES", "WORK"]

RULES: tuple[Rule, ...] = (
    *declarations.RULES,
    *process.RULES,
    *perturbations.RULES,
    *measures.RULES,
    *comparisons.RULES,
    *slices.RULES,
    *datasets.RULES,
    *tasks.RULES,
    *backends.RULES,
)

# By kind, what a contribution is asked to do once while its process is watched.
WORK: Mapping[type[Contribution], Callable[[Subject], None]] = {
    Perturbation: perturbations.work,
    Metric: measures.work,
    Comparison: measures.work,
    Slice: slices.work,
    Dataset: datasets.work,
    Task: tasks.work,
    Backend: backends.work,
}
