"""Messages about options: types, values and what is wrong with them, in the words of TOML and not of Python."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from mqa_registry.naming import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from mqa_registry.options.signature import Options

    KeyPath: TypeAlias = tuple[str | int, ...]

MAX_SHOWN = 60  # characters of a value that a message repeats

ARRAY, TABLE = ("an array", "arrays"), ("a table", "tables")
TYPE_NAMES: dict[Any, tuple[str, str]] = {
    str: ("a string", "strings"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "booleans"),
    Path: ("a path", "paths"),
    date: ("a date", "dates"),
    Any: ("a value", "values"),
}


def union_members(annotation: Any) -> tuple[Any, ...]:
    """The types that a value may have: a union's without None, which TOML does not have; else the type itself."""
    if get_origin(annotation) in {Union, UnionType}:
        return tuple(member for member in get_args(annotation) if member is not NoneType)
    return (annotation,)


def plain_types(annotation: Any) -> tuple[Any, ...]:
    """The types that a value may have, without what limits them."""
    if get_origin(annotation) is Annotated:
        return plain_types(get_args(annotation)[0])
    members = union_members(annotation)
    return members if members == (annotation,) else tuple(kind for member in members for kind in plain_types(member))


def upper_limit(annotation: Any) -> Any:
    """The upper limit of a number, if it has one."""
    limits = [getattr(mark, name, None) for mark in get_args(annotation)[1:] for name in ("le", "lt")]
    return next((limit for limit in limits if limit is not None), None)


def describe_type(annotation: Any, *, many: bool = False) -> str:
    """A type in words: `a number from 0 to 1`, `an array of strings`, `"macro" or "micro"`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _limited(describe_type(arguments[0], many=many), arguments[0], arguments[1:])
    if origin is Literal:
        return join_words([format_value(choice) for choice in arguments], "or")
    if origin in {Union, UnionType}:
        return join_words([describe_type(member, many=many) for member in union_members(annotation)], "or")
    if (inner := inner_type(annotation)) is not None:
        outer = TABLE if origin is dict else ARRAY
        return outer[many] if inner is Any else f"{outer[many]} of {describe_type(inner, many=True)}"
    return TYPE_NAMES[annotation][many]


def inner_type(annotation: Any) -> Any:
    """The type of an array's items or of a table's values; None for a type that is neither."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return inner_type(arguments[0])
    if origin is dict:
        return arguments[1]
    if origin is list or (origin is tuple and arguments[1:] == (...,)):
        return arguments[0]
    members = union_members(annotation)
    return inner_type(members[0]) if len(members) == 1 and members != (annotation,) else None


def format_value(value: Any) -> str:
    """A value as TOML spells it, cut short."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _cut(json.dumps(value, ensure_ascii=False))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return _cut(
            f"{{ {', '.join(f'{key} = {format_value(item)}' for key, item in value.items())} }}" if value else "{}"
        )
    if isinstance(value, list | tuple):
        return _cut(f"[{', '.join(format_value(item) for item in value)}]")
    return _cut(str(value))


def describe_value(value: Any) -> str:
    """A value with its kind, where the spelling alone could be misread: `the string "0.5"`."""
    if isinstance(value, str):
        return f"the string {format_value(value)}"
    if isinstance(value, date | time):
        return f"the date or time {format_value(value)}"
    if isinstance(value, Mapping | list | tuple) and value:
        return TABLE[0] if isinstance(value, Mapping) else ARRAY[0]
    return format_value(value)


def join_words(parts: Sequence[str], joint: str) -> str:
    """`a, b or c`."""
    return f" {joint} ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _limited(plain: str, annotation: Any, metadata: Sequence[object]) -> str:
    """A type in words with what annotated_types says about a number's range or a value's length."""
    limit = {name: getattr(mark, name) for mark in metadata for name in ("ge", "gt", "le", "lt") if hasattr(mark, name)}
    if set(limit) == {"ge", "le"}:
        return f"{plain} from {format_value(limit['ge'])} to {format_value(limit['le'])}"
    phrase = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}
    bounds = " and ".join(f"{phrase[name]} {format_value(value)}" for name, value in limit.items())
    bounds = bounds.replace(" and of ", " and ")
    return f"{plain} {bounds}" if bounds else _long_enough(plain, annotation, metadata)


def _long_enough(plain: str, annotation: Any, metadata: Sequence[object]) -> str:
    shortest = max((getattr(mark, "min_length", 0) for mark in metadata), default=0)
    if shortest < 2:
        return re.sub(r"^an? ", "a non-empty ", plain) if shortest else plain
    return f"{plain}, of at least {shortest} {'characters' if annotation is str else 'items'}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a table. `path` leads from the table to it; `at_key` points at the key itself."""

    path: KeyPath
    message: str
    hint: str = ""
    at_key: bool = False


