"""Keys and values, which a model gives beside its answer or keeps to itself, as it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mqa_parity.trio import Trio
    from mqa_registry import Runner

CACHES = "past_key_values."  # how the names of a model's keys and values begin


@runtime_checkable
class Caching(Protocol):
    """A reference that gives its keys and values, or does not, as it is asked."""

    def caching(self, *, caches: bool) -> Runner: ...


def as_given(three: Trio, names: Iterable[str]) -> Trio:
    """The same with references that give their keys and values if the candidate, whose outputs have these names, does."""
    if not isinstance(three.exact, Caching) or not isinstance(three.peer, Caching):
        return three
    caches = any(name.startswith(CACHES) for name in names)
    return replace(three, exact=three.exact.caching(caches=caches), peer=three.peer.caching(caches=caches))
