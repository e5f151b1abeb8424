"""References to contributions, looked up and with their options held against the signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.errors import Problem
from mqa_registry.extras import install_command, missing_packages
from mqa_registry.options import described, options_of
from mqa_registry.suite.model import Use
from mqa_registry.suite.paths import missing_paths

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from mqa_registry.errors import Location
    from mqa_registry.plugins import Catalog
    from mqa_registry.plugins.catalog import Kinds
    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.tree import Node


@dataclass(frozen=True)
class Reference:
    """A reference as the suite spells it: the contribution's name, and the options beside it."""

    node: Node
    use: Node
    options: Mapping[str, Node]


class Lookup:
    """Finds what a suite refers to, and notes what is wrong with it."""

    def __init__(self, catalog: Catalog, findings: Findings) -> None:
        self.catalog = catalog
        self.findings = findings
        self._broken: set[str] = set()
        self._missing: list[tuple[Use, Location, str, str]] = []

    def reference(self, node: Node, example: str) -> Reference | None:
        """A string or a table with `use`; anything else is a problem."""
        if isinstance(node.value, str):
            return Reference(node, node, {})
        use = node.get("use")
        if use is not None and isinstance(use.value, str):
            return Reference(node, use, {key: child for key, child in node.tables.items() if key != "use"})
        spelling = f'`"{example}"` or `{{ use = "{example}", ... }}`'
        if isinstance(node.value, dict):
            at, message = (node.at, "a reference has no `use`") if use is None else (use.at, "`use` must be a string")
            self.findings.add(at, message, f"write {spelling}")
        else:
            self.findings.add(
                node.at, f"a reference must be a string or a table, not {described(node.plain())}", f"write {spelling}"
            )
        return None

    def use(self, reference: Reference, kinds: Kinds, also: tuple[str, ...] = ()) -> Use | None:
        """The contribution with its options; None where there is none, or where they do not fit.

        `also` are the host's own keys of the same table, which a misspelt option may have meant.
        """
        name = reference.use.value
        found = self.catalog.find(kinds, name)
        if isinstance(found, Problem):
            self._note(reference, found)
            return None
        options = options_of(found.function)
        values = self.findings.values(reference.node, options, reference.options, f"`{name}`", also)
        if values is None:
            return None
        given = {key: child.plain() for key, child in reference.options.items()}
        use = Use(name, found, given, values, self.catalog.plugins[name.partition("/")[0]], reference.use.at)
        self._missing += [(use, *one) for one in missing_paths(found.function, reference.options, values)]
        self._missing += [
            (
                use,
                reference.use.at,
                f"`{name}` requires the package `{package}`, which is not installed",
                install_command(package),
            )
            for package in missing_packages(found.requires)
        ]
        return use

    def note_missing(self, of: Container[Use] | None = None) -> None:
        """Note every file and package that is needed and not there; of some of what was looked up, or of all of it."""
        for use, at, message, hint in self._missing:
            if of is None or use in of:
                self.findings.add(at, message, hint)

    def _note(self, reference: Reference, problem: Problem) -> None:
        plugin = self.catalog.plugins.get(reference.use.value.partition("/")[0])
        if plugin and plugin.broken:
            # Said once, however many checks name it.
            if plugin.name in self._broken:
                return
            self._broken.add(plugin.name)
        self.findings.add(reference.use.at, problem.message, problem.hint)
