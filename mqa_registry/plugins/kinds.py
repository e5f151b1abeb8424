"""The kinds of contributions: which hook gives them, where a suite names them, and which keys there are the host's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mqa_registry.contributions import (
    Backend,
    Comparison,
    Contribution,
    Dataset,
    Diagnosis,
    Metric,
    ModelSource,
    Perturbation,
    Probe,
    Replay,
    Slice,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Kinds: TypeAlias = tuple[type[Contribution], ...]


@dataclass(frozen=True)
class Role:
    """A role that contributions of some kinds have. A contribution's name is unique in its role.

    `title` is where they are named, in messages. `hooks` maps each hook that gives them to its kinds. `keys` are those
    of their table that the host reads, so that no option can have such a name.
    """

    title: str
    hooks: Mapping[str, Kinds]
    keys: tuple[str, ...] = ("use",)

    @property
    def kinds(self) -> Kinds:
        return tuple(kind for kinds in self.hooks.values() for kind in kinds)


MODEL_SOURCE = Role("`[model]`", {"mqa_models": (ModelSource,)}, ("use", "task", "labels"))
TASK = Role("the `task` of `[model]`", {"mqa_tasks": (Task,)})
DATASET = Role("`[data.NAME]`", {"mqa_datasets": (Dataset,)}, ("use", "columns", "labels", "sample", "limit"))
BACKEND = Role("`[backends.NAME]`", {"mqa_backends": (Backend, Replay)})
MEASURE = Role("`measure`", {"mqa_metrics": (Metric,), "mqa_comparisons": (Comparison,), "mqa_probes": (Probe,)})
PERTURBATION = Role("`perturb`", {"mqa_perturbations": (Perturbation,)})
SLICE = Role("`by`", {"mqa_slices": (Slice,)})
DIAGNOSIS = Role("the report of `mqa doctor`", {"mqa_diagnoses": (Diagnosis,)})

ROLES = (MODEL_SOURCE, TASK, DATASET, BACKEND, MEASURE, PERTURBATION, SLICE, DIAGNOSIS)
HOOKS: Mapping[str, Kinds] = {hook: kinds for role in ROLES for hook, kinds in role.hooks.items()}


def find_role(kind: type[Contribution]) -> Role:
    """The role of the contributions of a kind."""
    return next(role for role in ROLES if issubclass(kind, role.kinds))
