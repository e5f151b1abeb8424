"""Values against options: what fits comes back as the function wants it, what does not as faults in TOML words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from mqa_registry.options.faults import Fault, faults
from mqa_registry.options.strict import strict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mqa_registry.options.signature import Option, Options

NOWHERE: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True)
class Valid:
    """What a table holds after validation: its values as a function takes them, and what is wrong with the rest.

    `values` has the options that were given and no defaults; it is empty where there are `faults`.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def validate(
    options: Options,
    given: Mapping[str, Any],
    *,
    owner: str,
    noun: str = "option",
    bases: Mapping[str, Path] = NOWHERE,
    also: Sequence[str] = (),
) -> Valid:
    """Hold the values of one table against its options.

    `owner` and `noun` name what has them, as in "`metrics/f1` has no option `averge`". `bases` has, for every option
    that is a path, the folder it is relative to; without one it is the current folder. `also` are other keys
    that an unknown one may have meant.
    """
    try:
        model = _model(options).model_validate(dict(given), context=bases)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        return Valid(faults=tuple(faults(options, given, errors, owner=owner, noun=noun, also=also)))
    return Valid(
        {option.name: getattr(model, f"option_{n}") for n, option in enumerate(options) if option.name in given}
    )


def json_schema(options: Options) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a table with these options."""
    schema = _model(options).model_json_schema()
    properties = {option.name: _property(option, schema["properties"][option.name]) for option in options}
    required = [option.name for option in options if option.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@cache
def _model(options: Options) -> type[BaseModel]:
    # Numbered fields with the real names as aliases: an option may be called `schema`, `json` or `model_id`.
    fields = {
        f"option_{n}": (strict(option.annotation, option.name), _field(option)) for n, option in enumerate(options)
    }
    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    return create_model("Options", __config__=config, **fields)  # type: ignore[call-overload,no-any-return]


def _field(option: Option) -> Any:
    # The default is the function's business: what is left out is not passed on.
    return Field(alias=option.name) if option.required else Field(None, alias=option.name)


def _property(option: Option, schema: dict[str, Any]) -> dict[str, Any]:
    described = {key: value for key, value in _single(schema).items() if key not in {"title", "default"}}
    if option.doc:
        described["description"] = option.doc
    if _spellable(option.default):
        described["default"] = option.default
    return described


def _single(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without alternatives that a suite cannot spell, or that are alike: a fault of one is told once, and plainly."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if not kinds:
        return _listed(schema)
    if len(kinds) == 1:
        return rest | _single(kinds[0])
    types = [kind.get("type") for kind in kinds]
    if all(isinstance(one, str) for one in types) and all(kind.keys() <= {"type", "format"} for kind in kinds):
        distinct = list(dict.fromkeys(types))
        return rest | {"type": distinct[0] if len(distinct) == 1 else distinct}
    return rest | {"anyOf": kinds}


def _listed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that lists its values, as those of an array may, without their type: a value of another is one fault."""
    told = {key: value for key, value in schema.items() if key != "type" or not {"const", "enum"} & schema.keys()}
    return told | {"items": _listed(told["items"])} if isinstance(told.get("items"), dict) else told


def _spellable(default: Any) -> bool:
    return isinstance(default, str | int) or (isinstance(default, float) and math.isfinite(default))
