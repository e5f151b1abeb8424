"""JSON Schema of the suite file, for editors: with the options of every contribution of the plugins at hand."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_registry.contributions import one_line_help
from mqa_registry.options import contribution_options
from mqa_registry.options import json_schema as options_schema
from mqa_registry.plugins.catalog import BACKEND, DATASET, EXECUTOR, MEASURE, MODEL_SOURCE, PERTURBATION, SLICE, TASK
from mqa_registry.suite import grammar
from mqa_registry.suite.model import SWEPT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_registry.contributions import Contribution
    from mqa_registry.options import Options
    from mqa_registry.plugins import Catalog

Schema: TypeAlias = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

# Every part of a table's description says whether further keys may stand in it: editors may take silence for a no.
OPEN: Schema = {"additionalProperties": True}

# A suite that extends another may leave out what the other has.
WHOLE_IN_ITSELF: Schema = OPEN | {
    "required": ["format", "data", "backends", "check"],
    "properties": {
        "model": OPEN | {"required": ["use", "task"]},
        "data": {"additionalProperties": OPEN | {"required": ["use"]}},
        "backends": {"additionalProperties": OPEN | {"required": ["use"]}},
        "check": {"items": OPEN | {"required": ["measure", "expect"]}},
    },
    "if": OPEN
    | {
        "required": ["confidence"],
        "properties": {"confidence": {"type": "number", "exclusiveMaximum": grammar.MIN_CONFIDENCE}},
    },
    "then": OPEN | {"required": ["confidence_reason"]},
}

# A number of rows, or a share of them; both in one schema, so that a fault is reported once.
ROW_LIMIT: Schema = {"type": "number", "minimum": 0, "if": {"minimum": 1}, "then": {"type": "integer"}}


def json_schema(catalog: Catalog) -> Schema:
    """JSON Schema (draft 2020-12) of the suite file; references are to the contributions in the catalog alone."""
    suite = options_schema(grammar.SUITE)
    suite["properties"] |= {
        "model": _described(suite, "model", {"$ref": "#/$defs/model"}),
        "data": _described(suite, "data", _by_name("data")),
        "backends": _described(suite, "backends", _by_name("backend")),
        "execution": _described(suite, "execution", {"$ref": "#/$defs/execution"}),
        "check": _described(suite, "check", {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/check"}}),
        "max_lost": _described(suite, "max_lost", {**ROW_LIMIT, "default": 0}),
        "waiver": _described(suite, "waiver", {"type": "array", "items": {"$ref": "#/$defs/waiver"}}),
    }
    del suite["required"]
    top = {"$schema": DRAFT, "title": "mqa suite", "description": "Questions to a pretrained model before it ships."}
    whole = {"if": OPEN | {"required": ["extends"]}, "else": WHOLE_IN_ITSELF}
    return {**top, **suite, **whole, "$defs": _definitions(catalog)}


def _definitions(catalog: Catalog) -> Schema:
    perturbation: Schema = {"$ref": "#/$defs/perturbation"}
    several = {"type": "array", "minItems": 1, "items": perturbation}
    return {
        "measure": _reference(catalog.each(MEASURE.kinds)),
        "perturbation": _reference(catalog.each(PERTURBATION.kinds), swept=True),
        "perturb": {"if": {"type": "array"}, "then": several, "else": perturbation},
        "by": _reference(catalog.each(SLICE.kinds)),
        "task": _reference(catalog.each(TASK.kinds), bare=True),
        "model": _table(grammar.MODEL, catalog.each(MODEL_SOURCE.kinds), {"task": {"$ref": "#/$defs/task"}}),
        "data": _table(grammar.DATA, catalog.each(DATASET.kinds)),
        "backend": _table(grammar.BACKEND, catalog.each(BACKEND.kinds)),
        "execution": _execution(catalog),
        "check": _check(),
        "waiver": options_schema(grammar.WAIVER),
    }


def _execution(catalog: Catalog) -> Schema:
    """The table of the executor: the host's own, or one of a plugin."""
    own = options_schema(grammar.EXECUTION)
    own["properties"]["use"] = {"const": grammar.LOCAL}
    table = _table(grammar.EXECUTION, catalog.each(EXECUTOR.kinds))
    return {"if": _uses(grammar.LOCAL), "then": own, "else": table}


