"""The tables of a suite beside its checks: the model, the data sets, the backends."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mqa_registry.contributions import Backend, Dataset, ModelSource, Replay, Task
from mqa_registry.suite import grammar
from mqa_registry.suite.model import Data, ModelUse
from mqa_registry.suite.uses import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.options import Options
    from mqa_registry.plugins.catalog import Kinds
    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.model import Use
    from mqa_registry.suite.tree import Node
    from mqa_registry.suite.uses import Lookup

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")  # files are called by these names, with a dot for what comes after


@dataclass(frozen=True)
class Section:
    """One table with `use`: the host's own keys, and the contribution with its options where both were right."""

    keys: dict[str, Node]
    use: Use | None


@dataclass(frozen=True)
class ModelSection:
    """The table `[model]` as far as it was understood: its source and task, and other names for the model's classes."""

    source: Use | None = None
    task: Use | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole(self) -> ModelUse | None:
        """The model under test, where both were found."""
        return ModelUse(self.source, self.task, self.labels) if self.source and self.task else None


def model(node: Node | None, lookup: Lookup) -> ModelSection:
    """The model source and the task, each as far as it was found."""
    if node is None:
        return ModelSection()
    section = _section(node, grammar.MODEL, (ModelSource,), "`[model]`", lookup)
    task = section.keys.get("task")
    reference = lookup.reference(task, "text-classification") if task else None
    source = section.keys.get("use")
    labels = section.keys["labels"].plain() if "labels" in section.keys else {}
    if reference is None or (source is None and "/" not in reference.use.value):
        return ModelSection(section.use, None, labels)
    chosen = lookup.use(_in_full(reference, source), (Task,))
    if section.use and chosen:
        _check_loads(section.use, chosen, reference, lookup.findings)
    return ModelSection(section.use, chosen, labels)


def _check_loads(source: Use, task: Use, reference: Reference, findings: Findings) -> None:
    """Note a task that needs another kind of model than its source can load."""
    loader, wanted = source.contribution, task.contribution
    if isinstance(loader, ModelSource) and isinstance(wanted, Task) and not loader.fits(wanted):
        known = ", ".join(f"`{name}`" for name in loader.loads or ())
        findings.add(
            reference.use.at,
            f"`{task.name}` needs a model for `{wanted.needs}`, and `{source.name}` loads none",
            f"it loads those for {known}" if known else "it takes a model as it stands, for a task that needs no more",
        )


def source(node: Node | None, lookup: Lookup) -> Use | None:
    """The model source alone, of a table that names no task yet."""
    return _section(node, grammar.SOURCE, (ModelSource,), "`[model]`", lookup).use if node else None


def data(node: Node | None, lookup: Lookup) -> dict[str, Data | None]:
    """Every data set by its name, None where it is not as it should be."""
    found: dict[str, Data | None] = {}
    for name, table in _named_tables(node, "data set", lookup.findings).items():
        section = _section(table, grammar.DATA, (Dataset,), f"data set `{name}`", lookup)
        own = {key: child.plain() for key, child in section.keys.items() if key != "use"}
        found[name] = Data(name, section.use, **own) if section.use else None
    return found


def backends(node: Node | None, lookup: Lookup) -> dict[str, Use | None]:
    """Every backend by its name, None where it is not as it should be."""
    return {
        name: _section(table, grammar.BACKEND, (Backend, Replay), f"backend `{name}`", lookup).use
        for name, table in _named_tables(node, "backend", lookup.findings).items()
    }


def need_model(node: Node | None, uses: dict[str, Use | None], findings: Findings) -> None:
    """Note every backend that runs a model in a suite that has none."""
    for name, use in uses.items():
        if use and node and isinstance(use.contribution, Backend):
            hint = "add `[model]` with `use` and `task`"
            findings.add(node.tables[name].key, f"backend `{name}` runs a model, and the suite has no `[model]`", hint)


def _named_tables(node: Node | None, noun: str, findings: Findings) -> dict[str, Node]:
    """The tables that stand under names of the suite's own choice."""
    tables = {}
    for name, table in (node.tables if node else {}).items():
        if not NAME.fullmatch(name):
            findings.add(table.key, f"`{name}` cannot name a {noun}", "use letters, digits, `_` and `-`")
        if isinstance(table.value, dict):
            tables[name] = table
        else:
            findings.add(
                table.at,
                f"{noun} `{name}` must be a table",
                'give it at least a `use`, as in `{ use = "plugin/name" }`',
            )
    return tables


def _section(node: Node, keys: Options, kinds: Kinds, owner: str, lookup: Lookup) -> Section:
    good = lookup.findings.table(node, keys, owner=owner, others=True)
    if "use" not in good:
        return Section(good, None)
    options = {key: child for key, child in node.tables.items() if key not in keys.names}
    return Section(good, lookup.use(Reference(node, good["use"], options), kinds, also=keys.names))


def _in_full(reference: Reference, source: Node | None) -> Reference:
    """A bare task name is one of the model source's own plugin."""
    if source is None or "/" in reference.use.value:
        return reference
    plugin = source.value.partition("/")[0]
    return replace(reference, use=replace(reference.use, value=f"{plugin}/{reference.use.value}"))
