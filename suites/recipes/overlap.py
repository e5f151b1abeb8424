"""Overlap between texts: the same words, nearly the same words, or one inside the other."""

from __future__ import annotations

import html
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Kind = Literal["exact", "near", "contained"]

SHINGLE_WORDS = 3
THRESHOLD = 0.8
# Containment needs five words: three or four ("a very good film") meet by chance.
LEAST_SHINGLES = 3


def normal(text: str) -> str:
    """Lower-case letters and digits alone, so that spacing, hyphens, quotes and entities do not matter."""
    return "".join(character for character in html.unescape(text).lower() if character.isalnum())


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The runs of three words of a text."""
    words = re.findall(r"[^\W_]+", html.unescape(text).lower())
    return frozenset(tuple(words[start : start + SHINGLE_WORDS]) for start in range(len(words) - SHINGLE_WORDS + 1))


class TextIndex:
    """Texts that others are held against."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._normals = {normal(text) for text in texts}
        self._shingles = [shingles(text) for text in texts]
        self._postings: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, found in enumerate(self._shingles):
            for shingle in found:
                self._postings[shingle].append(number)

    def overlap(self, text: str) -> Kind | None:
        """How a text overlaps the indexed ones: the closest kind, or None."""
        if normal(text) in self._normals:
            return "exact"
        mine = shingles(text)
        shared = Counter(number for shingle in mine for number in self._postings.get(shingle, ()))
        pairs = [(count, self._shingles[number]) for number, count in shared.items()]
        if any(count / len(mine | theirs) >= THRESHOLD for count, theirs in pairs):
            return "near"
        return "contained" if any(contains(count, len(mine), len(theirs)) for count, theirs in pairs) else None


def contains(shared: int, mine: int, theirs: int) -> bool:
    """Whether the shorter of two texts lies, all but a fifth, inside the longer."""
    shorter = min(mine, theirs)
    return shorter >= LEAST_SHINGLES and shared / shorter >= THRESHOLD


def overlaps(texts: Iterable[str], others: Sequence[str]) -> list[Kind | None]:
    """The overlap of each text with the others."""
    index = TextIndex(others)
    return [index.overlap(text) for text in texts]