def explain_errors(
    options: Options, table: Mapping[str, Any], errors: Sequence[Any], *, owner: str, noun: str, also: Sequence[str]
) -> Iterator[Fault]:
    """The errors of pydantic as faults: one for each value, however many members of a union it misses."""
    reported = set()
    unknown = [str(error["loc"][0]) for error in errors if error["type"] == "extra_forbidden"]
    for error in errors:
        name, kind = str(error["loc"][0]), error["type"]
        if kind == "extra_forbidden":
            yield _unknown(options, name, owner, noun, also)
        elif kind == "missing":
            if not any(did_you_mean(other, [name]) for other in unknown):  # else it is there, misspelt
                yield _missing(options, name, owner, noun)
        elif (path := _path(options, table, error["loc"])) not in reported:
            reported.add(path)
            yield _misfit(options, table, path)


def _unknown(options: Options, name: str, owner: str, noun: str, also: Sequence[str]) -> Fault:
    names = ", ".join(f"`{option}`" for option in options.names)
    rest = f"its {noun}s are {names}" if names else f"it has no {noun}s"
    hint = did_you_mean(name, (*options.names, *also)) or rest
    return Fault((name,), f"{owner} has no {noun} {_quoted(name)}", hint, at_key=True)


def _missing(options: Options, name: str, owner: str, noun: str) -> Fault:
    option = options.get(name)
    return Fault((), f"{owner} needs the {noun} `{name}`", str(option))


def _misfit(options: Options, table: Mapping[str, Any], path: KeyPath) -> Fault:
    option = options.get(str(path[0]))
    assert option is not None  # pydantic knows no others
    annotation, value = option.annotation, table[option.name]
    for step in path[1:]:
        annotation, value = inner_type(annotation), value[step]
    message = f"{_name_of(path)} must be {describe_type(annotation)}, not {describe_value(value)}"
    return Fault(path, message, _hint(annotation, value) or ("" if len(path) == 1 else str(option)))


def _path(options: Options, table: Mapping[str, Any], loc: Sequence[Any]) -> KeyPath:
    """Where the value stands. pydantic puts the members of a union among the keys; a union is at fault as a whole."""
    option = options.get(loc[0])
    assert option is not None
    path, annotation, value = [loc[0]], option.annotation, table[loc[0]]
    for step in loc[1:]:
        inner = inner_type(annotation)
        if inner is None or not _has(value, step):
            break
        path.append(step)
        annotation, value = inner, value[step]
    return tuple(path)


def _has(value: Any, step: Any) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, Sequence) and isinstance(step, int) and step < len(value)


def _name_of(path: KeyPath) -> str:
    """`rate`, `columns.text`, item 2 of `terms`."""
    *before, last = path
    if isinstance(last, int):
        return f"item {last + 1} of {_name_of(tuple(before))}"
    return _quoted(".".join(str(step) for step in path))


def _quoted(name: str) -> str:
    return f"`{name}`" if name and name.isprintable() else f"`{json.dumps(name)}`"


def _hint(annotation: Any, value: Any) -> str:
    """What most likely went wrong."""
    types = plain_types(annotation)
    if any(get_origin(kind) in {list, tuple} for kind in types) and not isinstance(value, Mapping | list):
        return f"write `[{format_value(value)}]`"
    if isinstance(value, str):
        return _hint_for_text(types, value)
    if isinstance(value, float):
        return _hint_for_float(types, value)
    if date in types and isinstance(value, datetime):
        return f"write the day alone: `{value.date()}`"
    return _hint_for_integer(annotation, types, value) if type(value) is int else ""


def _hint_for_integer(annotation: Any, types: Sequence[Any], value: int) -> str:
    if {str, Path} & set(types):
        return f'put it in quotes: `"{value}"`'
    share = float in types and upper_limit(annotation) == 1 and 1 < value <= 100
    return f"not in per cent: did you mean `{value / 100}`?" if share else ""


def _hint_for_text(types: Sequence[Any], value: str) -> str:
    choices = [choice for kind in types if get_origin(kind) is Literal for choice in get_args(kind)]
    if bool in types and value.lower() in {"true", "false"}:
        return f"write `{value.lower()}` without quotes"
    if date in types:
        return "write it without quotes" if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "write it as `2027-01-31`"
    if {int, float} & set(types) and value.replace(".", "", 1).lstrip("+-").isdecimal():
        return "write it without quotes"
    if {str, Path} & set(types):
        return "it must not be empty" if not value else ""
    return did_you_mean(value, [choice for choice in choices if isinstance(choice, str)])


def _hint_for_float(types: Sequence[Any], value: float) -> str:
    if not math.isfinite(value):
        return "give a finite number" if float in types else ""
    return f"write `{value:.0f}`" if int in types and value.is_integer() and abs(value) < 2**53 else ""
