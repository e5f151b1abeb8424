"""Lexicons: the terms by which rows are found to speak of a group."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mqa_registry import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    Terms: TypeAlias = Mapping[str, list[str]]

OWN = Path(__file__).parent / "lexicons" / "identity.toml"
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Lexicon:
    """Groups in their order; each term under its first word, as a phrase ready to be found between spaces."""

    groups: tuple[str, ...]
    phrases: Mapping[str, tuple[tuple[str, str], ...]]  # first word -> (phrase, group)

    def groups_in(self, text: str) -> list[str]:
        """The groups that a text names, in the lexicon's order."""
        words = words_of(text)
        starts = self.phrases.keys() & set(words)
        if not starts:
            return []
        spaced = f" {' '.join(words)} "
        found = {group for word in starts for phrase, group in self.phrases[word] if phrase in spaced}
        return [group for group in self.groups if group in found]


def words_of(text: str) -> list[str]:
    """The words of a text, whatever their case: runs of letters and digits."""
    return WORD.findall(text.casefold())


@cache
def read_lexicon(path: Path | None, chosen: tuple[str, ...] | None) -> Lexicon:
    """The lexicon in a file, or the one of this package; `chosen` are groups and dimensions, left out all of them."""
    dimensions = _read(path or OWN)
    terms = {group: words for groups in dimensions.values() for group, words in groups.items()}
    groups = tuple(terms) if chosen is None else _chosen(dimensions, terms, chosen)
    phrases = defaultdict(list)
    for group in groups:
        for term in terms[group]:
            words = words_of(term)
            if not words:
                raise DataError(f"`{path}`: the group `{group}` has the term `{term}`, which has no word in it")
            phrases[words[0]].append((f" {' '.join(words)} ", group))
    return Lexicon(groups, {word: tuple(found) for word, found in phrases.items()})


def _chosen(dimensions: Mapping[str, Terms], terms: Terms, chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The groups that are meant, each once; a dimension stands for all of its own."""
    for name in chosen:
        if name not in terms and name not in dimensions:
            close = get_close_matches(name, [*terms, *dimensions], n=1)
            known = ", ".join(f"`{group}`" for group in [*dimensions, *terms])
            raise UsageError(
                f"the lexicon has no group `{name}`",
                hint=f"did you mean `{close[0]}`?" if close else f"it has {known}",
            )
    if not chosen:
        raise UsageError("`groups` is empty", hint="leave it out for every group of the lexicon")
    meant = (group for name in chosen for group in ([name] if name in terms else dimensions[name]))
    return tuple(dict.fromkeys(meant))


def _read(path: Path) -> Mapping[str, Terms]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"the lexicon `{path}` cannot be read: {error.strerror}") from error
    except ValueError as error:  # broken TOML, or no UTF-8
        raise DataError(f"the lexicon `{path}` is no TOML: {error}") from error
    if not (content and all(_is_dimension(groups) for groups in content.values())):
        raise DataError(
            f"the lexicon `{path}` is not made of tables of groups",
            hint='for each dimension a table, and in it `group = ["term", "another term"]`',
        )
    return content


def _is_dimension(groups: object) -> bool:
    return isinstance(groups, dict) and all(
        isinstance(terms, list) and terms and all(isinstance(term, str) for term in terms) for terms in groups.values()
    )
