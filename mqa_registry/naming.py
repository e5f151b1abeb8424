"""Naming: what a reference to contributions names, the short name that reports give a check, and numbers of things.

A reference is as a suite file spells it: a text, a table with `use`, or a list of either.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: `1 row`, `4,200 rows`; `many` is their plural where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def close_names(word: str, names: Iterable[str], *, limit: int = 2) -> list[str]:
    """The names that are spelled nearly like a word, the closest first; none where nothing is close."""
    return get_close_matches(word, list(names), n=limit, cutoff=0.6)


def did_you_mean(word: str, names: Iterable[str], *, noun: str = "") -> str:
    """A hint with the names closest to a word that names nothing; empty where none is close.

    `noun` stands before the names, as in "did you mean the folder `x`?".
    """
    near = " or ".join(f"`{name}`" for name in close_names(word, names))
    return f"did you mean {f'{noun} {near}'.strip()}?" if near else ""


def shorten_check_name(name: str, measure: Any, perturb: Any, by: Any) -> str:
    """The name of a check in reports: one made of its measure, perturbation and slices is short, as `f1 macro / typos`."""
    parts = [part for part in (measure, perturb, by) if referenced_names(part)]
    full = " / ".join(" + ".join(referenced_names(part)) for part in parts)
    return " / ".join(map(_shorten, parts)) if name == full else name


def referenced_names(reference: Any) -> list[str]:
    """The contributions that a reference names."""
    if isinstance(reference, Mapping):
        return referenced_names(reference.get("use"))
    if isinstance(reference, list | tuple):
        return [use for inner in reference for use in referenced_names(inner)]
    return [reference] if isinstance(reference, str) else []


def _shorten(reference: Any) -> str:
    """A contribution without its plugin, with those of its options that are words."""
    if isinstance(reference, list | tuple):
        return " + ".join(_shorten(inner) for inner in reference)
    options = reference.items() if isinstance(reference, Mapping) else ()
    words = [value for key, value in options if key != "use" and isinstance(value, str)]
    return " ".join([use.rpartition("/")[2] for use in referenced_names(reference)] + words)
