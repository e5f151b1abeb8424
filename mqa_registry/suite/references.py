"""References to contributions: looked up in the catalog, with their options validated and their files looked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mqa_registry.errors import Problem
from mqa_registry.extras import install_command, missing_packages
from mqa_registry.files import is_broken_link, is_special
from mqa_registry.naming import did_you_mean
from mqa_registry.options import contribution_options, describe_value, plain_types
from mqa_registry.plugins.catalog import PERTURBATION
from mqa_registry.suite.model import SWEPT, Severity
from mqa_registry.suite.use import Use

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    from mqa_registry.errors import Location
    from mqa_registry.options import Options
    from mqa_registry.plugins import Catalog, Kinds
    from mqa_registry.suite.diagnostics import Diagnostics
    from mqa_registry.suite.toml import Node

# A string that can only name a file: a name on a hub has one slash at most.
PATH_PATTERN = re.compile(
    r"[./~].*|.*\\.*|[^/]*/[^/]*/.*|.*/|.*\.(?:pt|pt2|pth|ts|jit|ckpt|pkl|bin|onnx|safetensors|h5|keras)"
)


@dataclass(frozen=True)
class Reference:
    """A reference to a contribution: its table or string, the contribution's name, and the options."""

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
        self._missing += [(use, *one) for one in find_missing_paths(options, reference.options, values)]
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
    """All perturbations, the swept one at this severity, without those that have a problem."""
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
    """The array of severities of a sweep; None where it is no array, or the option takes arrays itself."""
    severity = reference.options.get(SWEPT)
    if severity is None or not isinstance(severity.value, list):
        return None
    found = catalog.find(PERTURBATION.kinds, reference.use.value)
    option = None if isinstance(found, Problem) else contribution_options(found).get(SWEPT)
    return severity if option and option.numeric else None


def _check_sweep(sweep: Node, diagnostics: Diagnostics) -> list[Node]:
    """The severities of a sweep; adds a problem where there is none, or one twice."""
    if not sweep.items:
        diagnostics.add(sweep.at, "a sweep needs at least one severity", f"write `{SWEPT} = [1, 2, 3]`")
    for position, item in enumerate(sweep.items):
        if any(item.plain() == other.plain() for other in sweep.items[:position]):
            message = f"severity {describe_value(item.plain())} stands in the sweep twice"
            diagnostics.add(item.at, message, "take one out")
    return sweep.items


# Files and folders that options name.


def find_missing_paths(
    options: Options, nodes: Mapping[str, Node], values: Mapping[str, Any]
) -> Iterator[tuple[Location, str, str]]:
    """Every option of a contribution that names a file or folder that is not there, or is neither: position, message, hint.

    An option that is a path or a name, as a model on a hub has one, names a path where it can be nothing else, or where
    a sibling of it has nearly the same name.
    """
    for option in options:
        accepted = {one for kind in plain_types(option.annotation) for one in (get_args(kind) or (kind,))}
        if option.name in values and Path in accepted:
            node, value = nodes[option.name], values[option.name]
            pairs = zip(node.items, value, strict=True) if isinstance(value, list | tuple) else [(node, value)]
            for item, path in pairs:
                yield from _find_missing_path(item, path, certain=str not in accepted)


def _find_missing_path(node: Node, value: Any, *, certain: bool) -> Iterator[tuple[Location, str, str]]:
    written = node.value
    if not isinstance(written, str):
        return
    path = value if isinstance(value, Path) else node.base / written
    if is_special(path):
        yield node.at, f"`{written}` is a pipe or a device, and may never end", "save what it gives to a file"
        return
    if _exists(path):
        return
    if is_broken_link(path):
        yield node.at, f"`{written}` is a link that leads nowhere", "link to a file or folder that is there"
        return
    hint = _suggest(path, written)
    if certain or PATH_PATTERN.fullmatch(written) or ("/" in written and hint):
        yield node.at, f"there is no file or folder `{written}`", hint


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _suggest(path: Path, written: str) -> str:
    """The existing path of nearly the same name, written as the suite writes it; else one for its parent folder."""
    try:
        parent = path.parent
        if not parent.is_dir():
            return _suggest(parent, str(Path(written).parent)) if len(Path(written).parts) > 1 else ""
        folder = written.rstrip("/")[: -len(path.name) or None]
        return did_you_mean(written, [f"{folder}{one.name}" for one in parent.iterdir()])
    except (OSError, ValueError):
        return ""
