"""Waivers: checks that are known to fail, for a reason and until a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_registry.options import did_you_mean
from mqa_registry.suite import grammar
from mqa_registry.suite.model import Waiver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.suite.findings import Findings
    from mqa_registry.suite.tree import Node


def waivers(node: Node | None, checks: Sequence[str], findings: Findings) -> tuple[Waiver, ...]:
    """Every waiver that is as it should be; `checks` are the names that it may have."""
    found: dict[str, tuple[Node, Waiver]] = {}
    for table in node.items if node else ():
        good = findings.table(table, grammar.WAIVER, owner="a waiver")
        if "check" not in good or not _known(good["check"], checks, findings):
            continue
        name = good["check"].value
        if name in found:
            first = found[name][0].key
            where = f"the other stands at {first.file}:{first.line}"
            findings.add(good["check"].at, f"two waivers are for the check `{name}`", f"take one out; {where}")
        elif len(good) == len(grammar.WAIVER.names):
            found[name] = (table, Waiver(name, good["until"].value, good["reason"].value))
    return tuple(waiver for _, waiver in found.values())


def _known(node: Node, checks: Sequence[str], findings: Findings) -> bool:
    if node.value in checks:
        return True
    listed = ", ".join(f"`{name}`" for name in checks) or "none"
    hint = did_you_mean(node.value, checks) or f"the suite has {listed}"
    findings.add(node.at, f"there is no check `{node.value}` to waive", hint)
    return False
