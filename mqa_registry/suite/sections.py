"""The parsers of the tables `[model]`, `[data]`, `[backends]`, `[execution]` and `[[waiver]]`, and the rules for mapped columns."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Backend, ModelSource, Slice, Task
from mqa_registry.findings import Finding
from mqa_registry.naming import did_you_mean
from mqa_registry.options import contribution_options
from mqa_registry.plugins.catalog import BACKEND, DATASET, EXECUTOR, MODEL_SOURCE, TASK
from mqa_registry.suite import grammar
from mqa_registry.suite.check_names import find_check, join_names
from mqa_registry.suite.model import Data, ModelUse, Waiver
from mqa_registry.suite.references import Reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.options import Options
    from mqa_registry.plugins import Kinds
    from mqa_registry.suite.diagnostics import Diagnostics
    from mqa_registry.suite.model import Check, Suite
    from mqa_registry.suite.references import Resolver
    from mqa_registry.suite.toml import Node
    from mqa_registry.suite.use import Use

COLUMN_ROLES = ("id", "target", "cluster")  # columns that the host reads itself
GROUP = "group"  # one more, where several rows make one example of the task
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")  # files are called by these names, with a dot for what comes after


@dataclass(frozen=True)
class Section:
    """One table with `use`: its valid keys of the host, and its contribution with options, None where it is not valid."""

    keys: dict[str, Node]
    use: Use | None


@dataclass(frozen=True)
class ModelSection:
    """The table `[model]`: the source and the task, None where they are not valid, and other names for the classes."""

    source: Use | None = None
    task: Use | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> ModelUse | None:
        """The model under test, where both are valid."""
        return ModelUse(self.source, self.task, self.labels) if self.source and self.task else None


def parse_model(node: Node | None, resolver: Resolver) -> ModelSection:
    """Parse `[model]`; adds a problem for everything that is not valid."""
    if node is None:
        return ModelSection()
    section = _parse_section(node, grammar.MODEL, MODEL_SOURCE.kinds, "`[model]`", resolver)
    task = section.keys.get("task")
    reference = resolver.reference(task, "text-classification") if task else None
    source = section.keys.get("use")
    labels = section.keys["labels"].plain() if "labels" in section.keys else {}
    if reference is None or (source is None and "/" not in reference.use.value):
        return ModelSection(section.use, None, labels)
    task_use = resolver.resolve(_with_plugin(reference, source), TASK.kinds)
    if section.use and task_use:
        _check_fits(section.use, task_use, reference, resolver.diagnostics)
    return ModelSection(section.use, task_use, labels)


def _check_fits(source: Use, task: Use, reference: Reference, diagnostics: Diagnostics) -> None:
    """Add a problem where a task needs another kind of model than its source can load."""
    loader, kind = source.contribution, task.contribution
    if isinstance(loader, ModelSource) and isinstance(kind, Task) and not loader.fits(kind):
        loads = join_names(loader.loads or ())
        diagnostics.add(
            reference.use.at,
            f"`{task.name}` needs a model for `{kind.needs}`, and `{source.name}` loads none",
            f"it loads those for {loads}" if loads else "it takes a model as it stands, for a task that needs no more",
        )


def parse_source(node: Node | None, resolver: Resolver) -> Use | None:
    """Parse the model source of a table `[model]`, which need not have a task."""
    return _parse_section(node, grammar.SOURCE, MODEL_SOURCE.kinds, "`[model]`", resolver).use if node else None


def parse_data(node: Node | None, resolver: Resolver) -> dict[str, Data | None]:
    """Every data set by its name, None where it is not valid."""
    parsed: dict[str, Data | None] = {}
    for name, table in _named_tables(node, "data set", resolver.diagnostics).items():
        section = _parse_section(table, grammar.DATA, DATASET.kinds, f"data set `{name}`", resolver)
        own = {key: child.plain() for key, child in section.keys.items() if key != "use"}
        parsed[name] = Data(name, section.use, **own) if section.use else None
    return parsed


def parse_backends(node: Node | None, resolver: Resolver) -> dict[str, Use | None]:
    """Every backend by its name, None where it is not valid."""
    return {
        name: _parse_section(table, grammar.BACKEND, BACKEND.kinds, f"backend `{name}`", resolver).use
        for name, table in _named_tables(node, "backend", resolver.diagnostics).items()
    }


def require_model(node: Node | None, uses: dict[str, Use | None], diagnostics: Diagnostics) -> None:
    """Add a problem for every backend that runs a model in a suite that has none."""
    for name, use in uses.items():
        if use and node and isinstance(use.contribution, Backend):
            hint = "add `[model]` with `use` and `task`"
            diagnostics.add(
                node.tables[name].key, f"backend `{name}` runs a model, and the suite has no `[model]`", hint
            )


def parse_execution(node: Node | None, resolver: Resolver) -> Use | None:
    """Parse `[execution]`; None where the executor is the host's own, or where something is not valid."""
    if node is None:
        return None
    use = node.get("use")
    if use is not None and use.value == grammar.LOCAL:
        resolver.diagnostics.valid_keys(node, grammar.EXECUTION, owner=f"the executor `{grammar.LOCAL}`")
        return None
    if use is not None and isinstance(use.value, str) and use.value and "/" not in use.value:
        resolver.diagnostics.add(use.at, f"there is no executor `{use.value}`", _executor_hint(use.value, resolver))
        return None
    return _parse_section(node, grammar.EXECUTION, EXECUTOR.kinds, "`[execution]`", resolver).use


