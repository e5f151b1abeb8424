"""Lexicons: terms of groups, sets of words that can be exchanged, and given names.

Those of this package are in `lexicons`, with a card that says how far to trust them.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeGuard

from mqa_registry import DataError, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    Terms: TypeAlias = Mapping[str, list[str]]

FOLDER = Path(__file__).parent / "lexicons"
WORD = re.compile(r"[^\W_]+")
POSITIONS = ("words", "attributive", "alone", "people")
WORD_SET_KEYS = ("kinds", *POSITIONS, "not_after", "nouns", "capital")


@dataclass(frozen=True)
class TermLexicon:
    """Groups in their order; each term under its first word, as a phrase ready to be found between spaces."""

    groups: tuple[str, ...]
    phrases: Mapping[str, tuple[tuple[str, str], ...]]  # first word -> (phrase, group)

    def find_groups(self, text: str) -> list[str]:
        """The groups that a text names, in the lexicon's order."""
        words = split_words(text)
        starts = self.phrases.keys() & set(words)
        if not starts:
            return []
        spaced = f" {' '.join(words)} "
        named = {group for word in starts for phrase, group in self.phrases[word] if phrase in spaced}
        return [group for group in self.groups if group in named]


def split_words(text: str) -> list[str]:
    """The words of a text, whatever their case: runs of letters and digits."""
    return WORD.findall(text.casefold())


@cache
def read_terms(path: Path | None, selection: tuple[str, ...] | None) -> TermLexicon:
    """The terms in a file, or those of this package; `selection` are groups and dimensions, left out all of them."""
    dimensions = _read_dimensions(path or FOLDER / "identity.toml")
    terms = {group: words for groups in dimensions.values() for group, words in groups.items()}
    groups = tuple(terms) if selection is None else _select_groups(dimensions, terms, selection)
    phrases = defaultdict(list)
    for group in groups:
        for term in terms[group]:
            words = split_words(term)
            if not words:
                raise DataError(f"`{path}`: the group `{group}` has the term `{term}`, which has no word in it")
            phrases[words[0]].append((f" {' '.join(words)} ", group))
    return TermLexicon(groups, {word: tuple(pairs) for word, pairs in phrases.items()})


def _select_groups(dimensions: Mapping[str, Terms], terms: Terms, selection: tuple[str, ...]) -> tuple[str, ...]:
    """The selected groups, each once; a dimension stands for all of its groups."""
    for name in selection:
        if name not in terms and name not in dimensions:
            listed = ", ".join(f"`{group}`" for group in [*dimensions, *terms])
            raise UsageError(
                f"the lexicon has no group `{name}`",
                hint=did_you_mean(name, [*terms, *dimensions]) or f"it has {listed}",
            )
    if not selection:
        raise UsageError("`groups` is empty", hint="leave it out for every group of the lexicon")
    groups = (group for name in selection for group in ([name] if name in terms else dimensions[name]))
    return tuple(dict.fromkeys(groups))


def _read_dimensions(path: Path) -> Mapping[str, Terms]:
    content = _read_toml(path)
    if not (content and all(_is_dimension(groups) for groups in content.values())):
        raise DataError(
            f"the lexicon `{path}` is not made of tables of groups",
            hint='for each dimension a table, and in it `group = ["term", "another term"]`',
        )
    return content


def _is_dimension(groups: object) -> bool:
    return isinstance(groups, dict) and all(terms and _is_word_list(terms) for terms in groups.values())


class Form(NamedTuple):
    """One form of a word in all kinds, and its position in a sentence: one of POSITIONS."""

    position: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class WordSet:
    """Kinds of people, such as women and men, and the forms of the words for them.

    `index` has for every word, whatever its case, the kinds and forms it may be. Words count only with a capital where
    `capital` says so, and not behind one of `not_after`; `people` forms stand before one of the `nouns`.
    """

    kinds: tuple[str, ...]
    forms: tuple[Form, ...]
    index: Mapping[str, tuple[tuple[int, int], ...]]
    capital: bool = False
    not_after: frozenset[str] = frozenset()
    nouns: frozenset[str] = frozenset()


