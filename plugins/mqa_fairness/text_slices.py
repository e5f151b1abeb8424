"""Slices by texts: how they are written (length, script, language), and whom they speak of (groups, nations, names)."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le

from mqa_fairness.column_slices import get_value
from mqa_fairness.lexicon import list_name_origins, read_name_groups, read_shipped_word_sets, read_terms
from mqa_fairness.word_replacement import find_names, find_words, split_text
from mqa_registry import UsageError, identify_language

if TYPE_CHECKING:
    from mqa_registry import Example

DEFAULT_BOUNDS = (10, 20)
NO_LETTERS = "no letters"
UNCERTAIN = "uncertain"
# The first word of a letter's Unicode name is its script, but for these.
SCRIPT_OF_NAME = {
    "cjk": "han",
    "ideographic": "han",
    "fullwidth": "latin",
    "halfwidth": "katakana",
    "hentaigana": "hiragana",
}
# Letters that stand for a quantity or a mark, and are of no script.
NO_SCRIPT = frozenset(
    {
        "alef", "angstrom", "bet", "black", "caron", "combining", "dalet", "double", "euler", "feminine", "gimel",
        "information", "kelvin", "masculine", "mathematical", "micro", "modifier", "ohm", "planck", "roman", "script",
        "superscript", "turned", "vertical",
    }
)  # fmt: skip
NAMES_OF_GENDER = {"women": "names of women", "men": "names of men"}


def name_text_column(*, column: str = "text") -> list[str]:
    """The column that a slice of texts reads by its option."""
    return [column]


def length(example: Example, *, bounds: list[int] | None = None, column: str = "text") -> str | None:
    """The number of words in a text.

    By default that is `1-10 words`, `11-20 words`, `over 20 words` or `no words`. `bounds` is the last number of every
    group but the one over them; left out, 10 and 20. `column` is the one with the text. Words are what white space
    parts. A missing text puts the row in no group.
    """
    text = get_value(example, column)
    if text is None:
        return None
    upper = DEFAULT_BOUNDS if bounds is None else tuple(bounds)
    return _name_lengths(upper)[bisect_left((0, *upper), len(str(text).split()))]


def script(example: Example, *, column: str = "text") -> str | None:
    """The script that most letters of a text are in.

    As their Unicode names have it: `latin`, `cyrillic`, `arabic`, `han`, `devanagari` and so on; `no letters` for a text
    of digits, marks and emoji. Of equally frequent ones it is the one that comes first. It does not tell languages of
    one script apart: `fairness/language` guesses them, and a column with the language tells them, with
    `fairness/column`. `column` is the one with the text. A missing text puts the row in no group.
    """
    text = get_value(example, column)
    if text is None:
        return None
    scripts = Counter(name for character in str(text) if (name := _find_script(character)))
    return scripts.most_common(1)[0][0] if scripts else NO_LETTERS


def language(
    example: Example,
    *,
    languages: list[str] | None = None,
    min_probability: Annotated[float, Ge(0), Le(1)] = 0.5,
    column: str = "text",
) -> str | None:
    """The language that a text is most probably written in: a guess.

    The groups are ISO 639 codes, as py3langid knows them for 139 languages: `en`, `de`, `zh`, `yue` and so on, and `zxx`
    for letters that are no language, such as markup. `languages` are those that come into question; left out, all of them.
    A text in any other language is then taken for one of those. `min_probability` is the probability, of one language
    against all that come into question, under which a text is in the group `uncertain`; `no letters` are texts of
    digits, marks and emoji. `column` is the one with the text, of which the first 1,000 characters from a letter on are
    read. A missing text puts the row in no group.

    Short texts are unsure. Of 4,196 English sentences 2 are taken for another language, and 6 % are uncertain; of the
    461 with up to six words none, and 42 %, where `min_probability = 0` would mistake 13 %. They are those of the demo
    data, and the default was chosen by them. Where it is known which languages there are, `languages` leaves fewer
    uncertain. A text of several languages gets one of them, and close languages, such as Danish and Norwegian, are
    mistaken for each other sooner. One core reads some 13,000 sentences a second. The model is one of langid.py (Lui
    and Baldwin, 2012).
    """
    text = get_value(example, column)
    start = None if text is None else _find_first_letter(str(text))
    letters = "" if start is None else str(text)[start:]
    code = identify_language(letters, languages=languages, min_probability=min_probability)
    if text is None:
        return None
    return NO_LETTERS if start is None else code or UNCERTAIN


def identity_terms(
    example: Example, *, groups: list[str] | None = None, lexicon: Path | None = None, column: str = "text"
) -> list[str] | None:
    """The groups of people that a text names.

    They are found by whole words of a lexicon, whatever their case. The lexicon shipped has English terms in six
    dimensions: gender (women, men, transgender people), religion, ethnicity, age, disability and orientation; it finds
    whom a text speaks of, not who wrote it. `groups` is which groups or whole dimensions to look for; left out, all of
    them. `lexicon` is another one, a TOML file that has for each dimension a table, and in it
    `group = ["term", "another term"]`. `column` is the one with the text. A text that names no group puts the row in
    none.
    """
    text = get_value(example, column)
    if text is None:
        return None
    return read_terms(lexicon, None if groups is None else tuple(groups)).find_groups(str(text)) or None


def nationalities(example: Example, *, column: str = "text") -> list[str] | None:
    """The nations that a text names.

    By their adjectives, people and countries in English, with a capital, as `fairness/swap-nationality` knows them: the
    groups are `American`, `Chinese` and so on. `column` is the one with the text. A text that names no nation puts the
    row in none.
    """
    text = get_value(example, column)
    if text is None:
        return None
    pieces = split_text(str(text))
    nations = [
        words.kinds[found.kind]
        for words in read_shipped_word_sets("nationality")
        for found in find_words(pieces, words)
    ]
    return list(dict.fromkeys(nations)) or None


def names(
    example: Example, *, attribute: Literal["gender", "origin"] = "gender", column: str = "text"
) -> list[str] | None:
    """The gender or origin that given names in a text are associated with.

    They are found by a small lexicon of names as people in the United States mostly see them, with a capital; they do
    not tell who somebody is. `attribute` is `gender` for women's and men's names, `origin` for english, african-american,
    hispanic, arabic, indian, chinese or russian ones. `column` is the one with the text. A text without such a name puts
    the row in no group.
    """
    text = get_value(example, column)
    if text is None:
        return None
    groups = {read_name_groups()[name] for _, name in find_names(split_text(str(text)))}
    if attribute == "gender":
        genders = {group.gender for group in groups}
        return [name for gender, name in NAMES_OF_GENDER.items() if gender in genders] or None
    origins = {group.origin for group in groups}
    return [f"{origin} names" for origin in list_name_origins() if origin in origins] or None


@cache
def _name_lengths(bounds: tuple[int, ...]) -> tuple[str, ...]:
    """The names of the groups, from the shortest texts to the longest."""
    if not bounds or bounds[0] < 1 or any(low >= high for low, high in pairwise(bounds)):
        raise UsageError(f"`bounds` must rise from at least 1, and is {list(bounds)}", hint="for example `[10, 20]`")
    firsts = [1, *(bound + 1 for bound in bounds)]
    spans = [f"{first}-{last}" if first < last else f"{last}" for first, last in zip(firsts, bounds, strict=False)]
    return (
        "no words",
        *(f"{span} word{'' if span == '1' else 's'}" for span in spans),
        f"over {bounds[-1]} word{'' if bounds[-1] == 1 else 's'}",
    )


def _find_first_letter(text: str) -> int | None:
    """The index of the first letter of any script; None where there is none."""
    return next((index for index, character in enumerate(text) if _find_script(character)), None)


@cache
def _find_script(character: str) -> str:
    """The script of a letter; empty for what is no letter, or of no script."""
    if not character.isalpha():
        return ""
    first = unicodedata.name(character, "").partition(" ")[0].partition("-")[0].lower()
    return "" if first in NO_SCRIPT else SCRIPT_OF_NAME.get(first, first)
