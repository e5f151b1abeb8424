"""What pydantic finds wrong with a table, said to a suite's author."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from mqa_registry.options.wording import described, did_you_mean, inner_type, kinds, most, spelled, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from mqa_registry.options.signature import Options

    KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a table. `path` leads from the table to it; `at_key` points at the key itself."""

    path: KeyPath
    message: str
    hint: str = ""
    at_key: bool = False


def faults(
    options: Options, given: Mapping[str, Any], errors: Sequence[Any], *, owner: str, noun: str, also: Sequence[str]
) -> Iterator[Fault]:
    """The errors of pydantic as faults: one for each value, however many members of a union it misses."""
    seen = set()
    unknown = [str(error["loc"][0]) for error in errors if error["type"] == "extra_forbidden"]
    for error in errors:
        name, kind = str(error["loc"][0]), error["type"]
        if kind == "extra_forbidden":
            yield _unknown(options, name, owner, noun, also)
        elif kind == "missing":
            if not any(did_you_mean(other, [name]) for other in unknown):  # else it is there, misspelt
                yield _missing(options, name, owner, noun)
        elif (path := _path(options, given, error["loc"])) not in seen:
            seen.add(path)
            yield _misfit(options, given, path)


def _unknown(options: Options, name: str, owner: str, noun: str, also: Sequence[str]) -> Fault:
    known = ", ".join(f"`{option}`" for option in options.names)
    rest = f"its {noun}s are {known}" if known else f"it has no {noun}s"
    hint = did_you_mean(name, (*options.names, *also)) or rest
    return Fault((name,), f"{owner} has no {noun} {_quoted(name)}", hint, at_key=True)


def _missing(options: Options, name: str, owner: str, noun: str) -> Fault:
    option = options.get(name)
    return Fault((), f"{owner} needs the {noun} `{name}`", str(option))


def _misfit(options: Options, given: Mapping[str, Any], path: KeyPath) -> Fault:
    option = options.get(str(path[0]))
    assert option is not None  # pydantic knows no others
    annotation, value = option.annotation, given[option.name]
    for step in path[1:]:
        annotation, value = inner_type(annotation), value[step]
    message = f"{_named(path)} must be {words(annotation)}, not {described(value)}"
    return Fault(path, message, _hint(annotation, value) or ("" if len(path) == 1 else str(option)))


def _path(options: Options, given: Mapping[str, Any], loc: Sequence[Any]) -> KeyPath:
    """Where the value stands. pydantic puts the members of a union among the keys; a union is at fault as a whole."""
    option = options.get(loc[0])
    assert option is not None
    path, annotation, value = [loc[0]], option.annotation, given[loc[0]]
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


def _named(path: KeyPath) -> str:
    """`rate`, `columns.text`, item 2 of `terms`."""
    *before, last = path
    if isinstance(last, int):
        return f"item {last + 1} of {_named(tuple(before))}"
    return _quoted(".".join(str(step) for step in path))


def _quoted(name: str) -> str:
    return f"`{name}`" if name and name.isprintable() else f"`{json.dumps(name)}`"


def _hint(annotation: Any, value: Any) -> str:
    """What most likely went wrong."""
    wanted = kinds(annotation)
    if any(get_origin(kind) in {list, tuple} for kind in wanted) and not isinstance(value, Mapping | list):
        return f"write `[{spelled(value)}]`"
    if isinstance(value, str):
        return _hint_for_text(wanted, value)
    if isinstance(value, float):
        return _hint_for_float(wanted, value)
    if date in wanted and isinstance(value, datetime):
        return f"write the day alone: `{value.date()}`"
    return _hint_for_integer(annotation, wanted, value) if type(value) is int else ""


def _hint_for_integer(annotation: Any, wanted: Sequence[Any], value: int) -> str:
    if {str, Path} & set(wanted):
        return f'put it in quotes: `"{value}"`'
    share = float in wanted and most(annotation) == 1 and 1 < value <= 100
    return f"not in per cent: did you mean `{value / 100}`?" if share else ""


def _hint_for_text(wanted: Sequence[Any], value: str) -> str:
    choices = [choice for kind in wanted if get_origin(kind) is Literal for choice in get_args(kind)]
    if bool in wanted and value.lower() in {"true", "false"}:
        return f"write `{value.lower()}` without quotes"
    if date in wanted:
        return "write it without quotes" if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "write it as `2027-01-31`"
    if {int, float} & set(wanted) and value.replace(".", "", 1).lstrip("+-").isdecimal():
        return "write it without quotes"
    if {str, Path} & set(wanted):
        return "it must not be empty" if not value else ""
    return did_you_mean(value, [choice for choice in choices if isinstance(choice, str)])


def _hint_for_float(wanted: Sequence[Any], value: float) -> str:
    if not math.isfinite(value):
        return "give a finite number" if float in wanted else ""
    return f"write `{value:.0f}`" if int in wanted and value.is_integer() and abs(value) < 2**53 else ""
