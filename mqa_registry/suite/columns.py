"""The columns that a data set maps: whether anything in the suite reads what they are mapped to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from mqa_registry.findings import Finding
from mqa_registry.options import did_you_mean, options_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.contributions import Slice, Task
    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.model import Check, Data, Suite, Use
    from mqa_registry.suite.tree import Node

ROLES = ("id", "target", "cluster")  # columns that the host reads itself


def note_unread_columns(
    node: Node | None, data: Mapping[str, Data | None], task: Use | None, checks: Sequence[Check], findings: Findings
) -> None:
    """Note every mapping to a name that nothing reads, at its key. Without a model, all that is mapped are fields."""
    if node is None or task is None or any(map(_reads_any_column, _slices(checks))):
        return
    for name, one in data.items():
        for column in unread_columns(one, task, checks) if one else ():
            at = node.tables[name].down(("columns", column)).key
            findings.add(
                at, f"`{column}` is no field of the task `{task.name}`, and nothing else reads it", _hint(task, column)
            )


def unread_findings(suite: Suite) -> Iterator[Finding]:
    """A warning for each mapping that nothing is known to read, where a slice may read it that does not say what it does."""
    if suite.model is None:
        return
    for data in suite.data.values():
        for column in unread_columns(data, suite.model.task, suite.checks):
            message = f"`{column}` of `{data.name}` is no field of the task, and no check says that it reads it"
            yield Finding("warning", "columns", message, _hint(suite.model.task, column))


def unread_columns(data: Data, task: Use, checks: Sequence[Check]) -> tuple[str, ...]:
    """The names that a data set maps columns to and that are neither role nor field, nor named by a check's options."""
    fields = cast("Task", task.contribution).fields
    known = {*ROLES, *fields}.union(*(_texts(_options(use)) for check in checks for use in _uses(check)))
    return tuple(name for name in data.columns if name not in known)


def _slices(checks: Sequence[Check]) -> Iterator[Use]:
    return (check.by for check in checks if check.by is not None)


def _reads_any_column(use: Use) -> bool:
    """Whether a slice sees the data's columns and has no option to name one, so that nobody knows which it reads."""
    sees = cast("Slice", use.contribution).sees
    named = any("column" in option.name for option in options_of(use.contribution.function))
    return sees != "predictions" and not named


def _uses(check: Check) -> Iterator[Use]:
    yield check.measure
    if check.by is not None:
        yield check.by
    for step in check.steps:
        yield from step.perturb


def _options(use: Use) -> list[Any]:
    """The values of its options, those that were left out too."""
    return [use.options.get(option.name, option.default) for option in options_of(use.contribution.function)]


def _texts(values: Any) -> set[str]:
    """Every string in some values, however deep."""
    if isinstance(values, str):
        return {values}
    if isinstance(values, dict):
        return _texts(list(values.values()))
    return set().union(*map(_texts, values)) if isinstance(values, list | tuple) else set()


def _hint(task: Use, column: str) -> str:
    fields = list(cast("Task", task.contribution).fields)
    reads = ", ".join(f"`{name}`" for name in fields)
    guess = did_you_mean(column, fields)
    return (
        f"{guess} the task reads {reads}"
        if guess
        else f"the task reads {reads}; roles are `id`, `target` and `cluster`"
    )
