"""Validating a suite: from its raw tables to a Suite, with every problem in one error."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mqa_registry.errors import SuiteError, UsageError
from mqa_registry.suite import grammar
from mqa_registry.suite.check_names import check_titles
from mqa_registry.suite.check_parser import ValidationContext, parse_check
from mqa_registry.suite.diagnostics import Diagnostics
from mqa_registry.suite.model import Suite
from mqa_registry.suite.overrides import EXECUTION, select
from mqa_registry.suite.references import Resolver
from mqa_registry.suite.rules import validate_check
from mqa_registry.suite.sections import (
    check_columns,
    parse_backends,
    parse_data,
    parse_execution,
    parse_model,
    parse_source,
    parse_waivers,
    require_model,
)
from mqa_registry.suite.toml import make_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, TypeVar

    from mqa_registry.plugins import Catalog
    from mqa_registry.suite.model import Check, Data, Gate, IntervalKind, ModelUse, RowLimit
    from mqa_registry.suite.read import RawSuite
    from mqa_registry.suite.toml import Node
    from mqa_registry.suite.use import Use

    Part = TypeVar("Part")

KEY_HINTS = dict.fromkeys(("backend", "backends"), "backends stand in tables `[backends.NAME]`")
KEY_HINTS |= dict.fromkeys(("data", "dataset", "datasets"), "data sets stand in tables `[data.NAME]`")
KEY_HINTS |= dict.fromkeys(("check", "checks"), "checks stand under headers `[[check]]`")
KEY_HINTS |= dict.fromkeys(("waive", "waivers"), "waivers stand under headers `[[waiver]]`")
KEY_HINTS["task"] = "the task stands in `[model]`"


def validate(raw: RawSuite, catalog: Catalog, *, files: bool = False) -> Suite:
    """The validated suite, as far as the command line selects it; a SuiteError with all problems.

    With `files`, a file, folder or package that is missing is a problem too. Only what is selected needs them: a model
    may not be exported yet for a backend that the command line leaves out.
    """
    diagnostics = Diagnostics()
    _check_format(raw.root.get("format"), diagnostics)
    top = diagnostics.valid_keys(raw.root, grammar.SUITE, owner="the suite", hints=KEY_HINTS)
    _check_confidence(top, diagnostics)
    resolver = Resolver(catalog, diagnostics)
    model = parse_model(top.get("model"), resolver)
    data = parse_data(top.get("data"), resolver)
    backends = parse_backends(top.get("backends"), resolver)
    execution = parse_execution(top.get("execution"), resolver)
    if "model" not in raw.root.tables:
        require_model(top.get("backends"), backends, diagnostics)
    gate: Gate = top["gate"].value if "gate" in top else "interval"
    interval: IntervalKind = top["interval"].value if "interval" in top else "exact"
    max_lost: RowLimit = top["max_lost"].value if "max_lost" in top else 0
    context = ValidationContext(backends, tuple(data), model.task, gate, interval, max_lost, catalog)
    tables = top["check"].items if "check" in top else []
    checks = _parse_checks(tables, context, resolver)
    check_columns(top.get("data"), data, model.task, checks, diagnostics)
    waivers = parse_waivers(top.get("waiver"), check_titles(tables), diagnostics)
    is_partial = bool(raw.overrides.only or raw.overrides.backends)
    if files and not is_partial:
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
        data=_without_invalid(data),
        backends=_without_invalid(backends),
        checks=checks,
        waivers=waivers,
        execution=execution,
    )
    selected = select(suite, raw.overrides)
    if files and is_partial:
        resolver.add_missing_files(list(_uses_of(selected)))
        diagnostics.raise_any()
    return selected


def validate_source(table: Mapping[str, Any], catalog: Catalog) -> Use:
    """The model source of a table `[model]` in memory, with or without a task; raises as `validate_tables` does."""
    use = _validate_in_memory(
        {"model": table}, catalog, lambda root, resolver: parse_source(root.get("model"), resolver)
    )
    assert use is not None  # else there was a problem
    return use


def validate_tables(tables: Mapping[str, Any], catalog: Catalog) -> tuple[ModelUse, dict[str, Use], dict[str, Data]]:
    """The model, the backends and the data sets of a suite in memory that has no checks.

    Paths are relative to the current folder. Raises a UsageError with the first problem.
    """
    model, backends, data = _validate_in_memory(tables, catalog, _parse_sections)
    assert model is not None  # else there was a problem
    return model, _without_invalid(backends), _without_invalid(data)


def _parse_sections(
    root: Node, resolver: Resolver
) -> tuple[ModelUse | None, dict[str, Use | None], dict[str, Data | None]]:
    model = parse_model(root.get("model"), resolver)
    data = parse_data(root.get("data"), resolver)
    check_columns(root.get("data"), data, model.task, (), resolver.diagnostics)
    return model.complete, parse_backends(root.get("backends"), resolver), data


def _validate_in_memory(tables: Mapping[str, Any], catalog: Catalog, parse: Callable[[Node, Resolver], Part]) -> Part:
    """Parse the tables of a suite in memory; a UsageError with the first problem."""
    resolver = Resolver(catalog, Diagnostics())
    try:
        parsed = parse(make_tree("the command line", tables, Path()), resolver)
        resolver.add_missing_files()
        resolver.diagnostics.raise_any()
    except SuiteError as error:
        problem = error.problems[0]
        raise UsageError(problem.message, hint=problem.hint) from None
    return parsed


def _without_invalid(parts: Mapping[str, Part | None]) -> dict[str, Part]:
    return {name: part for name, part in parts.items() if part is not None}


def _uses_of(suite: Suite) -> Iterator[Use]:
    """Every contribution that a run of the suite calls."""
    yield from (suite.model.source, suite.model.task) if suite.model else ()
    yield from (data.source for data in suite.data.values())
    yield from suite.backends.values()
    yield from [suite.execution] if suite.execution else []
    for check in suite.checks:
        yield from check.uses


def digest(root: Node) -> str:
    """The digest of a suite's merged tables, but for its executor, and of the order of its backends and data sets."""
    tables = root.without((EXECUTION,)).plain()
    order = [list(tables[key]) for key in ("data", "backends")]
    text = json.dumps([tables, order], sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _check_format(node: Node | None, diagnostics: Diagnostics) -> None:
    """Raise a SuiteError for another format, without any other problem: those would mislead."""
    if node is not None and type(node.value) is int and node.value != grammar.FORMAT:
        message = f"this mqa reads suites of format {grammar.FORMAT}, and this is of format {node.value}"
        hint = "a newer mqa may read it" if node.value > grammar.FORMAT else f"write `format = {grammar.FORMAT}`"
        diagnostics.add(node.at, message, hint)
        diagnostics.raise_any()


def _check_confidence(top: Mapping[str, Node], diagnostics: Diagnostics) -> None:
    """Add a problem for a low confidence without a reason: verdicts at it are often wrong."""
    if "confidence" in top and top["confidence"].value < grammar.MIN_CONFIDENCE and "confidence_reason" not in top:
        message = f"a `confidence` below {grammar.MIN_CONFIDENCE} needs a reason, which the report shows"
        diagnostics.add(top["confidence"].at, message, 'say why it may be so low: `confidence_reason = "..."`')


def _parse_checks(tables: list[Node], context: ValidationContext, resolver: Resolver) -> tuple[Check, ...]:
    checks: list[Check] = []
    names: dict[str, Node] = {}
    for table in tables:
        draft, parsed = parse_check(table, context, resolver)
        validate_check(draft, context, resolver.diagnostics)
        _check_unique(draft.name, table, names, resolver.diagnostics)
        checks += [parsed] if parsed else []
    return tuple(checks)


def _check_unique(name: str, table: Node, names: dict[str, Node], diagnostics: Diagnostics) -> None:
    """Add a problem for a name that another check has, or that has a control character."""
    at = (table.get("name") or table).at
    if not name.isprintable():
        diagnostics.add(at, "the name of a check has a control character", "take it out")
    first = names.setdefault(name, table)
    if name and first is not table:
        where = f"the other stands at {first.key.file}:{first.key.line}"
        diagnostics.add(at, f"two checks have the name `{name}`", f"give one of them another `name`; {where}")
