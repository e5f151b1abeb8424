"""Whether the parts of a check make sense together: rules over parts each of which is right by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

from mqa_registry.contributions import Comparison, Metric, Perturbation, Replay, Task
from mqa_registry.options import options_of, takes_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.model import Use
    from mqa_registry.suite.question import Draft
    from mqa_registry.suite.tree import Node

Complaint: TypeAlias = "tuple[Node, str, str]"  # where, what, and what to do
Rule: TypeAlias = "Callable[[Draft, World], Iterator[Complaint]]"

SCHEMA = "label"  # what a replay brings that has no option `schema`


@dataclass(frozen=True)
class World:
    """What the checks of a suite run on: its backends, as far as they were found, and its task."""

    backends: Mapping[str, Use | None]
    task: Use | None
    catalog: Catalog

    @property
    def reference(self) -> str:
        """The first backend; nothing where the suite has none."""
        return next(iter(self.backends), "")

    def schema(self, backend: str) -> str:
        """The schema of a backend's predictions; nothing where it cannot be known."""
        use = self.backends.get(backend)
        if use is None:
            return ""
        if isinstance(use.contribution, Replay):
            option = options_of(use.contribution.function).get("schema")
            return str(use.options.get("schema", option.default if option else SCHEMA))
        return cast("Task", self.task.contribution).schema if self.task else ""


def weigh(draft: Draft, world: World, findings: Findings) -> None:
    """Note everything about a check that cannot work."""
    for rule in RULES:
        for node, message, hint in rule(draft, world):
            findings.add(node.at, message, hint)


def _bounds_between_groups(draft: Draft, world: World) -> Iterator[Complaint]:
    for word in ("max_gap", "min_ratio"):
        node = _bound(draft, word)
        if node is None:
            continue
        if "by" not in draft.given:
            yield (
                node,
                f"`{word}` compares groups, and the check has no `by`",
                "add `by`, or bound it with `min` or `max`",
            )
        elif _makes_one_of_groups(draft):
            message = f"`{word}` compares groups, and `{_measured(draft)}` makes one number of them"
            yield node, message, "bound that number with `min` or `max`"


def _groups_for_the_measure(draft: Draft, world: World) -> Iterator[Complaint]:
    if _makes_one_of_groups(draft) and "by" not in draft.given:
        yield draft.given["measure"], f"`{_measured(draft)}` compares groups, and the check has no `by`", "add `by`"


def _one_way_to_compare(draft: Draft, world: World) -> Iterator[Complaint]:
    if not _is_comparison(draft):
        return
    for word in ("max_drop", "max_rise"):
        if node := _bound(draft, word):
            message = f"`{word}` needs a metric: the comparison `{_measured(draft)}` already holds two views against each other"
            yield node, message, "bound it with `min` or `max`"


def _use_for_against(draft: Draft, world: World) -> Iterator[Complaint]:
    if "against" in draft.given and isinstance(_kind(draft), Metric) and not _drops(draft):
        message = f"nothing is held against `against`: `{_measured(draft)}` is a metric, and `expect` bounds it alone"
        yield draft.given["against"], message, "bound it with `max_drop` or `max_rise`, or take `against` out"


def _something_to_hold_against(draft: Draft, world: World) -> Iterator[Complaint]:
    """A view is never held against itself; where that is all a check asks for, there is nothing to judge."""
    if not draft.on or not (_is_comparison(draft) or _drops(draft)):
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
    if _is_comparison(draft):
        message = f"the comparison `{_measured(draft)}` has nothing to compare with: {backend}"
        yield draft.given["measure"], message, hint
        return
    for word in _drops(draft):
        node = _bound(draft, word)
        if node:
            yield node, f"`{word}` has no reference view: nothing is disturbed, and {backend}", f"add `perturb`, {hint}"


def _schemas(draft: Draft, world: World) -> Iterator[Complaint]:
    takes: tuple[str, ...] = getattr(_kind(draft), "takes", ())
    reference = [world.reference] if _is_comparison(draft) else []
    for backend in (*draft.on, *reference) if takes else ():
        schema = world.schema(backend)
        if schema and schema not in takes:
            message = f"`{_measured(draft)}` reads {_listed(takes)}, and backend `{backend}` answers with {schema}"
            yield draft.given["measure"], message, _measures_of(schema, world)
            return


def _modalities(draft: Draft, world: World) -> Iterator[Complaint]:
    if world.task is None:
        return
    there = cast("Task", world.task.contribution).fields.values()
    for use in draft.steps[0].perturb:
        modality = cast("Perturbation", use.contribution).modality
        if modality not in there:
            message = (
                f"`{use.name}` disturbs {modality}, and the task `{world.task.name}` reads {_listed(tuple(there))}"
            )
            yield draft.given["perturb"], message, ""


RULES: tuple[Rule, ...] = (
    _bounds_between_groups,
    _groups_for_the_measure,
    _one_way_to_compare,
    _use_for_against,
    _something_to_hold_against,
    _schemas,
    _modalities,
)


def _kind(draft: Draft) -> object:
    return draft.measure.contribution if draft.measure else None


def _measured(draft: Draft) -> str:
    return draft.measure.name if draft.measure else ""


def _is_comparison(draft: Draft) -> bool:
    return isinstance(_kind(draft), Comparison)


def _makes_one_of_groups(draft: Draft) -> bool:
    kind = _kind(draft)
    return isinstance(kind, Metric) and takes_groups(kind)


def _bound(draft: Draft, word: str) -> Node | None:
    expect = draft.given.get("expect")
    return expect.get(word) if expect else None


def _drops(draft: Draft) -> list[str]:
    return [word for word in ("max_drop", "max_rise") if _bound(draft, word)]


def _is_its_own_reference(draft: Draft, world: World, backend: str) -> bool:
    against = draft.against
    if "against" not in draft.given:
        disturbed_metric = "perturb" in draft.given and not _is_comparison(draft)
        return backend == world.reference and not disturbed_metric
    if against is None:
        return False
    same_backend = against.backend in {None, backend}
    same_data = against.data in {None, draft.data}
    return same_backend and same_data and not (against.undisturbed and "perturb" in draft.given)


def _measures_of(schema: str, world: World) -> str:
    fitting = [
        f"`{name}`" for name, each in world.catalog.each((Metric, Comparison)) if schema in getattr(each, "takes", ())
    ]
    return f"of {schema} there are {', '.join(fitting[:5])}" if fitting else ""


def _listed(words: tuple[str, ...]) -> str:
    return " or ".join(dict.fromkeys(words))
