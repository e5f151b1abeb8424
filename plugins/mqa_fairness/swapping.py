"""Exchanging words of a text: found where they stand, replaced in their case and with the article that agrees."""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from mqa_fairness.articles import agreeing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_fairness.wordsets import WordSet
    from mqa_registry import Edit

WORD = re.compile(r"([^\W\d_]+)")
BEFORE_NOUN = re.compile(r"[\s\d\"'(\u2018\u201c]+")  # what may stand between a word and the noun it belongs to
GAP = re.compile(r"[\s\"'(\u2018\u201c]+")  # and between an article and the word it agrees with

# Words that no noun phrase begins with, once `her` or `American` stands before it: so those stand alone.
_STOPS = """
    a about after again against all alone also although always am an and any anymore anyway are as at away be because
    been before being between both but by can could did do does during each either enough even ever every for from had
    has have he her here him his how i if in instead into is it its just like many may me might more much must my
    neither never no nor not now of off on once only onto or our out over she should since so some than that the their
    them then there these they this those though through to today together tomorrow tonight too under unless until up us
    was we well were what when where whether which while who whom whose why will with without would yesterday yet you
    your
"""
STOPS = frozenset(_STOPS.split())


class Found(NamedTuple):
    """A word of a set in a text: its place among the pieces, its kind and its form."""

    place: int
    kind: int
    form: int


def split(text: str) -> list[str]:
    """The text in turns: what stands between words, a word, and so on."""
    return WORD.split(text)


def find(pieces: Sequence[str], words: WordSet) -> Iterator[Found]:
    """The words of a set in a text."""
    for place in range(1, len(pieces), 2):
        meant = words.index.get(pieces[place].casefold())
        if meant and is_whole(pieces, place) and _is_meant(pieces, place, words):
            fitting = [one for one in meant if _fits(pieces, place, words, one[1])]
            fitting = fitting or [one for one in meant if words.forms[one[1]].place != "people"]
            if fitting:
                yield Found(place, *fitting[0])


def is_whole(pieces: Sequence[str], place: int) -> bool:
    """Whether a word ends where it seems to: not in a letter that bears a mark of its own."""
    after = pieces[place + 1]
    return not after or not unicodedata.category(after[0]).startswith("M")


def edits_of(pieces: Sequence[str], words: Mapping[int, str]) -> list[Edit]:
    """The edits that put other words at some places, each in the case of the one it replaces; `a` and `an` follow."""
    new = dict(_with_articles(pieces, words))
    starts = accumulate(map(len, pieces), initial=0)
    return [
        (start, start + len(piece), new[place])
        for place, (start, piece) in enumerate(zip(starts, pieces, strict=False))
        if new.get(place, piece) != piece
    ]


def _with_articles(pieces: Sequence[str], words: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """The new words, and the articles right before them."""
    for place, word in words.items():
        new = in_case_of(pieces[place], word)
        yield place, new
        article = pieces[place - 2] if place >= 2 and GAP.fullmatch(pieces[place - 1]) else ""
        if agreeing(article, pieces[place], new) != article:
            yield place - 2, agreeing(article, pieces[place], new)


def in_case_of(model: str, word: str) -> str:
    """A word in capitals, with one, or with none, as its model is."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word.lower()


def _is_meant(pieces: Sequence[str], place: int, words: WordSet) -> bool:
    if words.capital and not pieces[place][0].isupper():
        return False
    return place < 2 or not (words.not_after and pieces[place - 2].casefold() in words.not_after)


def _fits(pieces: Sequence[str], place: int, words: WordSet, form: int) -> bool:
    """Whether a form stands where the word does."""
    kind = words.forms[form].place
    if kind == "words":
        return True
    following = _following(pieces, place)
    if kind == "people":
        return following in words.nouns
    return (following not in STOPS and following != "") == (kind == "attributive")


def _following(pieces: Sequence[str], place: int) -> str:
    """The next word, where nothing but space, a number or an opening mark is in between."""
    if place + 2 >= len(pieces) or not BEFORE_NOUN.fullmatch(pieces[place + 1]):
        return ""
    return pieces[place + 2].casefold()
