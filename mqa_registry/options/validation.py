"""Validation of values against options by pydantic: valid values as the function takes them, the others as faults."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic_core import PydanticCustomError

from mqa_registry.options.wording import Fault, explain_errors, union_members

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import ValidationInfo

    from mqa_registry.options.signature import Option, Options

NO_BASES: Mapping[str, Path] = MappingProxyType({})


@dataclass(frozen=True)
class Valid:
    """What a table holds after validation: its values as a function takes them, and what is wrong with the rest.

    `values` has the options that were given and no defaults; it is empty where there are `faults`.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def validate(
    options: Options,
    table: Mapping[str, Any],
    *,
    owner: str,
    noun: str = "option",
    bases: Mapping[str, Path] = NO_BASES,
    also: Sequence[str] = (),
) -> Valid:
    """Hold the values of one table against its options.

    `owner` and `noun` name what has them, as in "`metrics/f1` has no option `averge`". `bases` has, for every option
    that is a path, the folder it is relative to; without one it is the current folder. `also` are other keys
    that an unknown one may have meant.
    """
    try:
        model = _model(options).model_validate(dict(table), context=bases)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)
        return Valid(faults=tuple(explain_errors(options, table, errors, owner=owner, noun=noun, also=also)))
    return Valid(
        {option.name: getattr(model, f"option_{n}") for n, option in enumerate(options) if option.name in table}
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
        f"option_{n}": (_strict(option.annotation, option.name), _field(option)) for n, option in enumerate(options)
    }
    config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
    return create_model("Options", __config__=config, **fields)  # type: ignore[call-overload,no-any-return]


def _field(option: Option) -> Any:
    # The default is the function's business: what is left out is not passed on.
    return Field(alias=option.name) if option.required else Field(None, alias=option.name)


def _property(option: Option, schema: dict[str, Any]) -> dict[str, Any]:
    described = {key: value for key, value in _merge_alternatives(schema).items() if key not in {"title", "default"}}
    if option.doc:
        described["description"] = option.doc
    if _is_toml(option.default):
        described["default"] = option.default
    return described


def _merge_alternatives(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without alternatives that TOML cannot hold, or that are alike, so that a fault is reported once."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if not kinds:
        return _without_type(schema)
    if len(kinds) == 1:
        return rest | _merge_alternatives(kinds[0])
    types = [kind.get("type") for kind in kinds]
    if all(isinstance(one, str) for one in types) and all(kind.keys() <= {"type", "format"} for kind in kinds):
        distinct = list(dict.fromkeys(types))
        return rest | {"type": distinct[0] if len(distinct) == 1 else distinct}
    return rest | {"anyOf": kinds}


def _without_type(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that lists its values, as those of an array may, without their type: a value of another is one fault."""
    reduced = {key: value for key, value in schema.items() if key != "type" or not {"const", "enum"} & schema.keys()}
    return reduced | {"items": _without_type(reduced["items"])} if isinstance(reduced.get("items"), dict) else reduced


def _is_toml(default: Any) -> bool:
    return isinstance(default, str | int) or (isinstance(default, float) and math.isfinite(default))


def _strict(annotation: Any, option: str) -> Any:
    """The type that pydantic reads a value of this option with: paths made whole, no None, no boolean for a number.

    Its validators expect the context to be a mapping from options to the folders that their paths are relative to.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[(_strict(arguments[0], option), *arguments[1:])]
    if origin is Literal:
        return Annotated[annotation, BeforeValidator(partial(_check_choice, arguments))]
    if origin is tuple:  # TOML's arrays arrive as lists
        return Annotated[origin[(_strict(arguments[0], option), ...)], Strict(strict=False)]
    if origin in {list, dict}:
        return origin[(*arguments[:-1], _strict(arguments[-1], option))]
    members = union_members(annotation)
    return _one(annotation, option) if members == (annotation,) else _union(members, option)


def _one(annotation: Any, option: str) -> Any:
    return Annotated[Path, BeforeValidator(partial(_resolve_path, option))] if annotation is Path else annotation


def _union(members: tuple[Any, ...], option: str) -> Any:
    if set(members) == {str, Path}:
        return Annotated[
            str | Path, BeforeValidator(partial(_path_or_name, option)), WithJsonSchema({"type": "string"})
        ]
    return Union[tuple(_strict(member, option) for member in members)]  # noqa: UP007  # `|` joins no tuple


def _check_choice(choices: tuple[Any, ...], value: Any) -> Any:
    """Python takes True for 1, and pydantic with it; a suite file does not."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise PydanticCustomError("literal_error", "is none of the choices")
    return value


def _resolve_path(option: str, value: Any, info: ValidationInfo) -> Any:
    """A path, relative to the folder of the file it stands in."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise PydanticCustomError("path_type", "is no path")
    return Path((info.context or {}).get(option, "")) / value


def _path_or_name(option: str, value: Any, info: ValidationInfo) -> Any:
    """A path where there is something under it, else the name it is."""
    path = _resolve_path(option, value, info)
    return path if os.path.exists(path) else value  # noqa: PTH110  # Path.exists raises for a name too long for a file