def _executor_hint(name: str, resolver: Resolver) -> str:
    """A hint for an executor without a plugin: those of the plugin of that name, or the host's own."""
    given = [f"`{full}`" for full, _ in resolver.catalog.each(EXECUTOR.kinds) if full.partition("/")[0] == name]
    if given:
        return f"did you mean {' or '.join(given)}?"
    return did_you_mean(name, [grammar.LOCAL]) or f"write `plugin/name`, or `{grammar.LOCAL}` for this process"


def _named_tables(node: Node | None, noun: str, diagnostics: Diagnostics) -> dict[str, Node]:
    """The tables of a section by the names that the suite gives them."""
    tables = {}
    for name, table in (node.tables if node else {}).items():
        if not NAME.fullmatch(name):
            diagnostics.add(table.key, f"`{name}` cannot name a {noun}", "use letters, digits, `_` and `-`")
        if isinstance(table.value, dict):
            tables[name] = table
        else:
            diagnostics.add(
                table.at,
                f"{noun} `{name}` must be a table",
                'give it at least a `use`, as in `{ use = "plugin/name" }`',
            )
    return tables


def _parse_section(node: Node, keys: Options, kinds: Kinds, owner: str, resolver: Resolver) -> Section:
    valid = resolver.diagnostics.valid_keys(node, keys, owner=owner, others=True)
    if "use" not in valid:
        return Section(valid, None)
    options = {key: child for key, child in node.tables.items() if key not in keys.names}
    return Section(valid, resolver.resolve(Reference(node, valid["use"], options), kinds, also=keys.names))


def _with_plugin(reference: Reference, source: Node | None) -> Reference:
    """The reference with the plugin of the model source added to a bare task name."""
    if source is None or "/" in reference.use.value:
        return reference
    plugin = source.value.partition("/")[0]
    return replace(reference, use=replace(reference.use, value=f"{plugin}/{reference.use.value}"))


def check_columns(
    node: Node | None,
    data: Mapping[str, Data | None],
    task: Use | None,
    checks: Sequence[Check],
    diagnostics: Diagnostics,
) -> None:
    """Add a problem for every column mapped to a name that nothing reads. Without a model, every name is a field."""
    if node is None or task is None or any(_reads_any_column(check.by) for check in checks if check.by):
        return
    for name, one in data.items():
        for column in unread_columns(one, task, checks) if one else ():
            at = node.tables[name].down(("columns", column)).key
            diagnostics.add(
                at,
                f"`{column}` is no field of the task `{task.name}`, and nothing else reads it",
                _column_hint(task, column),
            )


