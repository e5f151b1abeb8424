"""What perturbations and slices give for a row, or slices for all rows; called so often that a check has to be cheap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.boundary.calls import calling, refuse
from mqa_registry.boundary.measures import spelled
from mqa_registry.types import edited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.boundary.calls import Contributor
    from mqa_registry.types import Edit

RETURN = "return the example: a dict with the same fields, or None to decline the row"
EDITS = "each field has a list of edits, (from, to, replacement), in order and apart"


def checked_fields(who: Contributor, fields: AbstractSet[str], given: Any) -> Mapping[str, Any]:
    """What a perturbation gave, with the fields of its example and no others."""
    if not isinstance(given, dict | Mapping):
        refuse(who, f"gave {spelled(given)} for an example", RETURN)
    if given.keys() != fields:
        refuse(who, f"gave the fields {_listed(given)} for {_listed(fields)}", RETURN)
    return given


def checked_example(who: Contributor, before: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """An example that a perturbation made: text where there was text."""
    for name, value in given.items():
        if isinstance(value, str):
            if not (value.isascii() or _encodes(value)):
                refuse(who, f"gave `{name}` a lone surrogate, which is no text: {spelled(value)}")
        elif isinstance(before[name], str):
            hint = "declare `edits=True` for edits" if isinstance(value, list) else "a field of text stays text"
            refuse(who, f"gave `{name}` the value {spelled(value)}", hint)
    return given


def checked_moved(who: Contributor, given: Any) -> tuple[Any, Any]:
    """The example and target of a perturbation that moves both."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        refuse(who, f"gave {spelled(given)}", 'with `target_effect="moves"` it gives a pair: the example and its target')
    return given[0], given[1]


def checked_edits(who: Contributor, name: str, given: Any) -> Sequence[Edit]:
    """The edits of one field, all of them there; whether each can be made shows once it is."""
    if type(given) is list:
        return given
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        refuse(who, f"gave `{name}` the edits {spelled(given)}", EDITS)
    with calling(who):
        return list(given)


def after_edits(who: Contributor, name: str, text: str, edits: Sequence[Edit]) -> str:
    """The text after its edits; those that cannot be made are refused."""
    try:
        after = edited(text, edits)
    except (TypeError, ValueError) as error:
        refuse(who, f"gave `{name}` edits that cannot be made: {error!s:.150}", EDITS)
    if not (after.isascii() or _encodes(after)):
        refuse(who, f"gave `{name}` a lone surrogate, which is no text: {spelled(after)}")
    return after


def group_names(who: Contributor, given: Any) -> Sequence[str]:
    """The groups that a slice puts a row into."""
    if given is None:
        return ()
    if isinstance(given, str):
        return (_name(who, given),)
    if not isinstance(given, Iterable) or isinstance(given, Mapping | bytes):
        refuse(who, f"gave {spelled(given)} for a row", "a slice gives a group's name, a list of names, or None")
    with calling(who):
        names = list(dict.fromkeys(given))
    return [_name(who, name) for name in names]


def groups_of_rows(who: Contributor, given: Any, rows: int) -> Iterator[Sequence[str]]:
    """The groups of every row, where a slice gives those of all rows at once."""
    if isinstance(given, pa.Array | pa.ChunkedArray):
        given = given.to_pylist()
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        refuse(who, f"gave {spelled(given)}, and a list with an answer for every row is due")
    with calling(who):
        answers = list(given)
    if len(answers) != rows:
        refuse(who, f"gave {len(answers):,} answers for {rows:,} rows", "None is the answer for a row in no group")
    return (group_names(who, answer) for answer in answers)


def _name(who: Contributor, name: Any) -> str:
    if not isinstance(name, str):
        refuse(who, f"gave {spelled(name)} for the name of a group", "name a group in words: `str(...)`")
    if not (name.isascii() or _encodes(name)):
        refuse(who, f"gave a group the name {spelled(name)}, which has a lone surrogate and is no text")
    return str(name)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(fields: Iterable[Any]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(map(str, fields))) or "no field"
