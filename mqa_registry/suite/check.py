"""From a raw suite to a Suite: every name is looked up, every option validated, and every problem reported at once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import SuiteError, UsageError
from mqa_registry.suite import grammar
from mqa_registry.suite.check_parser import ValidationContext, parse_check
from mqa_registry.suite.diagnostics import Diagnostics
from mqa_registry.suite.model import Suite
from mqa_registry.suite.names import check_titles
from mqa_registry.suite.overrides import select
from mqa_registry.suite.references import Resolver
from mqa_registry.suite.rules import validate_check
from mqa_registry.suite.sections import (
    check_columns,
    read_backends,
    read_data,
    read_model,
    read_source,
    read_waivers,
    require_model,
)
from mqa_registry.suite.toml import make_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeVar

    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.model import Check, Data, Gate, IntervalKind, ModelUse, Use
    from mqa_registry.suite.read import RawSuite
    from mqa_registry.suite.toml import Node

    Part = TypeVar("Part")

HINTS = dict.fromkeys(("backend", "backends"), "backends stand in tables `[backends.NAME]`")
HINTS |= dict.fromkeys(("data", "dataset", "datasets"), "data sets stand in tables `[data.NAME]`")
HINTS |= dict.fromkeys(("check", "checks"), "checks stand under headers `[[check]]`")
HINTS |= dict.fromkeys(("waive", "waivers"), "waivers stand under headers `[[waiver]]`")
HINTS["task"] = "the task stands in `[model]`"


def check(raw: RawSuite, catalog: Catalog, *, files: bool = False) -> Suite:
    """The suite, ready to be planned; SuiteError with every problem there is.

    With `files`, one that is named and not there is a problem: of what the command line leaves of the suite, a backend
    that it leaves out need not have been exported yet.
    """
    diagnostics = Diagnostics()
    _check_format(raw.root.get("format"), diagnostics)
    top = diagnostics.valid_keys(raw.root, grammar.SUITE, owner="the suite", hints=HINTS)
    _check_confidence(top, diagnostics)
    resolver = Resolver(catalog, diagnostics)
    model = read_model(top.get("model"), resolver)
    data = read_data(top.get("data"), resolver)
    backends = read_backends(top.get("backends"), resolver)
    if "model" not in raw.root.tables:
        require_model(top.get("backends"), backends, diagnostics)
    gate: Gate = top["gate"].value if "gate" in top else "interval"
    interval: IntervalKind = top["interval"].value if "interval" in top else "exact"
    context = ValidationContext(backends, tuple(data), model.task, gate, interval, catalog)
    tables = top["check"].items if "check" in top else []
    checks = _parse_checks(tables, context, resolver)
    check_columns(top.get("data"), data, model.task, checks, diagnostics)
    waivers = read_waivers(top.get("waiver"), check_titles(tables), diagnostics)
    partial = bool(raw.overrides.only or raw.overrides.backends)
    if files and not partial:
        resolver.add_missing_files()
    diagnostics.raise_any()
    suite = Suite(
        name=top["name"].value if "name" in top else raw.path.stem,
        path=raw.path,
        digest=digest(raw.root),
        seed=top["seed"].value if "seed" in top else 0,
        confidence=top["confidence"].value if "confidence" in top else 0.95,
        confidence_reason=top["confidence_reason"].value if "confidence_reason" in top else "",
        model=model.complete,
        data=_valid(data),
        backends=_valid(backends),
        checks=checks,
        waivers=waivers,
    )
    selected = select(suite, raw.overrides)
    if files and partial:
        resolver.add_missing_files(list(_uses(selected)))
        diagnostics.raise_any()
    return selected


def adhoc_source(table: Mapping[str, Any], catalog: Catalog) -> Use:
    """The model source in the table `[model]` of a suite in memory, whatever its task; raises as `adhoc` does."""
    use = _check_parts({"model": table}, catalog, lambda root, resolver: read_source(root.get("model"), resolver))
    assert use is not None  # else there was a problem
    return use


def adhoc(tables: Mapping[str, Any], catalog: Catalog) -> tuple[ModelUse, dict[str, Use], dict[str, Data]]:
    """The model, the backends and the data sets of a suite in memory; paths are relative to the current folder.

    Raises a UsageError with the first problem.
    """
    model, backends, data = _check_parts(tables, catalog, _read_parts)
    assert model is not None  # else there was a problem
    return model, _valid(backends), _valid(data)


def _read_parts(
    root: Node, resolver: Resolver
) -> tuple[ModelUse | None, dict[str, Use | None], dict[str, Data | None]]:
    model = read_model(root.get("model"), resolver)
    data = read_data(root.get("data"), resolver)
    check_columns(root.get("data"), data, model.task, (), resolver.diagnostics)
    return model.complete, read_backends(root.get("backends"), resolver), data


def _check_parts(tables: Mapping[str, Any], catalog: Catalog, read: Callable[[Node, Resolver], Part]) -> Part:
    """What `read` makes of the tables of a suite in memory, where there is no problem."""
    resolver = Resolver(catalog, Diagnostics())
    try:
        found = read(make_tree("the command line", tables, Path()), resolver)
        resolver.add_missing_files()
        resolver.diagnostics.raise_any()
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None
    return found


def _valid(parts: Mapping[str, Part | None]) -> dict[str, Part]:
    return {name: part for name, part in parts.items() if part is not None}


def _uses(suite: Suite) -> Iterator[Use]:
    """Everything that a run of the suite calls."""
    yield from (suite.model.source, suite.model.task) if suite.model else ()
    yield from (data.source for data in suite.data.values())
    yield from suite.backends.values()
    for one in suite.checks:
        yield from one.uses


def digest(root: Node) -> str:
    """The digest of a suite's content: its merged tables, and the order of backends and data sets, which counts."""
    tables = root.plain()
    order = [list(tables[key]) for key in ("data", "backends")]
    text = json.dumps([tables, order], sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _check_format(node: Node | None, diagnostics: Diagnostics) -> None:
    """Refuse a suite of another format by itself: all its other problems would mislead."""
    if node is not None and type(node.value) is int and node.value != grammar.FORMAT:
        message = f"this mqa reads suites of format {grammar.FORMAT}, and this is of format {node.value}"
        hint = "a newer mqa may read it" if node.value > grammar.FORMAT else f"write `format = {grammar.FORMAT}`"
        diagnostics.add(node.at, message, hint)
        diagnostics.raise_any()


def _check_confidence(top: Mapping[str, Node], diagnostics: Diagnostics) -> None:
    """Add a problem for a confidence at which verdicts are often wrong, where no reason is given."""
    if "confidence" in top and top["confidence"].value < grammar.MIN_CONFIDENCE and "confidence_reason" not in top:
        message = f"a `confidence` below {grammar.MIN_CONFIDENCE} needs a reason, which the report shows"
        diagnostics.add(top["confidence"].at, message, 'say why it may be so low: `confidence_reason = "..."`')


def _parse_checks(tables: list[Node], context: ValidationContext, resolver: Resolver) -> tuple[Check, ...]:
    checks = []
    names: dict[str, Node] = {}
    for table in tables:
        draft, one = parse_check(table, context, resolver)
        validate_check(draft, context, resolver.diagnostics)
        _check_unique(draft.name, table, names, resolver.diagnostics)
        checks.append(one)
    return tuple(one for one in checks if one)


def _check_unique(name: str, table: Node, names: dict[str, Node], diagnostics: Diagnostics) -> None:
    """Add a problem for a name that another check has, or that a report could not show."""
    at = (table.get("name") or table).at
    if not name.isprintable():
        diagnostics.add(at, "the name of a check has a control character", "take it out")
    first = names.setdefault(name, table)
    if name and first is not table:
        where = f"the other stands at {first.key.file}:{first.key.line}"
        diagnostics.add(at, f"two checks have the name `{name}`", f"give one of them a `name` of its own; {where}")
