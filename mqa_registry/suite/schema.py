"""JSON Schema of the suite file, for editors: with the options of every contribution of the plugins at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mqa_registry.contributions import (
    Backend,
    Comparison,
    Dataset,
    Metric,
    ModelSource,
    Perturbation,
    Probe,
    Replay,
    Slice,
    Task,
)
from mqa_registry.options import json_schema as options_schema
from mqa_registry.options import options_of
from mqa_registry.suite import grammar
from mqa_registry.suite.sweep import SWEPT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_registry.contributions import Contribution
    from mqa_registry.options import Options
    from mqa_registry.plugins import Catalog

Schema: TypeAlias = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

# A suite that extends another may leave out what the other has.
WHOLE_IN_ITSELF: Schema = {
    "required": ["format", "data", "backends", "check"],
    "properties": {
        "model": {"required": ["use", "task"]},
        "data": {"additionalProperties": {"required": ["use"]}},
        "backends": {"additionalProperties": {"required": ["use"]}},
        "check": {"items": {"required": ["measure", "expect"]}},
    },
}


def json_schema(catalog: Catalog) -> Schema:
    """JSON Schema (draft 2020-12) of the suite file; references are to the contributions in the catalog alone."""
    suite = options_schema(grammar.SUITE)
    suite["properties"] |= {
        "model": _described(suite, "model", {"$ref": "#/$defs/model"}),
        "data": _described(suite, "data", _by_name("data")),
        "backends": _described(suite, "backends", _by_name("backend")),
        "check": _described(suite, "check", {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/check"}}),
        "waiver": _described(suite, "waiver", {"type": "array", "items": {"$ref": "#/$defs/waiver"}}),
    }
    del suite["required"]
    top = {"$schema": DRAFT, "title": "mqa suite", "description": "Questions to a pretrained model before it ships."}
    whole = {"if": {"required": ["extends"]}, "else": WHOLE_IN_ITSELF}
    return {**top, **suite, **whole, "$defs": _definitions(catalog)}


def _definitions(catalog: Catalog) -> Schema:
    perturbation = _reference(catalog.each((Perturbation,)), swept=True)
    several = {"type": "array", "minItems": 1, "items": perturbation}
    return {
        "measure": _reference(catalog.each((Metric, Comparison, Probe))),
        "perturb": {"anyOf": [perturbation, several]},
        "by": _reference(catalog.each((Slice,))),
        "task": _task(catalog),
        "model": _table(grammar.MODEL, catalog.each((ModelSource,)), {"task": {"$ref": "#/$defs/task"}}),
        "data": _table(grammar.DATA, catalog.each((Dataset,))),
        "backend": _table(grammar.BACKEND, catalog.each((Backend, Replay))),
        "check": _check(),
        "waiver": options_schema(grammar.WAIVER),
    }


def _check() -> Schema:
    check = options_schema(grammar.CHECK)
    parts = {key: {"$ref": f"#/$defs/{key}"} for key in ("measure", "perturb", "by")}
    numbers = {"additionalProperties": options_schema(grammar.NUMBER)}  # a probe's, by name
    parts |= {"against": options_schema(grammar.AGAINST), "expect": options_schema(grammar.EXPECT) | numbers}
    check["properties"] |= {key: _described(check, key, schema) for key, schema in parts.items()}
    del check["required"]
    return check


def _reference(contributions: Iterable[tuple[str, Contribution]], *, swept: bool = False) -> Schema:
    """A string where every option may be left out, or a table."""
    tables, names = [], []
    for name, contribution in contributions:
        options = options_of(contribution.function)
        tables.append(_contribution(name, contribution, options, {}, swept=swept))
        if not any(option.required for option in options):
            names.append(name)
    named = [{"type": "string", "enum": names}] if names else []
    return {"anyOf": [*named, *tables]} if tables else _anything()


def _task(catalog: Catalog) -> Schema:
    """A reference, or the bare name of a task in the model source's own plugin."""
    bare = [name.partition("/")[2] for name, _ in catalog.each((Task,))]
    reference = _reference(catalog.each((Task,)))
    return {"anyOf": [*reference["anyOf"], *([{"type": "string", "enum": bare}] if bare else [])]}


def _table(
    keys: Options, contributions: Iterable[tuple[str, Contribution]], own: dict[str, Schema] | None = None
) -> Schema:
    """A table with `use`, the host's keys and the options; or, laid over another suite's, one without `use`."""
    host = options_schema(keys)["properties"] | (own or {})
    tables = [_contribution(name, one, options_of(one.function), host) for name, one in contributions]
    partial = {"type": "object", "properties": {"use": False}}
    return {"anyOf": [*tables, partial]} if tables else {"type": "object"}


def _contribution(
    name: str, contribution: Contribution, options: Options, host: Schema, *, swept: bool = False
) -> Schema:
    """The table of one contribution."""
    table = options_schema(options)
    properties = host | {"use": {"const": name}} | table["properties"]
    option = options.get(SWEPT)
    if swept and option and option.numeric:
        one = properties[SWEPT]
        properties[SWEPT] = {"anyOf": [one, {"type": "array", "minItems": 1, "items": one}]}
    described = {"title": name, "description": contribution.help}
    return {**described, **table, "properties": properties, "required": ["use", *table["required"]]}


def _by_name(definition: str) -> Schema:
    return {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": f"#/$defs/{definition}"}}


def _described(table: Schema, key: str, schema: Schema) -> Schema:
    return {**schema, "description": table["properties"][key]["description"]}


def _anything() -> Schema:
    """A reference where no contribution is at hand to list."""
    string = {"type": "string"}
    return {"anyOf": [string, {"type": "object", "properties": {"use": string}, "required": ["use"]}]}
