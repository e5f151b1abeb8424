"""What `perturb` says: one perturbation, several in order, or one at several severities."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mqa_registry.contributions import Perturbation
from mqa_registry.errors import Problem
from mqa_registry.options import described, options_of
from mqa_registry.suite.model import Severity

if TYPE_CHECKING:
    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.tree import Node
    from mqa_registry.suite.uses import Lookup, Reference

SWEPT = "severity"  # the one option that may be an array of its values
EXAMPLE = "plugin/name"


def steps(node: Node, lookup: Lookup) -> tuple[Severity, ...] | None:
    """One step, or one for every severity of a sweep; None where something is wrong."""
    nodes = node.value if isinstance(node.value, list) else [node]
    if not nodes:
        lookup.findings.add(node.at, "`perturb` is an empty array", "leave it out to keep the rows as they are")
        return None
    parts = [lookup.reference(one, EXAMPLE) for one in nodes]
    references = [part for part in parts if part]
    sweeps = [sweep for part in references if (sweep := _sweep(part, lookup.catalog))]
    for second in sweeps[1:]:
        lookup.findings.add(second.at, "a check can have one sweep, and this is its second", "give one severity here")
    made = [
        _step(references, severity, lookup)
        for severity in (_severities(sweeps[0], lookup.findings) if sweeps else [None])
    ]
    whole = [step for step in made if step and len(step.perturb) == len(nodes)]
    return tuple(whole) if len(whole) == len(made) else None


def _step(references: list[Reference], severity: Node | None, lookup: Lookup) -> Severity | None:
    """All perturbations, the swept one at this severity; those with a problem are left out."""
    at = [_at(reference, severity, lookup.catalog) if severity else reference for reference in references]
    uses = tuple(use for one in at if (use := lookup.use(one, (Perturbation,))))
    return Severity(uses, severity.value if severity else None)


def _at(reference: Reference, severity: Node, catalog: Catalog) -> Reference:
    if _sweep(reference, catalog) is None:
        return reference
    return replace(reference, options={**reference.options, SWEPT: severity})


def _sweep(reference: Reference, catalog: Catalog) -> Node | None:
    """The array of severities, where the perturbation takes one number for it."""
    given = reference.options.get(SWEPT)
    if given is None or not isinstance(given.value, list):
        return None
    found = catalog.find((Perturbation,), reference.use.value)
    option = None if isinstance(found, Problem) else options_of(found.function).get(SWEPT)
    return given if option and option.numeric else None


def _severities(sweep: Node, findings: Findings) -> list[Node]:
    if not sweep.items:
        findings.add(sweep.at, "a sweep needs at least one severity", f"write `{SWEPT} = [1, 2, 3]`")
    for position, item in enumerate(sweep.items):
        if any(item.plain() == other.plain() for other in sweep.items[:position]):
            findings.add(item.at, f"severity {described(item.plain())} stands in the sweep twice", "take one out")
    return sweep.items
