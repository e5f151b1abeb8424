"""What the tasks of classifiers share, whatever they read: one class, any number of labels, or a number for a row."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from mqa_registry.contributions import Task
from mqa_registry.contributions.classification.heads import make_head
from mqa_registry.contributions.classification.problem_type import (
    REGRESSION,
    SCHEMAS,
    ProblemType,
    resolve_problem_type,
)

if TYPE_CHECKING:
    from typing import Self

    from mqa_registry.contributions import Model
    from mqa_registry.contributions.classification.heads import ClassifierHead


@dataclass(frozen=True, kw_only=True)
class ClassifierOptions:
    """What the model gives for a row.

    `problem_type` is what the model was trained for; left out, its configuration says it. `threshold` is the probability
    from which on a multi-label model gives a row a label, 0.5 if left out; a table has one for each label that differs.
    """

    problem_type: ProblemType | None = None
    threshold: float | dict[str, float] | None = None


OptionsT = TypeVar("OptionsT", bound=ClassifierOptions)


class ClassificationTask(Task[OptionsT]):
    """The task of a classifier. Its schema and metric follow from what the model was trained for.

    `metric` is that of classes and labels, `number_metric` that of a model which gives a row a number.
    """

    schema = "label"
    other_schemas = ("labels", "value")
    number_metric: str

    def for_model(self, model: Model, options: OptionsT) -> Self:
        problem = self._resolve_problem(model, options)
        if SCHEMAS[problem] == self.schema:
            return self
        task = copy(self)
        task.schema = SCHEMAS[problem]
        if problem == REGRESSION:
            task.metric = self.number_metric
        return task

    def make_head(self, model: Model, options: OptionsT) -> ClassifierHead:
        """How the model's outputs are read. A DataError where the options contradict the model."""
        return make_head(self._resolve_problem(model, options), model.labels, options.threshold)

    def _resolve_problem(self, model: Model, options: OptionsT) -> ProblemType:
        return resolve_problem_type(
            model.about.get("problem_type"),
            model.labels,
            options.problem_type,
            self.name,
            has_threshold=options.threshold is not None,
        )