def read_shipped_word_sets(name: str) -> tuple[WordSet, ...]:
    """The word sets of one of the lexicons of this package."""
    return read_word_sets(FOLDER / f"{name}.toml")


@cache
def read_word_sets(path: Path) -> tuple[WordSet, ...]:
    """The word sets in a file; a DataError says what is wrong with it."""
    content = _read_toml(path)
    sets = content.get("set")
    if not isinstance(sets, list) or not sets or content.keys() != {"set"}:
        raise _word_set_error(path, "it is not made of word sets")
    return tuple(_parse_word_set(table, path) for table in sets)


def _parse_word_set(table: Any, path: Path) -> WordSet:
    _check_word_set(table, path)
    kinds = table["kinds"]
    forms: list[Form] = []
    index: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for position in POSITIONS:
        for words in table.get(position, []):
            if not _is_word_list(words) or len(words) != len(kinds):
                message = f"`{position}` of {', '.join(kinds[:3])} needs a word for each kind, and has {words}"
                raise _word_set_error(path, message)
            for kind, alternatives in enumerate(words):
                for word in alternatives.split("|"):
                    index[word.casefold()].append((kind, len(forms)))
            forms.append(Form(position, tuple(word.partition("|")[0] for word in words)))
    if not forms:
        raise _word_set_error(path, "a set has no words")
    return WordSet(
        tuple(kinds),
        tuple(forms),
        {word: tuple(pairs) for word, pairs in index.items()},
        table.get("capital", False) is True,
        frozenset(word.casefold() for word in table.get("not_after", [])),
        frozenset(word.casefold() for word in table.get("nouns", [])),
    )


def _check_word_set(table: Any, path: Path) -> None:
    """Raise a DataError where a table is no word set, whatever its words."""
    if not isinstance(table, dict) or not table.keys() <= set(WORD_SET_KEYS):
        raise _word_set_error(path, f"a set has keys other than {', '.join(f'`{key}`' for key in WORD_SET_KEYS)}")
    kinds = table.get("kinds")
    if not _is_word_list(kinds) or len(set(kinds)) < len(kinds) or len(kinds) < 2:
        raise _word_set_error(path, "a set has no `kinds`, two or more of them")
    for key in ("not_after", "nouns"):
        if not _is_word_list(table.get(key, [])):
            raise _word_set_error(path, f"`{key}` is no list of words")
    for position in POSITIONS:
        if not isinstance(table.get(position, []), list):
            raise _word_set_error(path, f"`{position}` is no list")


def _word_set_error(path: Path, problem: str) -> DataError:
    hint = 'for each set a table `[[set]]` with `kinds = ["women", "men"]` and `words = [["she", "he"], ...]`'
    return DataError(f"the lexicon `{path}` cannot be used: {problem}", hint=hint)


class NameGroup(NamedTuple):
    """The origin and the gender that a given name is associated with."""

    origin: str
    gender: str


@cache
def read_names() -> Mapping[NameGroup, tuple[str, ...]]:
    """The given names of the lexicon, by group."""
    content = _read_toml(FOLDER / "names.toml")
    return {
        NameGroup(origin, gender): tuple(names)
        for origin, genders in content.items()
        for gender, names in genders.items()
    }


@cache
def read_name_groups() -> Mapping[str, NameGroup]:
    """The group of every name of the lexicon, by the name in small letters."""
    return {name.casefold(): group for group, names in read_names().items() for name in names}


def list_name_origins() -> list[str]:
    """The origins of the names of the lexicon."""
    return list(dict.fromkeys(group.origin for group in read_names()))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"the lexicon `{path}` cannot be read: {error.strerror}") from error
    except ValueError as error:  # broken TOML, or no UTF-8
        raise DataError(f"the lexicon `{path}` is no TOML: {error}") from error


def _is_word_list(words: object) -> TypeGuard[list[str]]:
    return isinstance(words, list) and all(isinstance(word, str) and word for word in words)
