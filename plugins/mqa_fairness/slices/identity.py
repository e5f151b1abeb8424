"""Slices by whom a text speaks of: identity terms, nationalities, given names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mqa_fairness.lexicon import group_by_name, name_origins, read_terms, shipped_word_sets
from mqa_fairness.slices.columns import get_value
from mqa_fairness.word_replacement import find_names, find_words, split_text

if TYPE_CHECKING:
    from mqa_registry import Example

NAMES_OF_GENDER = {"women": "names of women", "men": "names of men"}


def identity_terms(
    example: Example, *, groups: list[str] | None = None, lexicon: Path | None = None, column: str = "text"
) -> list[str] | None:
    """The groups of people that a text names.

    They are found by whole words of a lexicon, whatever their case. The lexicon shipped has English terms in six
    dimensions: gender (women, men, transgender people), religion, ethnicity, age, disability and orientation; it finds
    whom a text speaks of, not who wrote it. `groups` is which groups or whole dimensions to look for; left out, all of
    them. `lexicon` is a TOML file of one's own, which has for each dimension a table, and in it
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
        words.kinds[found.kind] for words in shipped_word_sets("nationality") for found in find_words(pieces, words)
    ]
    return list(dict.fromkeys(nations)) or None


def names(example: Example, *, of: Literal["gender", "origin"] = "gender", column: str = "text") -> list[str] | None:
    """The gender or origin that given names in a text are associated with.

    They are found by a small lexicon of names as people in the United States mostly see them, with a capital; they do
    not tell who somebody is. `of` is `gender` for women's and men's names, `origin` for english, african-american,
    hispanic, arabic, indian, chinese or russian ones. `column` is the one with the text. A text without such a name puts
    the row in no group.
    """
    text = get_value(example, column)
    if text is None:
        return None
    groups = {group_by_name()[name] for _, name in find_names(split_text(str(text)))}
    if of == "gender":
        genders = {group.gender for group in groups}
        return [name for gender, name in NAMES_OF_GENDER.items() if gender in genders] or None
    origins = {group.origin for group in groups}
    return [f"{origin} names" for origin in name_origins() if origin in origins] or None
