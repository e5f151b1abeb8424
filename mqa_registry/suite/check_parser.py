"""The parser of one `[[check]]`: from its table, with the bounds in `expect`, to a Check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Probe, Replay, Task
from mqa_registry.expect import BOUNDS, RESERVED, VALUE, Expect, words_of
from mqa_registry.naming import did_you_mean
from mqa_registry.options import contribution_options, format_value
from mqa_registry.plugins.catalog import MEASURE, SLICE
from mqa_registry.suite import grammar
from mqa_registry.suite.check_names import check_name, join_names, locate_check
from mqa_registry.suite.model import Against, Check, Severity, default_against, takes_two_views
from mqa_registry.suite.references import resolve_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.contributions import Contribution
    from mqa_registry.expect import Need
    from mqa_registry.options import Options
    from mqa_registry.plugins import Catalog, Kinds
    from mqa_registry.suite.diagnostics import Diagnostics
    from mqa_registry.suite.model import Gate, IntervalKind, RowLimit
    from mqa_registry.suite.references import Resolver
    from mqa_registry.suite.toml import Node
    from mqa_registry.suite.use import Use

KEY_HINTS = {word: f"bounds stand in `expect`, as in `expect = {{ {word} = 0.1 }}`" for word in grammar.EXPECT.names}
KEY_HINTS |= dict.fromkeys(("threshold", "expect"), "bounds stand in a table, as in `expect = { min = 0.9 }`")
KEY_HINTS |= dict.fromkeys(("backend", "backends"), '`on = ["NAME"]` chooses the backends')
KEY_HINTS["metric"] = "did you mean `measure`?"
AGAINST_HINTS = {"run": "stored runs cannot be held against yet; hold against `backend`, `data` or `perturb = false`"}
REPLAY_SCHEMA = "label"  # of a replay that has no option `schema`


@dataclass(frozen=True)
class ValidationContext:
    """The parts of a suite that its checks refer to: its backends and data sets, in order, and its task.

    A backend or task that is not valid is None. `gate`, `interval` and `max_lost` are the defaults of checks.
    """

    backends: Mapping[str, Use | None]
    data: tuple[str, ...]
    task: Use | None
    gate: Gate
    interval: IntervalKind
    max_lost: RowLimit
    catalog: Catalog

    @property
    def reference(self) -> str:
        """The first backend; nothing where the suite has none."""
        return next(iter(self.backends), "")

    def schemas(self, backend: str) -> tuple[str, ...]:
        """The schemas that a backend's predictions may have, which one follows from the model; none where it is unknown."""
        use = self.backends.get(backend)
        if use is None:
            return ()
        if isinstance(use.contribution, Replay):
            option = contribution_options(use.contribution).get("schema")
            return (str(use.options.get("schema", option.default if option else REPLAY_SCHEMA)),)
        task = self.task.contribution if self.task else None
        return task.schemas if isinstance(task, Task) else ()


@dataclass(frozen=True)
class Draft:
    """A check whose parts are parsed. A part that is not valid, or not given, is None or empty."""

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
    def keys(self) -> Mapping[str, Node]:
        """The keys of its table, valid or not, with their values."""
        return self.node.tables

    @property
    def kind(self) -> Contribution | None:
        """The contribution of its measure; None where the measure is not valid."""
        return self.measure.contribution if self.measure else None

    @property
    def noun(self) -> str:
        """The kind of its measure, for messages."""
        return self.kind.kind if self.kind else "measure"

    @property
    def measure_name(self) -> str:
        """The name of its measure; empty where the measure is not valid."""
        return self.measure.name if self.measure else ""

    @property
    def compares(self) -> bool:
        """Whether its measure takes two views."""
        return takes_two_views(self.kind)

    @property
    def probe(self) -> Probe[Any] | None:
        return self.kind if isinstance(self.kind, Probe) else None

    @property
    def probe_inputs(self) -> str:
        """What its probe reads; nothing for any other measure."""
        return self.probe.inputs if self.probe else ""

    def bound(self, word: str) -> Node | None:
        """A bound of `expect`, valid or not."""
        expect = self.keys.get("expect")
        return expect.get(word) if expect else None

    def bounds(self, need: Need) -> dict[str, Node]:
        """Its bounds that need a reference view, or groups, by their words."""
        return {word: node for word in words_of(need=need) if (node := self.bound(word))}

    def backends(self, context: ValidationContext) -> tuple[str, ...]:
        """The backends that it reads: those it runs on, and the reference backend where it compares."""
        return (*self.on, *([context.reference] if self.compares else []))

    def is_own_reference(self, backend: str, context: ValidationContext) -> bool:
        """Whether its reference view on this backend is the view itself."""
        perturbed = "perturb" in self.keys
        against = self.against
        if "against" not in self.keys:
            against = default_against(context.reference, compares=self.compares, perturbed=perturbed)
        return against is not None and not against.differs(backend, self.data, perturbed=perturbed)


