"""Types and values in the words of a suite's author: TOML's, not Python's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, time
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 60  # characters of a value that a message repeats

ARRAY, TABLE = ("an array", "arrays"), ("a table", "tables")
PLAIN: dict[Any, tuple[str, str]] = {
    str: ("a string", "strings"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "booleans"),
    Path: ("a path", "paths"),
    date: ("a date", "dates"),
    Any: ("a value", "values"),
}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the known words closest to this one; empty where none is close."""
    near = get_close_matches(word, list(known), n=2, cutoff=0.6)
    return f"did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else ""


def members(annotation: Any) -> tuple[Any, ...]:
    """The types that a value may have: a union's without None, which TOML cannot say; else the type itself."""
    if get_origin(annotation) in {Union, UnionType}:
        return tuple(member for member in get_args(annotation) if member is not NoneType)
    return (annotation,)


def kinds(annotation: Any) -> tuple[Any, ...]:
    """The types that a value may have, without what limits them."""
    if get_origin(annotation) is Annotated:
        return kinds(get_args(annotation)[0])
    several = members(annotation)
    return several if several == (annotation,) else tuple(kind for member in several for kind in kinds(member))


def most(annotation: Any) -> Any:
    """The upper limit of a number, if it has one."""
    limits = [getattr(mark, name, None) for mark in get_args(annotation)[1:] for name in ("le", "lt")]
    return next((limit for limit in limits if limit is not None), None)


def words(annotation: Any, *, many: bool = False) -> str:
    """A type in words: `a number from 0 to 1`, `an array of strings`, `"macro" or "micro"`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _limited(words(arguments[0], many=many), arguments[0], arguments[1:])
    if origin is Literal:
        return listed([spelled(choice) for choice in arguments], "or")
    if origin in {Union, UnionType}:
        return listed([words(member, many=many) for member in members(annotation)], "or")
    if (inner := inner_type(annotation)) is not None:
        outer = TABLE if origin is dict else ARRAY
        return outer[many] if inner is Any else f"{outer[many]} of {words(inner, many=True)}"
    return PLAIN[annotation][many]


def inner_type(annotation: Any) -> Any:
    """The type of an array's items or of a table's values; None for a type that is neither."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return inner_type(arguments[0])
    if origin is dict:
        return arguments[1]
    if origin is list or (origin is tuple and arguments[1:] == (...,)):
        return arguments[0]
    several = members(annotation)
    return inner_type(several[0]) if len(several) == 1 and several != (annotation,) else None


def spelled(value: Any) -> str:
    """A value as TOML spells it, cut short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _cut(json.dumps(value, ensure_ascii=False))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return _cut(f"{{ {', '.join(f'{key} = {spelled(item)}' for key, item in value.items())} }}" if value else "{}")
    if isinstance(value, list | tuple):
        return _cut(f"[{', '.join(spelled(item) for item in value)}]")
    return _cut(str(value))


def described(value: Any) -> str:
    """A value with its kind, where the spelling alone could be misread: `the string "0.5"`."""
    if isinstance(value, str):
        return f"the string {spelled(value)}"
    if isinstance(value, date | time):
        return f"the date or time {spelled(value)}"
    if isinstance(value, Mapping | list | tuple) and value:
        return TABLE[0] if isinstance(value, Mapping) else ARRAY[0]
    return spelled(value)


def listed(parts: Sequence[str], joint: str) -> str:
    """`a, b or c`."""
    return f" {joint} ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _limited(plain: str, annotation: Any, metadata: Sequence[object]) -> str:
    """A type in words with what annotated_types says about a number's range or a value's length."""
    limit = {name: getattr(mark, name) for mark in metadata for name in ("ge", "gt", "le", "lt") if hasattr(mark, name)}
    if set(limit) == {"ge", "le"}:
        return f"{plain} from {spelled(limit['ge'])} to {spelled(limit['le'])}"
    phrase = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
    bounds = " and ".join(f"{phrase[name]} {spelled(value)}" for name, value in limit.items())
    bounds = bounds.replace(" and of ", " and ")
    return f"{plain} {bounds}" if bounds else _long_enough(plain, annotation, metadata)


def _long_enough(plain: str, annotation: Any, metadata: Sequence[object]) -> str:
    shortest = max((getattr(mark, "min_length", 0) for mark in metadata), default=0)
    if shortest < 2:
        return re.sub(r"^an? ", "a non-empty ", plain) if shortest else plain
    return f"{plain}, of at least {shortest} {'characters' if annotation is str else 'items'}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
