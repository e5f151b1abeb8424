"""The bounds of a check: its table `expect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Probe
from mqa_registry.options import did_you_mean, spelled
from mqa_registry.suite import grammar
from mqa_registry.suite.merge import without
from mqa_registry.suite.model import Expect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.options import Options
    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.model import Use
    from mqa_registry.suite.tree import Node

BOUNDS = tuple(word for word in grammar.EXPECT.names if word != "min_rows")
VALUE = "value"  # a measure's main number, which is bounded in `expect` itself


def expectations(node: Node, measure: Use | None, findings: Findings) -> dict[str, Expect]:
    """The bounds that stand in `expect` by the number they are on, those that are no bounds left out."""
    words = grammar.EXPECT.names
    named = {key: child for key, child in node.tables.items() if isinstance(child.value, dict) and key not in words}
    probe = measure.contribution if measure and isinstance(measure.contribution, Probe) else None
    if probe is None:
        _refuse_names(named, measure, findings)
    elif not named or len(named) < len(node.tables):
        _known(VALUE, node, measure, findings)
    if not (set(node.tables) - {"min_rows"}):
        findings.add(node.at, "`expect` bounds nothing", f"give {_wanted(probe)}")
    found = {VALUE: _expect(without(node, list(named)), grammar.EXPECT, "`expect`", findings)}
    for name, table in named.items() if probe else ():
        if _known(name, table, measure, findings):
            found[name] = _expect(table, grammar.NUMBER, f"`expect.{name}`", findings)
            if not table.tables:
                findings.add(table.at, f"`expect.{name}` bounds nothing", "give `min`, `max` or both")
    return {name: expect for name, expect in found.items() if expect.bounds() or (name == VALUE and probe is None)}


def _refuse_names(named: Mapping[str, Node], measure: Use | None, findings: Findings) -> None:
    """Only a probe gives several numbers; of a measure that is not known, there is nothing to say."""
    for key, table in named.items() if measure else ():
        message = f"`expect.{key}` is a table, and a metric or comparison gives the one number `value`"
        findings.add(table.key, message, "write its bounds into `expect` itself, as in `{ min = 0.9 }`")


def _known(name: str, node: Node, measure: Use | None, findings: Findings) -> bool:
    """Whether a probe gives a number; else what it does give."""
    if measure is None or not isinstance(probe := measure.contribution, Probe) or name in probe.gives:
        return True
    if name == VALUE:
        message = f"the probe `{measure.name}` gives no main number to bound in `expect` itself"
        findings.add(node.at, message, f"give {_wanted(probe)}")
    else:
        hint = did_you_mean(name, probe.gives) or f"it gives {', '.join(f'`{each}`' for each in probe.gives)}"
        findings.add(node.key, f"the probe `{measure.name}` gives no number `{name}`", hint)
    return False


def _wanted(probe: Probe | None) -> str:
    if probe is None or VALUE in probe.gives:
        return f"one of {', '.join(f'`{word}`' for word in BOUNDS)}"
    return f"a table for one of its numbers, as in `expect.{probe.gives[0]} = {{ max = 1.0 }}`"


def _expect(node: Node, options: Options, owner: str, findings: Findings) -> Expect:
    good = findings.table(node, options, owner=owner)
    values: dict[str, Any] = {
        key: child.value if key == "min_rows" else float(child.value) for key, child in good.items()
    }
    expect = Expect(**values)
    _exclusive(node, expect, findings)
    return expect


def _exclusive(node: Node, expect: Expect, findings: Findings) -> None:
    """Bounds that no number can keep."""
    if expect.min is not None and expect.max is not None and expect.min > expect.max:
        message = f"no number is at least {spelled(expect.min)} and at most {spelled(expect.max)}"
        findings.add(node.tables["max"].at, message, "`min` must not be more than `max`")
    if expect.max_drop is not None and expect.max_rise is not None and expect.max_rise < -expect.max_drop:
        message = (
            f"no difference drops by at most {spelled(expect.max_drop)} and rises by at most {spelled(expect.max_rise)}"
        )
        findings.add(node.tables["max_rise"].at, message, "both count from the reference, each in its own direction")