def parse_check(node: Node, context: ValidationContext, resolver: Resolver) -> tuple[Draft, Check | None]:
    """The draft of a check, for the rules, and the check, None where its measure or `expect` is missing."""
    name = check_name(node)
    owner = f"check `{name}`" if name else "a check"
    valid = resolver.diagnostics.valid_keys(node, grammar.CHECK, owner=owner, hints=KEY_HINTS)
    measure = _resolve(valid.get("measure"), MEASURE.kinds, "plugin/name", resolver)
    draft = Draft(
        node=node,
        name=name,
        measure=measure,
        steps=_parse_perturb(valid.get("perturb"), resolver),
        by=_resolve(valid.get("by"), SLICE.kinds, "plugin/name", resolver),
        on=_parse_on(valid.get("on"), context, resolver),
        data=_parse_data(valid.get("data"), context, resolver),
        against=_parse_against(valid.get("against"), context, resolver),
        expect=_parse_expect(valid["expect"], measure, resolver.diagnostics) if "expect" in valid else None,
    )
    return draft, _to_check(draft, valid, context)


def _to_check(draft: Draft, valid: Mapping[str, Node], context: ValidationContext) -> Check | None:
    if draft.measure is None or draft.expect is None:
        return None
    plain = {key: child.plain() for key, child in valid.items()}
    return Check(
        name=draft.name,
        measure=draft.measure,
        expect=draft.expect,
        data=draft.data,
        on=draft.on,
        steps=draft.steps,
        by=draft.by,
        against=draft.against,
        tags=tuple(plain.get("tags", ())),
        critical=plain.get("critical", True),
        gate=plain.get("gate", context.gate),
        interval=plain.get("interval", context.interval),
        max_lost=plain.get("max_lost", context.max_lost),
        composed=isinstance(plain.get("perturb"), list),
        location=locate_check(draft.node),
    )


def _resolve(node: Node | None, kinds: Kinds, example: str, resolver: Resolver) -> Use | None:
    reference = resolver.reference(node, example) if node else None
    return resolver.resolve(reference, kinds) if reference else None


def _parse_perturb(node: Node | None, resolver: Resolver) -> tuple[Severity, ...]:
    return (node and resolve_steps(node, resolver)) or (Severity(),)


def _parse_on(node: Node | None, context: ValidationContext, resolver: Resolver) -> tuple[str, ...]:
    """The backends that a check runs on, in the suite's order."""
    backends = tuple(context.backends)
    if node is None:
        return backends
    for item in node.items:
        _require(item, backends, "backend", resolver)
    chosen = node.plain()
    return tuple(name for name in backends if name in chosen)


def _parse_data(node: Node | None, context: ValidationContext, resolver: Resolver) -> str:
    """The data set of a check: the first one where it names none, or one that is not there."""
    if node and _require(node, context.data, "data set", resolver):
        return str(node.value)
    return context.data[0] if context.data else ""


def _parse_against(node: Node | None, context: ValidationContext, resolver: Resolver) -> Against | None:
    if node is None:
        return None
    valid = resolver.diagnostics.valid_keys(node, grammar.AGAINST, owner="`against`", hints=AGAINST_HINTS)
    if not node.tables:
        hint = 'write `{ backend = "NAME" }`, `{ perturb = false }` or `{ data = "NAME" }`'
        resolver.diagnostics.add(node.at, "`against` names no reference view", hint)
    backend, data = valid.get("backend"), valid.get("data")
    return Against(
        backend=backend.value if backend and _require(backend, tuple(context.backends), "backend", resolver) else None,
        data=data.value if data and _require(data, context.data, "data set", resolver) else None,
        unperturbed="perturb" in valid,
    )


