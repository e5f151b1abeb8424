"""From a raw suite to a Suite: every name looked up, every option held against its signature, every problem noted."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from mqa_registry.suite import grammar, sections
from mqa_registry.suite.columns import note_unread_columns
from mqa_registry.suite.findings import Findings
from mqa_registry.suite.model import Suite
from mqa_registry.suite.names import check_name, check_title
from mqa_registry.suite.question import Surroundings, draft
from mqa_registry.suite.selection import select
from mqa_registry.suite.sense import weigh
from mqa_registry.suite.uses import Lookup
from mqa_registry.suite.waivers import waivers
from mqa_registry.suite.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.model import Check, Use
    from mqa_registry.suite.read import RawSuite
    from mqa_registry.suite.tree import Node

ELSEWHERE = dict.fromkeys(("backend", "backends"), "backends stand in tables `[backends.NAME]`")
ELSEWHERE |= dict.fromkeys(("data", "dataset", "datasets"), "data sets stand in tables `[data.NAME]`")
ELSEWHERE |= dict.fromkeys(("check", "checks"), "checks stand under headers `[[check]]`")
ELSEWHERE |= dict.fromkeys(("waive", "waivers"), "waivers stand under headers `[[waiver]]`")
ELSEWHERE["task"] = "the task stands in `[model]`"


def check(raw: RawSuite, catalog: Catalog, *, files: bool = False) -> Suite:
    """The suite, ready to be planned; SuiteError with every problem there is.

    With `files`, one that is named and not there is a problem: of what the command line leaves of the suite, a backend
    that it leaves out need not have been exported yet.
    """
    findings = Findings()
    _known_format(raw.root.get("format"), findings)
    top = findings.table(raw.root, grammar.SUITE, owner="the suite", instead=ELSEWHERE)
    _need_reason(top, findings)
    lookup = Lookup(catalog, findings)
    model = sections.model(top.get("model"), lookup)
    data = sections.data(top.get("data"), lookup)
    backends = sections.backends(top.get("backends"), lookup)
    if "model" not in raw.root.tables:
        sections.need_model(top.get("backends"), backends, findings)
    gate: grammar.GateWord = top["gate"].value if "gate" in top else "interval"
    interval: grammar.IntervalWord = top["interval"].value if "interval" in top else "exact"
    around = Surroundings(tuple(backends), tuple(data), gate, interval)
    checks = _checks(top.get("check"), around, World(backends, model.task, catalog), lookup)
    note_unread_columns(top.get("data"), data, model.task, checks, findings)
    tables = top["check"].items if "check" in top else ()
    titles = {check_name(table): check_title(table) for table in tables}
    waived = waivers(top.get("waiver"), titles, findings)
    partial = bool(raw.overrides.only or raw.overrides.backends)
    if files and not partial:
        lookup.note_missing()
    findings.settle()
    suite = Suite(
        name=top["name"].value if "name" in top else raw.path.stem,
        path=raw.path,
        digest=digest(raw.root),
        seed=top["seed"].value if "seed" in top else 0,
        confidence=top["confidence"].value if "confidence" in top else 0.95,
        confidence_reason=top["confidence_reason"].value if "confidence_reason" in top else "",
        model=model.whole,
        data={name: one for name, one in data.items() if one},
        backends={name: use for name, use in backends.items() if use},
        checks=checks,
        waivers=waived,
    )
    left = select(suite, raw.overrides)
    if files and partial:
        lookup.note_missing(list(_uses(left)))
        findings.settle()
    return left


def _uses(suite: Suite) -> Iterator[Use]:
    """Everything that a run of the suite calls."""
    yield from (suite.model.source, suite.model.task) if suite.model else ()
    yield from (data.source for data in suite.data.values())
    yield from suite.backends.values()
    for one in suite.checks:
        yield one.measure
        yield from (use for step in one.steps for use in step.perturb)
        if one.by:
            yield one.by


def digest(root: Node) -> str:
    """The digest of a suite's content: its merged tables, and the order of backends and data sets, which counts."""
    tables = root.plain()
    order = [list(tables[key]) for key in ("data", "backends")]
    text = json.dumps([tables, order], sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _known_format(node: Node | None, findings: Findings) -> None:
    """A suite of another format would give nothing but misleading problems: it is refused by itself."""
    if node is not None and type(node.value) is int and node.value != grammar.FORMAT:
        hint = "a newer mqa may read it" if node.value > grammar.FORMAT else f"write `format = {grammar.FORMAT}`"
        findings.add(
            node.at, f"this mqa reads suites of format {grammar.FORMAT}, and this is of format {node.value}", hint
        )
        findings.settle()


def _need_reason(top: Mapping[str, Node], findings: Findings) -> None:
    """Note a confidence at which verdicts are so often wrong that a reader has to know why, where nobody says it."""
    if "confidence" in top and top["confidence"].value < grammar.SURE and "confidence_reason" not in top:
        message = f"a `confidence` below {grammar.SURE} needs a reason, which the report shows"
        findings.add(top["confidence"].at, message, 'say why it may be so low: `confidence_reason = "..."`')


def _checks(node: Node | None, around: Surroundings, world: World, lookup: Lookup) -> tuple[Check, ...]:
    checks = []
    names: dict[str, Node] = {}
    for table in node.items if node else ():
        made, one = draft(table, around, lookup)
        weigh(made, world, lookup.findings)
        _name_apart(made.name, table, names, lookup.findings)
        checks.append(one)
    return tuple(one for one in checks if one)


def _name_apart(name: str, table: Node, names: dict[str, Node], findings: Findings) -> None:
    """Note a name that is taken, or that a report could not show."""
    at = (table.get("name") or table).at
    if not name.isprintable():
        findings.add(at, "the name of a check has a control character", "take it out")
    first = names.setdefault(name, table)
    if name and first is not table:
        where = f"the other stands at {first.key.file}:{first.key.line}"
        findings.add(at, f"two checks have the name `{name}`", f"give one of them a `name` of its own; {where}")
