"""Waivers: checks that are known to fail, for a reason and until a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.options import did_you_mean
from mqa_registry.suite import grammar
from mqa_registry.suite.model import Waiver
from mqa_registry.suite.names import checks_meant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.tree import Node


def waivers(node: Node | None, checks: Mapping[str, str], findings: Findings) -> tuple[Waiver, ...]:
    """Every waiver that is as it should be; `checks` are the titles of the checks by their names."""
    found: dict[str, tuple[Node, Waiver]] = {}
    for table in node.items if node else ():
        good = findings.table(table, grammar.WAIVER, owner="a waiver")
        name = _check_meant(good["check"], checks, findings) if "check" in good else None
        if name is None:
            continue
        if name in found:
            first = found[name][0].key
            where = f"the other stands at {first.file}:{first.line}"
            findings.add(good["check"].at, f"two waivers are for the check `{name}`", f"take one out; {where}")
        elif len(good) == len(grammar.WAIVER.names):
            found[name] = (table, Waiver(name, good["until"].value, good["reason"].value))
    return tuple(waiver for _, waiver in found.values())


def _check_meant(node: Node, checks: Mapping[str, str], findings: Findings) -> str | None:
    """The name of the one check that a waiver means, by its name or by that in reports."""
    found = checks_meant(node.value, checks)
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(f"`{name}`" for name in found)
        findings.add(node.at, f"{len(found)} checks are called `{node.value}` in reports", f"write one of {choices}")
        return None
    listed = ", ".join(f"`{name}`" for name in checks) or "none"
    hint = did_you_mean(node.value, dict.fromkeys([*checks, *checks.values()])) or f"the suite has {listed}"
    findings.add(node.at, f"there is no check `{node.value}` to waive", hint)
    return None