def _require(node: Node, names: tuple[str, ...], noun: str, resolver: Resolver) -> bool:
    """Whether there is a backend or data set of this name; else a problem is added."""
    if node.value in names:
        return True
    hint = did_you_mean(node.value, names) or f"the suite has {join_names(names) or 'none'}"
    resolver.diagnostics.add(node.at, f"there is no {noun} `{node.value}`", hint)
    return False


def _parse_expect(node: Node, measure: Use | None, diagnostics: Diagnostics) -> dict[str, Expect]:
    """The bounds in `expect` by the number that they are on: `value`, or another number of a probe."""
    named = {key: child for key, child in node.tables.items() if isinstance(child.value, dict) and key not in RESERVED}
    probe = measure.contribution if measure and isinstance(measure.contribution, Probe) else None
    if probe is None:
        _refuse_named(named, measure, diagnostics)
    elif not named or len(named) < len(node.tables):
        _check_number(VALUE.name, node, measure, diagnostics)
    if not (set(node.tables) - {"min_rows"}):
        diagnostics.add(node.at, "`expect` bounds nothing", f"give {_example(probe)}")
    expects = {VALUE.name: _parse_bounds(node.without(named), grammar.EXPECT, "`expect`", diagnostics)}
    for name, table in named.items() if probe else ():
        if _check_number(name, table, measure, diagnostics):
            expects[name] = _parse_bounds(table, grammar.NUMBER, f"`expect.{name}`", diagnostics)
            if not table.tables:
                diagnostics.add(table.at, f"`expect.{name}` bounds nothing", "give `min`, `max` or both")
    return {
        name: expect for name, expect in expects.items() if expect.bounds() or (name == VALUE.name and probe is None)
    }


def _refuse_named(named: Mapping[str, Node], measure: Use | None, diagnostics: Diagnostics) -> None:
    """Add a problem for a table of bounds by number, which only a probe has; none where the measure is not valid."""
    for key, table in named.items() if measure else ():
        message = f"`expect.{key}` is a table, and a metric or comparison gives the one number `value`"
        diagnostics.add(table.key, message, "write its bounds into `expect` itself, as in `{ min = 0.9 }`")


def _check_number(name: str, node: Node, measure: Use | None, diagnostics: Diagnostics) -> bool:
    """Whether a probe computes a number of this name; else a problem is added."""
    if measure is None or not isinstance(probe := measure.contribution, Probe) or name in probe.outputs:
        return True
    if name == VALUE.name:
        message = f"the probe `{measure.name}` gives no main number to bound in `expect` itself"
        diagnostics.add(node.at, message, f"give {_example(probe)}")
    else:
        hint = did_you_mean(name, probe.outputs) or f"it gives {join_names(probe.outputs)}"
        diagnostics.add(node.key, f"the probe `{measure.name}` gives no number `{name}`", hint)
    return False


def _example(probe: Probe[Any] | None) -> str:
    if probe is None or VALUE.name in probe.outputs:
        return f"one of {join_names(bound.word for bound in BOUNDS)}"
    return f"a table for one of its numbers, as in `expect.{probe.outputs[0]} = {{ max = 1.0 }}`"


def _parse_bounds(node: Node, options: Options, owner: str, diagnostics: Diagnostics) -> Expect:
    valid = diagnostics.valid_keys(node, options, owner=owner)
    values: dict[str, Any] = {key: one.value if key == "min_rows" else float(one.value) for key, one in valid.items()}
    expect = Expect(**values)
    _check_satisfiable(node, expect, diagnostics)
    return expect


def _check_satisfiable(node: Node, expect: Expect, diagnostics: Diagnostics) -> None:
    """Add a problem for two bounds that no number satisfies."""
    if expect.min is not None and expect.max is not None and expect.min > expect.max:
        message = f"no number is at least {format_value(expect.min)} and at most {format_value(expect.max)}"
        diagnostics.add(node.tables["max"].at, message, "`min` must not be more than `max`")
    drop, rise = expect.max_drop, expect.max_rise
    if drop is not None and rise is not None and rise < -drop:
        message = f"no difference drops by at most {format_value(drop)} and rises by at most {format_value(rise)}"
        diagnostics.add(node.tables["max_rise"].at, message, "both count from the reference, each in its own direction")