def _check() -> Schema:
    check = options_schema(grammar.CHECK)
    parts = {key: {"$ref": f"#/$defs/{key}"} for key in ("measure", "perturb", "by")}
    numbers = {"additionalProperties": options_schema(grammar.NUMBER)}  # a probe's, by name
    parts |= {
        "max_lost": ROW_LIMIT,
        "against": options_schema(grammar.AGAINST),
        "expect": options_schema(grammar.EXPECT) | numbers,
    }
    check["properties"] |= {key: _described(check, key, schema) for key, schema in parts.items()}
    del check["required"]
    return check


def _reference(contributions: Iterable[tuple[str, Contribution]], *, swept: bool = False, bare: bool = False) -> Schema:
    """A string where every option may be left out, or a table; with `bare`, a name without its plugin will do."""
    tables: dict[tuple[str, ...], Schema] = {}
    strings: list[str] = []
    for name, contribution in contributions:
        options = contribution_options(contribution)
        names: tuple[str, ...] = (name, name.partition("/")[2]) if bare else (name,)
        tables[names] = _contribution(names, contribution, options, {}, swept=swept)
        if not any(option.required for option in options):
            strings += names
    string: Schema = {"type": "string"} | ({"enum": list(dict.fromkeys(strings))} if tables else {})
    return {"if": {"type": "string"}, "then": string, "else": _chosen(tables)}


def _table(
    keys: Options, contributions: Iterable[tuple[str, Contribution]], own: dict[str, Schema] | None = None
) -> Schema:
    """A table with `use`, the host's keys and the options; or, laid over another suite's, one without `use`."""
    host = options_schema(keys)["properties"] | (own or {})
    tables: dict[tuple[str, ...], Schema] = {
        (name,): _contribution((name,), one, contribution_options(one), host) for name, one in contributions
    }
    has_use = OPEN | {"required": ["use"]}
    return {"type": "object", "if": has_use, "then": _chosen(tables), "else": OPEN | {"properties": host}}


def _chosen(tables: dict[tuple[str, ...], Schema]) -> Schema:
    """A table with `use`, whose other keys are those of the contribution that it names: one fault, one message.

    The tables are given by the names that each contribution may be called by.
    """
    names = list(dict.fromkeys(chain.from_iterable(tables)))
    use: Schema = {"type": "string"} | ({"enum": names} if tables else {})
    each = [{"if": _uses(*names), "then": table} for names, table in tables.items()]
    whole = OPEN | {"type": "object", "required": ["use"], "properties": {"use": use}}
    return whole | ({"allOf": each} if each else {})


def _uses(*names: str) -> Schema:
    return OPEN | {"type": "object", "required": ["use"], "properties": {"use": _one_of(names)}}


def _one_of(names: tuple[str, ...]) -> Schema:
    return {"const": names[0]} if len(names) == 1 else {"enum": list(names)}


def _contribution(
    names: tuple[str, ...], contribution: Contribution, options: Options, host: Schema, *, swept: bool = False
) -> Schema:
    """The table of one contribution, by the names that it may be called by: its own, and others."""
    table = options_schema(options)
    properties = host | {"use": _one_of(names)} | table["properties"]
    option = options.get(SWEPT)
    if swept and option and option.numeric:
        one = properties[SWEPT]
        properties[SWEPT] = {
            "if": {"type": "array"},
            "then": {"type": "array", "minItems": 1, "items": one},
            "else": one,
        }
    described = {"title": names[0], "description": one_line_help(contribution)}
    return {**described, **table, "properties": properties, "required": table["required"]}


def _by_name(definition: str) -> Schema:
    return {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": f"#/$defs/{definition}"}}


def _described(table: Schema, key: str, schema: Schema) -> Schema:
    return {**schema, "description": table["properties"][key]["description"]}
