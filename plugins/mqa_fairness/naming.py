"""Given names: whom people associate them with, and other names in their place."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from mqa_fairness.columns import value_of
from mqa_fairness.swapping import edits_of, is_whole, split
from mqa_fairness.wordsets import LEXICONS
from mqa_registry import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from mqa_registry import Edit, Example

    Pieces = Mapping[str, Sequence[str]]

GENDERS = {"women": "names of women", "men": "names of men"}


class Bearers(NamedTuple):
    """Whom a name is associated with."""

    origin: str
    gender: str


@cache
def lexicon() -> Mapping[Bearers, tuple[str, ...]]:
    """The names of the lexicon."""
    content = tomllib.loads((LEXICONS / "names.toml").read_text(encoding="utf-8"))
    return {Bearers(origin, gender): tuple(names) for origin, each in content.items() for gender, names in each.items()}


@cache
def bearers() -> Mapping[str, Bearers]:
    """Whom every name of the lexicon is associated with, by the name in small letters."""
    return {name.casefold(): who for who, names in lexicon().items() for name in names}


def origins() -> list[str]:
    """The origins of the lexicon."""
    return list(dict.fromkeys(who.origin for who in lexicon()))


def names(example: Example, *, of: Literal["gender", "origin"] = "gender", column: str = "text") -> list[str] | None:
    """The gender or origin that given names in a text are associated with.

    They are found by a small lexicon of names as people in the United States mostly see them, with a capital; they do
    not tell who somebody is. `of` is `gender` for women's and men's names, `origin` for english, african-american,
    hispanic, arabic, indian, chinese or russian ones. `column` is the one with the text. A text without such a name puts
    the row in no group.
    """
    text = value_of(example, column)
    if text is None:
        return None
    found = {bearers()[name] for _, name in found_in(split(str(text)))}
    if of == "gender":
        return [group for gender, group in GENDERS.items() if any(who.gender == gender for who in found)] or None
    return [f"{origin} names" for origin in origins() if any(who.origin == origin for who in found)] or None


def swap_names(example: Example, rng: np.random.Generator, *, to: str | None = None) -> dict[str, list[Edit]] | None:
    """Given names exchanged for names of another origin and the same gender: Emily, Aisha.

    `to` is the origin of the new names: english, african-american, hispanic, arabic, indian, chinese or russian; left
    out, it is drawn by chance for the whole row. So are the names, the same one for the same name. Names are found with
    a capital, by the lexicon of `fairness/names`. A row without a name that could be exchanged is declined.
    """
    if to is not None and to not in origins():
        raise UsageError(
            f"the lexicon has no names of the origin `{to}`",
            hint=f"it has {', '.join(f'`{one}`' for one in origins())}",
        )
    drawn = rng.permutation(origins()).tolist() if to is None else [to]

    def other(origin: str, gender: str) -> tuple[str, str] | None:
        return next(((one, gender) for one in drawn if one != origin), None)

    pieces = {field: split(text) for field, text in example.items() if text}
    new = renamed(pieces, rng, other)
    edits = {field: edits_of(pieces[field], new[field]) if field in pieces else [] for field in example}
    return edits if any(edits.values()) else None


def renamed(
    pieces: Pieces, rng: np.random.Generator, other: Callable[[str, str], tuple[str, str] | None]
) -> dict[str, dict[int, str]]:
    """What every name in some texts becomes, by field and place; `other` says whose name it is to be, None to keep it."""
    found = {field: list(found_in(text)) for field, text in pieces.items()}
    taken = {name for places in found.values() for _, name in places}
    new: dict[str, str] = {}
    for name in dict.fromkeys(name for places in found.values() for _, name in places):
        wanted = other(*bearers()[name])
        free = [one for one in lexicon()[Bearers(*wanted)] if one.casefold() not in taken] if wanted else []
        if free:
            new[name] = free[rng.integers(len(free))]
            taken.add(new[name].casefold())
    return {field: {place: new[name] for place, name in places if name in new} for field, places in found.items()}


def found_in(pieces: Sequence[str]) -> list[tuple[int, str]]:
    """The places of names in a text in turns, and the names in small letters."""
    places = range(1, len(pieces), 2)
    return [
        (place, pieces[place].casefold())
        for place in places
        if pieces[place].casefold() in bearers() and pieces[place][0].isupper() and is_whole(pieces, place)
    ]
