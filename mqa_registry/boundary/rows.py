"""What perturbations and slices give for a row, or slices for all rows; called so often that a check has to be cheap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mqa_registry.boundary.calls import calling, refuse
from mqa_registry.boundary.measures import spelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry.boundary.calls import Contributor

RETURN = "return the example: a dict with the same fields, or None to decline the row"
EDITS = "each field has a list of edits, (from, to, replacement), in order and apart"


def checked_example(
    who: Contributor, before: Mapping[str, Any], given: Any, *, edits: bool = False
) -> Mapping[str, Any]:
    """An example that a perturbation made, or its edits: of the same fields, and text where there was text."""
    if not isinstance(given, Mapping):
        refuse(who, f"gave {spelled(given)} for an example", RETURN)
    if given.keys() != before.keys():
        refuse(who, f"gave the fields {_listed(given)} for {_listed(before)}", RETURN)
    if edits:
        return {name: _edits(who, name, made) for name, made in given.items()}
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
        refuse(who, f"gave {spelled(given)}", 'with `answer="moves"` it gives a pair: the example and its target')
    return given[0], given[1]


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


def _edits(who: Contributor, name: str, given: Any) -> list[tuple[int, int, str]]:
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Mapping):
        refuse(who, f"gave `{name}` the edits {spelled(given)}", EDITS)
    with calling(who):
        made = list(given)
    for edit in made:
        if not (isinstance(edit, tuple | list) and len(edit) == 3 and isinstance(edit[2], str)):
            refuse(who, f"gave `{name}` the edit {spelled(edit)}", EDITS)
        if not (edit[2].isascii() or _encodes(edit[2])):
            refuse(who, f"gave `{name}` a lone surrogate, which is no text: {spelled(edit[2])}")
    return made


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(fields: Mapping[Any, Any]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(map(str, fields))) or "no field"
