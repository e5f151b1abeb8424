"""Member fields: the lists of a grouped row, taken apart for a perturbation, which gets one field for each member.

A perturbation reads and changes values of one modality, by the names of their fields. So the third text of a list `text`
is a field `text[2]` to it, and a seed perturbs all of a row's members at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mqa_registry.types import Example


def split_members(example: Example, lists: Collection[str]) -> dict[str, Any]:
    """The fields of an example, with a field for each item of those in `lists`."""
    if not lists:
        return dict(example)
    split: dict[str, Any] = {}
    for name, value in example.items():
        split |= (
            {_name_item(name, number): item for number, item in enumerate(value)} if name in lists else {name: value}
        )
    return split


def join_members(example: Example, changed: Mapping[str, Any], lists: Collection[str]) -> dict[str, Any]:
    """The fields of an example after some of those that `split_members` gave have changed; other fields stay."""
    if not lists:
        return {**example, **changed}
    joined = {**example}
    for name, value in example.items():
        if name in lists:
            joined[name] = [changed.get(_name_item(name, number), item) for number, item in enumerate(value)]
        elif name in changed:
            joined[name] = changed[name]
    return joined


def _name_item(name: str, number: int) -> str:
    return f"{name}[{number}]"
