"""Keys and values, which a model gives beside its answer or keeps to itself, as it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Collection

    from mqa_parity.trio import Trio
    from mqa_registry import Runner

CACHES = ("past_key_values.", "present.")  # how transformers and optimum begin the names of keys and values


def is_cache(name: str) -> bool:
    """Whether an output of this name is a key or a value of a decoder."""
    return name.startswith(CACHES)


@runtime_checkable
class Caching(Protocol):
    """A reference that gives its keys and values if there are names of such among these outputs, and else does not."""

    def caching(self, names: Collection[str]) -> Runner: ...


def as_given(three: Trio, names: Collection[str]) -> Trio:
    """The same with references that give keys and values if the candidate, whose outputs have these names, does."""
    if not isinstance(three.exact, Caching) or not isinstance(three.peer, Caching):
        return three
    return replace(three, exact=three.exact.caching(names), peer=three.peer.caching(names))
