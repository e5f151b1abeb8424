"""What a classifier is trained for: one class a row, any number of labels, or a number; read from its configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from mqa_registry.errors import DataError, UsageError
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

ProblemType: TypeAlias = Literal["single_label_classification", "multi_label_classification", "regression"]

SINGLE_LABEL: ProblemType = "single_label_classification"
MULTI_LABEL: ProblemType = "multi_label_classification"
REGRESSION: ProblemType = "regression"
SCHEMAS = {SINGLE_LABEL: "label", MULTI_LABEL: "labels", REGRESSION: "value"}  # of the predictions

MODELS = {
    SINGLE_LABEL: "a classifier of one class a row",
    MULTI_LABEL: "a multi-label model: it gives a row any number of its labels",
    REGRESSION: "a regression model: it gives a row a number and no class",
}


def read_problem_type(configured: object, labels: Sequence[str]) -> ProblemType:
    """The problem that a model was trained for, by the `problem_type` of its configuration and its labels.

    Without a known `problem_type` it is regression where there is one label, else the choice of one, as transformers has it.
    """
    if configured == MULTI_LABEL:
        return MULTI_LABEL
    if configured == REGRESSION or (configured != SINGLE_LABEL and len(labels) == 1):
        return REGRESSION
    return SINGLE_LABEL


def resolve_problem_type(
    configured: object, labels: Sequence[str], requested: ProblemType | None, task: str, *, has_threshold: bool = False
) -> ProblemType:
    """The problem type by which the outputs of a model are read.

    It is `requested` by the option `problem_type` of `task`, else the one of the configuration. A DataError where the two
    contradict each other, or the model has no such head; a UsageError where the option `threshold` is given for another
    than a multi-label model.
    """
    problem = requested or read_problem_type(configured, labels)
    if requested is not None and configured in SCHEMAS and configured != requested:
        raise DataError(
            f'`problem_type = "{requested}"` is asked for, and the configuration of the model says `{configured}`',
            hint="leave the option out",
        )
    if problem == REGRESSION and len(labels) > 1:
        raise DataError(
            f"this is {MODELS[REGRESSION].replace('a number', 'numbers')} ({len(labels)} of them), and `{task}` gives a row one",
            hint='`task = "forward"` holds its outputs against an export\'s;'
            ' numbers predicted elsewhere are replayed, with `schema = "vector"`',
        )
    if problem == MULTI_LABEL and not labels:
        raise DataError(f"the model names no labels, and `{task}` gives a row some of them")
    if problem == SINGLE_LABEL and len(labels) < 2:
        named = f"{counted(len(labels), 'class', 'classes')}" if labels else "no classes"
        raise DataError(f"the model names {named}, and `{task}` chooses between at least two")
    if has_threshold and problem != MULTI_LABEL:
        raise UsageError(
            f"`threshold` is of a multi-label model, and this one gives a row {'a number' if problem == REGRESSION else 'one class'}",
            hint="leave it out",
        )
    return problem
