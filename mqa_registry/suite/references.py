"""References to contributions, found in the catalog, with their options held against the signature."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mqa_registry.errors import Problem
from mqa_registry.extras import install_command, missing_packages
from mqa_registry.options import contribution_options, describe_value
from mqa_registry.plugins.kinds import PERTURBATION
from mqa_registry.suite.model import SWEPT, Severity, Use
from mqa_registry.suite.paths import missing_paths

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from mqa_registry.errors import Location
    from mqa_registry.plugins import Catalog, Kinds
    from mqa_registry.suite.diagnostics import Diagnostics
    from mqa_registry.suite.toml import Node


@dataclass(frozen=True)
class Reference:
    """A reference as the suite has it: the contribution's name, and the options beside it."""

    node: Node
    use: Node
    options: Mapping[str, Node]


class Resolver:
    """Finds the contributions that a suite refers to, and adds a problem for every reference that is wrong."""

    def __init__(self, catalog: Catalog, diagnostics: Diagnostics) -> None:
        self.catalog = catalog
        self.diagnostics = diagnostics
        self._broken: set[str] = set()
        self._missing: list[tuple[Use, Location, str, str]] = []

    def reference(self, node: Node, example: str) -> Reference | None:
        """The reference in a string or in a table with `use`; anything else is a problem."""
        if isinstance(node.value, str):
            return Reference(node, node, {})
        use = node.get("use")
        if use is not None and isinstance(use.value, str):
            return Reference(node, use, {key: child for key, child in node.tables.items() if key != "use"})
        hint = f'write `"{example}"` or `{{ use = "{example}", ... }}`'
        if isinstance(node.value, dict):
            at, message = (node.at, "a reference has no `use`") if use is None else (use.at, "`use` must be a string")
        else:
            at, message = node.at, f"a reference must be a string or a table, not {describe_value(node.plain())}"
        self.diagnostics.add(at, message, hint)
        return None

    def resolve(self, reference: Reference, kinds: Kinds, also: tuple[str, ...] = ()) -> Use | None:
        """The contribution with its options; None where there is none, or where they are not valid.

        `also` are the host's own keys of the same table, which a misspelt option may have meant.
        """
        name = reference.use.value
        found = self.catalog.find(kinds, name)
        if isinstance(found, Problem):
            self._add_problem(reference, found)
            return None
        options = contribution_options(found)
        values = self.diagnostics.valid_options(reference.node, options, reference.options, f"`{name}`", also)
        if values is None:
            return None
        plain = {key: child.plain() for key, child in reference.options.items()}
        use = Use(name, found, plain, values, self.catalog.plugins[name.partition("/")[0]], reference.use.at)
        self._missing += [(use, *one) for one in missing_paths(options, reference.options, values)]
        for package in missing_packages(found.requires):
            message = f"`{name}` requires the package `{package}`, which is not installed"
            self._missing.append((use, reference.use.at, message, install_command(package)))
        return use

    def add_missing_files(self, of: Container[Use] | None = None) -> None:
        """Add a problem for every file or package that is needed and not there; `of` limits that to some contributions."""
        for use, at, message, hint in self._missing:
            if of is None or use in of:
                self.diagnostics.add(at, message, hint)

    def _add_problem(self, reference: Reference, problem: Problem) -> None:
        plugin = self.catalog.plugins.get(reference.use.value.partition("/")[0])
        if plugin and plugin.broken:
            if plugin.name in self._broken:  # reported once, however many checks name it
                return
            self._broken.add(plugin.name)
        self.diagnostics.add(reference.use.at, problem.message, problem.hint)


def resolve_steps(node: Node, resolver: Resolver) -> tuple[Severity, ...] | None:
    """The steps of a `perturb`: one, or one for every severity of a sweep; None where something is wrong."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        resolver.diagnostics.add(node.at, "`perturb` is an empty array", "leave it out to keep the rows as they are")
        return None
    references = [part for one in nodes if (part := resolver.reference(one, "plugin/name"))]
    sweeps = [
        (position, sweep)
        for position, part in enumerate(references)
        if (sweep := _severities_of(part, resolver.catalog)) is not None
    ]
    for _, second in sweeps[1:]:
        message = "a check can have one sweep, and this is its second"
        resolver.diagnostics.add(second.at, message, "give one severity here")
    if sweeps:
        position, sweep = sweeps[0]
        steps = [
            _resolve_step(references, one, position, resolver) for one in _check_sweep(sweep, resolver.diagnostics)
        ]
    else:
        steps = [_resolve_step(references, None, 0, resolver)]
    complete = [step for step in steps if len(step.perturb) == len(nodes)]
    return tuple(complete) if len(complete) == len(steps) else None


def _resolve_step(references: list[Reference], severity: Node | None, swept: int, resolver: Resolver) -> Severity:
    """All perturbations, the swept one at this severity; those with a problem are left out."""
    if severity is not None:
        references = [
            replace(part, options={**part.options, SWEPT: severity})
            if _severities_of(part, resolver.catalog) is not None
            else part
            for part in references
        ]
    uses = tuple(use for part in references if (use := resolver.resolve(part, PERTURBATION.kinds)))
    return Severity(uses, severity.value if severity else None, swept)


def _severities_of(reference: Reference, catalog: Catalog) -> Node | None:
    """The array of severities, where the perturbation takes one number for it."""
    severity = reference.options.get(SWEPT)
    if severity is None or not isinstance(severity.value, list):
        return None
    found = catalog.find(PERTURBATION.kinds, reference.use.value)
    option = None if isinstance(found, Problem) else contribution_options(found).get(SWEPT)
    return severity if option and option.numeric else None


def _check_sweep(sweep: Node, diagnostics: Diagnostics) -> list[Node]:
    """The severities of a sweep, of which there is at least one, and none twice."""
    if not sweep.items:
        diagnostics.add(sweep.at, "a sweep needs at least one severity", f"write `{SWEPT} = [1, 2, 3]`")
    for position, item in enumerate(sweep.items):
        if any(item.plain() == other.plain() for other in sweep.items[:position]):
            message = f"severity {describe_value(item.plain())} stands in the sweep twice"
            diagnostics.add(item.at, message, "take one out")
    return sweep.items
