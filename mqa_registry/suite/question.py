"""One `[[check]]`: from its table to a Check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Comparison, Metric, Probe, Slice
from mqa_registry.options import did_you_mean
from mqa_registry.suite import grammar
from mqa_registry.suite.bounds import expectations
from mqa_registry.suite.model import Against, Check, Severity
from mqa_registry.suite.names import check_name
from mqa_registry.suite.sweep import steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.contributions import Contribution
    from mqa_registry.plugins.catalog import Kinds
    from mqa_registry.suite.grammar import GateWord, IntervalWord
    from mqa_registry.suite.model import Expect, Use
    from mqa_registry.suite.tree import Node
    from mqa_registry.suite.uses import Lookup

SPELLED = ("measure", "perturb", "by", "against", "expect")

ELSEWHERE = {word: f"bounds stand in `expect`, as in `expect = {{ {word} = 0.1 }}`" for word in grammar.EXPECT.names}
ELSEWHERE |= dict.fromkeys(("threshold", "expect"), "bounds stand in a table, as in `expect = { min = 0.9 }`")
ELSEWHERE |= dict.fromkeys(("backend", "backends"), '`on = ["NAME"]` chooses the backends')
NOT_YET = {"run": "stored runs cannot be held against yet; hold against `backend`, `data` or `perturb = false`"}
ELSEWHERE["metric"] = "did you mean `measure`?"


@dataclass(frozen=True)
class Surroundings:
    """What a check may name: the suite's backends and data sets, in order, whether or not they are as they should be."""

    backends: tuple[str, ...]
    data: tuple[str, ...]
    gate: GateWord
    interval: IntervalWord


@dataclass(frozen=True)
class Draft:
    """A check as far as it can be understood; what is wrong, or not given, is None or empty."""

    node: Node
    name: str
    measure: Use | None
    steps: tuple[Severity, ...]
    by: Use | None
    on: tuple[str, ...]
    data: str
    against: Against | None
    expect: Mapping[str, Expect] | None

    @property
    def given(self) -> Mapping[str, Node]:
        """The keys of its table, right or wrong."""
        return self.node.tables

    @property
    def kind(self) -> Contribution | None:
        """Its measure's contribution, where it could be found."""
        return self.measure.contribution if self.measure else None

    @property
    def noun(self) -> str:
        """What kind of measure it has."""
        return self.kind.kind if self.kind else "measure"

    @property
    def measured(self) -> str:
        return self.measure.name if self.measure else ""

    @property
    def compares(self) -> bool:
        """Whether its measure is of two views."""
        return isinstance(self.kind, Comparison) or (isinstance(self.kind, Probe) and self.kind.compares)

    @property
    def sees(self) -> str:
        """What its probe sees; nothing for any other measure."""
        return self.kind.sees if isinstance(self.kind, Probe) else ""

    @property
    def drops(self) -> list[str]:
        """The bounds it has against a reference view."""
        return [word for word in ("max_drop", "max_rise") if self.bound(word)]

    def bound(self, word: str) -> Node | None:
        """A bound of `expect`, right or wrong."""
        expect = self.given.get("expect")
        return expect.get(word) if expect else None


def draft(node: Node, around: Surroundings, lookup: Lookup) -> tuple[Draft, Check | None]:
    """What a check's table says, as far as it goes, and the check, where nothing is missing."""
    name = check_name(node)
    owner = f"check `{name}`" if name else "a check"
    good = lookup.findings.table(node, grammar.CHECK, owner=owner, instead=ELSEWHERE)
    measure = _use(good.get("measure"), (Metric, Comparison, Probe), "plugin/name", lookup)
    made = Draft(
        node=node,
        name=name,
        measure=measure,
        steps=_steps(good.get("perturb"), lookup),
        by=_use(good.get("by"), (Slice,), "plugin/name", lookup),
        on=_on(good.get("on"), around, lookup),
        data=_data(good.get("data"), around, lookup) or (around.data[0] if around.data else ""),
        against=_against(good.get("against"), around, lookup),
        expect=expectations(good["expect"], measure, lookup.findings) if "expect" in good else None,
    )
    return made, _check(made, good, around)


def _check(made: Draft, good: Mapping[str, Node], around: Surroundings) -> Check | None:
    if made.measure is None or made.expect is None:
        return None
    plain = {key: child.plain() for key, child in good.items()}
    return Check(
        name=made.name,
        measure=made.measure,
        expect=made.expect,
        data=made.data,
        on=made.on,
        steps=made.steps,
        by=made.by,
        against=made.against,
        tags=tuple(plain.get("tags", ())),
        critical=plain.get("critical", True),
        gate=plain.get("gate", around.gate),
        interval=plain.get("interval", around.interval),
        spelled={key: _spelled(key, plain.get(key)) for key in SPELLED},
    )


def _spelled(key: str, value: Any) -> Any:
    """A part of a check as the suite has it, references always as tables."""
    if key in {"against", "expect"}:
        return value
    if isinstance(value, list):
        return [_spelled(key, item) for item in value]
    return {"use": value} if isinstance(value, str) else value


def _use(node: Node | None, kinds: Kinds, example: str, lookup: Lookup) -> Use | None:
    reference = lookup.reference(node, example) if node else None
    return lookup.use(reference, kinds) if reference else None


def _steps(node: Node | None, lookup: Lookup) -> tuple[Severity, ...]:
    return (node and steps(node, lookup)) or (Severity(),)


def _on(node: Node | None, around: Surroundings, lookup: Lookup) -> tuple[str, ...]:
    """The backends that a check runs on, in the suite's order."""
    if node is None:
        return around.backends
    for item in node.items:
        _known(item, around.backends, "backend", lookup)
    chosen = node.plain()
    return tuple(name for name in around.backends if name in chosen)


def _data(node: Node | None, around: Surroundings, lookup: Lookup) -> str:
    return node.value if node and _known(node, around.data, "data set", lookup) else ""


def _against(node: Node | None, around: Surroundings, lookup: Lookup) -> Against | None:
    if node is None:
        return None
    good = lookup.findings.table(node, grammar.AGAINST, owner="`against`", instead=NOT_YET)
    if not node.tables:
        hint = 'write `{ backend = "NAME" }`, `{ perturb = false }` or `{ data = "NAME" }`'
        lookup.findings.add(node.at, "`against` names no reference view", hint)
    backend, data = good.get("backend"), good.get("data")
    return Against(
        backend=backend.value if backend and _known(backend, around.backends, "backend", lookup) else None,
        data=data.value if data and _known(data, around.data, "data set", lookup) else None,
        undisturbed="perturb" in good,
    )


def _known(node: Node, names: tuple[str, ...], noun: str, lookup: Lookup) -> bool:
    if node.value in names:
        return True
    listed = ", ".join(f"`{name}`" for name in names) or "none"
    hint = did_you_mean(node.value, names) or f"the suite has {listed}"
    lookup.findings.add(node.at, f"there is no {noun} `{node.value}`", hint)
    return False
