"""Whether the parts of a check make sense together: rules over parts each of which is right by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.contributions import Comparison, Metric, Probe
from mqa_registry.suite.perturbations import PERTURBATION_RULES
from mqa_registry.suite.probes import PROBE_RULES
from mqa_registry.suite.ranges import RANGE_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.question import Draft
    from mqa_registry.suite.world import Complaint, Rule, World


def weigh(draft: Draft, world: World, findings: Findings) -> None:
    """Note everything about a check that cannot work."""
    for rule in RULES:
        for node, message, hint in rule(draft, world):
            findings.add(node.at, message, hint)


def _bounds_between_groups(draft: Draft, world: World) -> Iterator[Complaint]:
    for word in ("max_gap", "min_ratio"):
        node = draft.bound(word)
        if node is None:
            continue
        if "by" not in draft.given:
            yield (
                node,
                f"`{word}` compares groups, and the check has no `by`",
                "add `by`, or bound it with `min` or `max`",
            )
        elif _makes_one_of_groups(draft):
            message = f"`{word}` compares groups, and `{draft.measured}` makes one number of them"
            yield node, message, "bound that number with `min` or `max`"


def _groups_for_the_measure(draft: Draft, world: World) -> Iterator[Complaint]:
    if _makes_one_of_groups(draft) and "by" not in draft.given:
        yield draft.given["measure"], f"`{draft.measured}` compares groups, and the check has no `by`", "add `by`"


def _one_way_to_compare(draft: Draft, world: World) -> Iterator[Complaint]:
    if not draft.compares:
        return
    for word in ("max_drop", "max_rise"):
        if node := draft.bound(word):
            message = f"`{word}` needs a metric: the {draft.noun} `{draft.measured}` already holds two views against each other"
            yield node, message, "bound it with `min` or `max`"


def _use_for_against(draft: Draft, world: World) -> Iterator[Complaint]:
    if "against" not in draft.given or draft.kind is None or draft.compares or draft.drops:
        return
    hint = "take `against` out" if draft.sees else "bound it with `max_drop` or `max_rise`, or take `against` out"
    message = f"nothing is held against `against`: `{draft.measured}` is a {draft.noun}, and `expect` bounds it alone"
    yield draft.given["against"], message, hint


def _something_to_hold_against(draft: Draft, world: World) -> Iterator[Complaint]:
    """A view is never held against itself; where that is all a check asks for, there is nothing to judge."""
    if not draft.on or not (draft.compares or draft.drops) or draft.sees == "rows":
        return
    if not all(_is_its_own_reference(draft, world, backend) for backend in draft.on):
        return
    if "against" in draft.given:
        if draft.against and (draft.against.backend or draft.against.data or draft.against.undisturbed):
            message = "`against` names the very view that the check is about"
            yield (
                draft.given["against"],
                message,
                "`perturb = false` needs a `perturb`; `backend` and `data` others than its own",
            )
        return
    hint = "add a second backend, or hold it against another view with `against`"
    backend = f"`{draft.on[0]}` is the reference backend"
    if draft.compares:
        message = f"the {draft.noun} `{draft.measured}` has nothing to compare with: {backend}"
        yield draft.given["measure"], message, hint
        return
    for word in draft.drops:
        node = draft.bound(word)
        if node:
            yield node, f"`{word}` has no reference view: nothing is disturbed, and {backend}", f"add `perturb`, {hint}"


def _schemas(draft: Draft, world: World) -> Iterator[Complaint]:
    takes: tuple[str, ...] = getattr(draft.kind, "takes", ())
    for backend in world.backends_of(draft) if takes and draft.sees != "rows" else ():
        schema = world.schema(backend)
        if schema and schema not in takes:
            message = f"`{draft.measured}` reads {_listed(takes)}, and backend `{backend}` answers with {schema}"
            yield draft.given["measure"], message, _measures_of(schema, world)
            return


RULES: tuple[Rule, ...] = (
    _bounds_between_groups,
    _groups_for_the_measure,
    _one_way_to_compare,
    _use_for_against,
    _something_to_hold_against,
    _schemas,
    *PERTURBATION_RULES,
    *PROBE_RULES,
    *RANGE_RULES,
)


def _makes_one_of_groups(draft: Draft) -> bool:
    kind = draft.kind
    return isinstance(kind, Metric) and kind.takes_groups


def _is_its_own_reference(draft: Draft, world: World, backend: str) -> bool:
    against = draft.against
    if "against" not in draft.given:
        disturbed_metric = "perturb" in draft.given and not draft.compares
        return backend == world.reference and not disturbed_metric
    if against is None:
        return False
    same_backend = against.backend in {None, backend}
    same_data = against.data in {None, draft.data}
    return same_backend and same_data and not (against.undisturbed and "perturb" in draft.given)


def _measures_of(schema: str, world: World) -> str:
    fitting = [
        f"`{name}`"
        for name, each in world.catalog.each((Metric, Comparison, Probe))
        if schema in getattr(each, "takes", ())
    ]
    return f"of {schema} there are {', '.join(fitting[:5])}" if fitting else ""


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join(dict.fromkeys(words))
