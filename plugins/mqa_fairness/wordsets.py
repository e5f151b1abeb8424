"""Word sets: the words that say of whom a text speaks, each with its counterparts of other kinds."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mqa_registry import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

LEXICONS = Path(__file__).parent / "lexicons"
PLACES = ("words", "attributive", "alone", "people")
LISTS = ("kinds", *PLACES, "not_after", "nouns")


class Form(NamedTuple):
    """One form in all kinds, and where in a sentence it stands: one of PLACES."""

    place: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class WordSet:
    """Kinds of people, such as women and men, and the forms of the words for them.

    `index` has for every word, whatever its case, the kinds and forms it may be. Words are meant only with a capital
    where `capital` says so, and not behind one of `not_after`; `people` forms stand before one of the `nouns`.
    """

    kinds: tuple[str, ...]
    forms: tuple[Form, ...]
    index: Mapping[str, tuple[tuple[int, int], ...]]
    capital: bool = False
    not_after: frozenset[str] = frozenset()
    nouns: frozenset[str] = frozenset()


def shipped(name: str) -> tuple[WordSet, ...]:
    """The word sets of one of the lexicons of this package."""
    return read_word_sets(LEXICONS / f"{name}.toml")


@cache
def read_word_sets(path: Path) -> tuple[WordSet, ...]:
    """The word sets in a file; a DataError says what is wrong with it."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"the lexicon `{path}` cannot be read: {error.strerror}") from error
    except ValueError as error:  # broken TOML, or no UTF-8
        raise DataError(f"the lexicon `{path}` is no TOML: {error}") from error
    sets = content.get("set")
    if not isinstance(sets, list) or not sets or content.keys() != {"set"}:
        raise _wrong(path, "it is not made of word sets")
    return tuple(_word_set(one, path) for one in sets)


def _word_set(table: Any, path: Path) -> WordSet:
    _check(table, path)
    kinds = table["kinds"]
    forms: list[Form] = []
    index: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for place in PLACES:
        for words in table.get(place, []):
            if not _are_words(words) or len(words) != len(kinds):
                raise _wrong(path, f"`{place}` of {', '.join(kinds[:3])} needs a word for each kind, and has {words}")
            for kind, alternatives in enumerate(words):
                for word in alternatives.split("|"):
                    index[word.casefold()].append((kind, len(forms)))
            forms.append(Form(place, tuple(word.partition("|")[0] for word in words)))
    if not forms:
        raise _wrong(path, "a set has no words")
    return WordSet(
        tuple(kinds),
        tuple(forms),
        {word: tuple(found) for word, found in index.items()},
        table.get("capital", False) is True,
        frozenset(word.casefold() for word in table.get("not_after", [])),
        frozenset(word.casefold() for word in table.get("nouns", [])),
    )


def _check(table: Any, path: Path) -> None:
    """A DataError where a table is no word set, whatever its words."""
    if not isinstance(table, dict) or not table.keys() <= {*LISTS, "capital"}:
        raise _wrong(path, f"a set has keys other than {', '.join(f'`{key}`' for key in (*LISTS, 'capital'))}")
    if not _are_words(table.get("kinds")) or len(set(table["kinds"])) < len(table["kinds"]) or len(table["kinds"]) < 2:
        raise _wrong(path, "a set has no `kinds`, two or more of them")
    for key in ("not_after", "nouns"):
        if not _are_words(table.get(key, [])):
            raise _wrong(path, f"`{key}` is no list of words")
    for place in PLACES:
        if not isinstance(table.get(place, []), list):
            raise _wrong(path, f"`{place}` is no list")


def _are_words(words: object) -> bool:
    return isinstance(words, list) and all(isinstance(word, str) and word for word in words)


def _wrong(path: Path, why: str) -> DataError:
    hint = 'for each set a table `[[set]]` with `kinds = ["women", "men"]` and `words = [["she", "he"], ...]`'
    return DataError(f"the lexicon `{path}` cannot be used: {why}", hint=hint)
