"""Groups by whom a text speaks of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mqa_fairness.columns import value_of
from mqa_fairness.lexicon import read_lexicon
from mqa_fairness.swapping import find, split
from mqa_fairness.wordsets import shipped

if TYPE_CHECKING:
    from mqa_registry import Example


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
    text = value_of(example, column)
    if text is None:
        return None
    found = read_lexicon(lexicon, None if groups is None else tuple(groups)).groups_in(str(text))
    return found or None


def nationalities(example: Example, *, column: str = "text") -> list[str] | None:
    """The nations that a text names.

    By their adjectives, people and countries in English, with a capital, as `fairness/swap-nationality` knows them: the
    groups are `American`, `Chinese` and so on. `column` is the one with the text. A text that names no nation puts the
    row in none.
    """
    text = value_of(example, column)
    if text is None:
        return None
    pieces = split(str(text))
    named = [words.kinds[found.kind] for words in shipped("nationality") for found in find(pieces, words)]
    return list(dict.fromkeys(named)) or None
