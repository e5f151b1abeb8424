"""The table `expect` of a check, read: the bounds on each number of its measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry.bounds import BOUNDS, RESERVED, VALUE, Expect
from mqa_registry.contributions import Probe
from mqa_registry.naming import did_you_mean
from mqa_registry.options import format_value
from mqa_registry.suite import grammar
from mqa_registry.suite.names import join_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.options import Options
    from mqa_registry.suite.diagnostics import Diagnostics
    from mqa_registry.suite.model import Use
    from mqa_registry.suite.toml import Node


def read_expect(node: Node, measure: Use | None, diagnostics: Diagnostics) -> dict[str, Expect]:
    """The bounds in `expect` by the number they are on: `value`, or another number of a probe."""
    named = {key: child for key, child in node.tables.items() if isinstance(child.value, dict) and key not in RESERVED}
    probe = measure.contribution if measure and isinstance(measure.contribution, Probe) else None
    if probe is None:
        _refuse_named(named, measure, diagnostics)
    elif not named or len(named) < len(node.tables):
        _check_number(VALUE.name, node, measure, diagnostics)
    if not (set(node.tables) - {"min_rows"}):
        diagnostics.add(node.at, "`expect` bounds nothing", f"give {_example(probe)}")
    found = {VALUE.name: _read_bounds(node.without(named), grammar.EXPECT, "`expect`", diagnostics)}
    for name, table in named.items() if probe else ():
        if _check_number(name, table, measure, diagnostics):
            found[name] = _read_bounds(table, grammar.NUMBER, f"`expect.{name}`", diagnostics)
            if not table.tables:
                diagnostics.add(table.at, f"`expect.{name}` bounds nothing", "give `min`, `max` or both")
    return {name: expect for name, expect in found.items() if expect.bounds() or (name == VALUE.name and probe is None)}


def _refuse_named(named: Mapping[str, Node], measure: Use | None, diagnostics: Diagnostics) -> None:
    """Only a probe gives several numbers. Of a measure that was not found, no problem is added."""
    for key, table in named.items() if measure else ():
        message = f"`expect.{key}` is a table, and a metric or comparison gives the one number `value`"
        diagnostics.add(table.key, message, "write its bounds into `expect` itself, as in `{ min = 0.9 }`")


def _check_number(name: str, node: Node, measure: Use | None, diagnostics: Diagnostics) -> bool:
    """Whether a probe gives a number of this name; else a problem is added."""
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


def _read_bounds(node: Node, options: Options, owner: str, diagnostics: Diagnostics) -> Expect:
    valid = diagnostics.valid_keys(node, options, owner=owner)
    values: dict[str, Any] = {
        key: child.value if key == "min_rows" else float(child.value) for key, child in valid.items()
    }
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