def unread_column_findings(suite: Suite) -> Iterator[Finding]:
    """A warning for each column that no field, role or option names, in a suite where a slice may still read it."""
    if suite.model is None:
        return
    for data in suite.data.values():
        for column in unread_columns(data, suite.model.task, suite.checks):
            message = f"`{column}` of `{data.name}` is no field of the task, and no check says that it reads it"
            yield Finding("warning", "columns", message, _column_hint(suite.model.task, column))


def unread_columns(data: Data, task: Use, checks: Sequence[Check]) -> tuple[str, ...]:
    """The names that columns are mapped to and that are no role, no field, and no value of an option of a check."""
    if isinstance(task.contribution, Task) and task.contribution.columns_field:
        return ()  # it reads any column
    read = {*_roles(task), *_fields(task)}.union(
        *(_texts(_option_values(use)) for check in checks for use in check.uses)
    )
    return tuple(name for name in data.columns if name not in read)


def _reads_any_column(use: Use) -> bool:
    """Whether a slice reads columns of the data and has no option that names one, so that it may read any."""
    named = any("column" in option.name for option in contribution_options(use.contribution))
    return isinstance(use.contribution, Slice) and use.contribution.inputs != "predictions" and not named


def _option_values(use: Use) -> list[Any]:
    """The values of all its options, with defaults for those left out."""
    return [use.options.get(option.name, option.default) for option in contribution_options(use.contribution)]


def _fields(task: Use) -> Mapping[str, str]:
    return task.contribution.fields if isinstance(task.contribution, Task) else {}


def _roles(task: Use) -> tuple[str, ...]:
    """The columns that the host reads itself of data for a task."""
    kind = task.contribution
    return (*COLUMN_ROLES, GROUP) if isinstance(kind, Task) and kind.grouping is not None else COLUMN_ROLES


def _texts(values: Any) -> set[str]:
    """Every string in nested values."""
    if isinstance(values, str):
        return {values}
    if isinstance(values, dict):
        return _texts(list(values.values()))
    return set().union(*map(_texts, values)) if isinstance(values, list | tuple) else set()


def _column_hint(task: Use, column: str) -> str:
    fields = list(_fields(task))
    reads = join_names(fields)
    *roles, last_role = _roles(task)
    suggestion = did_you_mean(column, fields)
    return (
        f"{suggestion} the task reads {reads}"
        if suggestion
        else f"the task reads {reads}; roles are {join_names(roles)} and `{last_role}`"
    )


def parse_waivers(node: Node | None, titles: Mapping[str, str], diagnostics: Diagnostics) -> tuple[Waiver, ...]:
    """Every waiver that is valid; `titles` are the names of the checks in reports by their names."""
    waivers: dict[str, tuple[Node, Waiver]] = {}
    for table in node.items if node else ():
        valid = diagnostics.valid_keys(table, grammar.WAIVER, owner="a waiver")
        name = _find_waived(valid["check"], titles, diagnostics) if "check" in valid else None
        if name is None:
            continue
        if name in waivers:
            first = waivers[name][0].key
            where = f"the other stands at {first.file}:{first.line}"
            diagnostics.add(valid["check"].at, f"two waivers are for the check `{name}`", f"take one out; {where}")
        elif len(valid) == len(grammar.WAIVER.names):
            waivers[name] = (table, Waiver(name, valid["until"].value, valid["reason"].value))
    return tuple(waiver for _, waiver in waivers.values())


def _find_waived(node: Node, titles: Mapping[str, str], diagnostics: Diagnostics) -> str | None:
    """The name of the check that a waiver is for; None where there is no such check, or where there are several."""
    missing = f"there is no check `{node.value}` to waive"
    hint = f"the suite has {join_names(titles) or 'none'}"
    found = find_check(node.value, titles, node.at, missing=missing, hint=hint)
    if isinstance(found, str):
        return found
    diagnostics.add(node.at, found.message, found.hint)
    return None
