"""Types as pydantic is to read them: paths made whole, no None, no boolean for a number."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from mqa_registry.options.wording import members

if TYPE_CHECKING:
    from pydantic import ValidationInfo


def strict(annotation: Any, option: str) -> Any:
    """The type that pydantic reads a value of this option with.

    Its validators expect the context to be a mapping from options to the folders that their paths are relative to.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return Annotated[(strict(arguments[0], option), *arguments[1:])]
    if origin is Literal:
        return Annotated[annotation, BeforeValidator(partial(_same_kind, arguments))]
    if origin is tuple:  # TOML's arrays arrive as lists
        return Annotated[origin[(strict(arguments[0], option), ...)], Strict(strict=False)]
    if origin in {list, dict}:
        return origin[(*arguments[:-1], strict(arguments[-1], option))]
    several = members(annotation)
    return _one(annotation, option) if several == (annotation,) else _union(several, option)


def _one(annotation: Any, option: str) -> Any:
    return Annotated[Path, BeforeValidator(partial(_whole, option))] if annotation is Path else annotation


def _union(several: tuple[Any, ...], option: str) -> Any:
    if set(several) == {str, Path}:
        return Annotated[
            str | Path, BeforeValidator(partial(_path_or_name, option)), WithJsonSchema({"type": "string"})
        ]
    return Union[tuple(strict(member, option) for member in several)]  # noqa: UP007  # `|` joins no tuple


def _same_kind(choices: tuple[Any, ...], value: Any) -> Any:
    """Python takes True for 1, and pydantic with it; a suite file does not."""
    if not any(type(value) is type(choice) and value == choice for choice in choices):
        raise PydanticCustomError("literal_error", "is none of the choices")
    return value


def _whole(option: str, value: Any, info: ValidationInfo) -> Any:
    """A path, relative to the folder of the file it stands in."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise PydanticCustomError("path_type", "is no path")
    return Path((info.context or {}).get(option, "")) / value


def _path_or_name(option: str, value: Any, info: ValidationInfo) -> Any:
    """A path where there is something under it, else the name it is."""
    whole = _whole(option, value, info)
    return whole if os.path.exists(whole) else value  # noqa: PTH110  # Path.exists raises for a name too long for a file
