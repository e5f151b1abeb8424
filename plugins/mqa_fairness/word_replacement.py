"""Replacement of lexicon words in a text: found, put in the case of the old word, with the article that agrees."""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from mqa_fairness.lexicon import read_name_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_fairness.lexicon import WordSet
    from mqa_registry import Edit

WORD = re.compile(r"([^\W\d_]+)")
BEFORE_NOUN = re.compile(r"[\s\d\"'(\u2018\u201c]+")  # what may stand between a word and the noun it belongs to
BEHIND_ARTICLE = re.compile(r"[\s\"'(\u2018\u201c]+")  # and between an article and the word it agrees with

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

# Words whose first sound is not that of their first letter: a European, a user, a one-off; an heir, an hour.
CONSONANT_SOUND = re.compile(r"eu|u(?:ni|su|se|ti|kr|gan|ru|k\b)|one\b|once\b|ewe", re.IGNORECASE)
VOWEL_SOUND = re.compile(
    r"[aeiou\u00e0-\u00e6\u00e8-\u00ef\u00f2-\u00f6\u00f9-\u00fc]|heir|hono|hour|8|1[18]\b", re.IGNORECASE
)


class FoundWord(NamedTuple):
    """A word of a set in a text: its index among the pieces, its kind and its form."""

    piece: int
    kind: int
    form: int


def split_text(text: str) -> list[str]:
    """The pieces of a text: at even indices what stands between words, at odd ones a word."""
    return WORD.split(text)


def find_words(pieces: Sequence[str], words: WordSet) -> Iterator[FoundWord]:
    """The words of a set in the pieces of a text."""
    for index in range(1, len(pieces), 2):
        readings = words.index.get(pieces[index].casefold())
        if readings and _is_whole(pieces, index) and _is_allowed(pieces, index, words):
            fitting = [reading for reading in readings if _fits(pieces, index, words, reading[1])]
            fitting = fitting or [reading for reading in readings if words.forms[reading[1]].position != "people"]
            if fitting:
                yield FoundWord(index, *fitting[0])


def find_names(pieces: Sequence[str]) -> list[tuple[int, str]]:
    """The indices of given names among the pieces of a text, and the names in small letters."""
    return [
        (index, pieces[index].casefold())
        for index in range(1, len(pieces), 2)
        if pieces[index].casefold() in read_name_groups() and pieces[index][0].isupper() and _is_whole(pieces, index)
    ]


def make_edits(pieces: Sequence[str], replacements: Mapping[int, str]) -> list[Edit]:
    """The edits that replace some pieces, each in the case of the old word; `a` and `an` follow."""
    new = dict(_add_articles(pieces, replacements))
    starts = accumulate(map(len, pieces), initial=0)
    return [
        (start, start + len(piece), new[index])
        for index, (start, piece) in enumerate(zip(starts, pieces, strict=False))
        if new.get(index, piece) != piece
    ]


def agree_article(article: str, before: str, after: str) -> str:
    """The article that stood before one word, as it has to be before another.

    One that was wrong before the first is left alone, as is anything that is no indefinite article.
    """
    if article.lower() not in {"a", "an"} or _takes_an(before) == _takes_an(after):
        return article
    if (article.lower() == "an") != _takes_an(before):
        return article
    if _takes_an(after):
        return article + ("N" if article.isupper() and before.isupper() else "n")
    return article[0]


def _add_articles(pieces: Sequence[str], replacements: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    """The new words, and the articles right before them."""
    for index, word in replacements.items():
        new = _match_case(pieces[index], word)
        yield index, new
        article = pieces[index - 2] if index >= 2 and BEHIND_ARTICLE.fullmatch(pieces[index - 1]) else ""
        if agree_article(article, pieces[index], new) != article:
            yield index - 2, agree_article(article, pieces[index], new)


def _takes_an(word: str) -> bool:
    """Whether a word, or a number in digits, begins with the sound of a vowel."""
    return bool(VOWEL_SOUND.match(word)) and not CONSONANT_SOUND.match(word)


def _match_case(model: str, word: str) -> str:
    """A word in capitals, with one, or with none, as its model is."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word.lower()


def _is_whole(pieces: Sequence[str], index: int) -> bool:
    """Whether a word ends where it seems to: not in a letter that a combining mark follows."""
    after = pieces[index + 1]
    return not after or not unicodedata.category(after[0]).startswith("M")


def _is_allowed(pieces: Sequence[str], index: int, words: WordSet) -> bool:
    """Whether a word has the capital that its set asks for, and stands behind none of the words that it excludes."""
    if words.capital and not pieces[index][0].isupper():
        return False
    return index < 2 or not (words.not_after and pieces[index - 2].casefold() in words.not_after)


def _fits(pieces: Sequence[str], index: int, words: WordSet, form: int) -> bool:
    """Whether the position of a form is the one where the word stands."""
    position = words.forms[form].position
    if position == "words":
        return True
    following = _find_next_word(pieces, index)
    if position == "people":
        return following in words.nouns
    return (following not in STOPS and following != "") == (position == "attributive")


def _find_next_word(pieces: Sequence[str], index: int) -> str:
    """The next word, where nothing but space, a number or an opening mark is in between; else empty."""
    if index + 2 >= len(pieces) or not BEFORE_NOUN.fullmatch(pieces[index + 1]):
        return ""
    return pieces[index + 2].casefold()
