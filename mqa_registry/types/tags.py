"""Tags of tokens, such as `B-PER` and `O`, and the entities that they mark, in the schemes BIO, BILOU, BIOES and IO.

A prefix says where in an entity its token stands: B begins one, I is inside, L or E is the last, U or S the only one. Without
prefixes (IO), neighbours with one tag are one entity. Entities begin and end as conlleval has it, which repairs tags that
contradict each other: an I without a B before it begins an entity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OUTSIDE = "O"  # the tag of a token that is in no entity
PREFIXED = re.compile(r"([BILUES])-(.+)", re.DOTALL)
BEGINNING, ENDING = frozenset("BUS"), frozenset("LEUS")


@dataclass(frozen=True)
class Tag:
    """One tag: the prefix, empty in the scheme IO, and the type of the entity, empty outside of any."""

    prefix: str
    type: str


@dataclass(frozen=True)
class TaggedEntity:
    """The tokens `start` up to, and without, `stop` of a sequence of tags. `is_repaired`: its first tag begins none."""

    start: int
    stop: int
    type: str
    is_repaired: bool = False


@dataclass(frozen=True)
class TagScheme:
    """The tags that a model knows. They `have_prefixes` where one of them begins with `B-` or `I-`."""

    have_prefixes: bool

    @classmethod
    def of(cls, tags: Iterable[str]) -> TagScheme:
        """The scheme of all tags of a model, or of a data set."""
        return cls(any(tag.startswith(("B-", "I-")) for tag in tags))

    def parse(self, tag: str) -> Tag:
        """A tag in its parts."""
        if tag == OUTSIDE:
            return Tag("", "")
        match = PREFIXED.fullmatch(tag) if self.have_prefixes else None
        return Tag(match[1], match[2]) if match else Tag("", tag)

    def types(self, tags: Iterable[str]) -> tuple[str, ...]:
        """The types of entities that the tags mark, each once, in their order."""
        return tuple(dict.fromkeys(name for tag in tags if (name := self.parse(tag).type)))

    def find_entities(self, tags: Sequence[str | None]) -> list[TaggedEntity]:
        """The entities that the tags of a sequence mark, in their order. A token with None for a tag breaks none."""
        entities: list[TaggedEntity] = []
        last = Tag("", "")
        for position, name in enumerate(tags):
            if name is None:
                continue
            tag = self.parse(name)
            if tag.type and _begins(last, tag):
                is_repaired = tag.prefix in ("I", "L", "E")
                entities.append(TaggedEntity(position, position + 1, tag.type, is_repaired))
            elif tag.type:
                first = entities.pop()
                entities.append(TaggedEntity(first.start, position + 1, first.type, first.is_repaired))
            last = tag
        return entities


def _begins(last: Tag, tag: Tag) -> bool:
    """Whether an entity begins with a tag after the last one; not to be asked of a tag outside."""
    return tag.prefix in BEGINNING or last.prefix in ENDING or last.type != tag.type


def place_words(words: Sequence[str]) -> list[tuple[int, int]]:
    """Where each word stands in the text of all, joined by single spaces: its first character, and that after its last."""
    places, start = [], 0
    for word in words:
        places.append((start, start + len(word)))
        start += len(word) + 1
    return places
