"""Lexicons: the tables of words that this package ships, and the phrases of a table found in a text.

Each table has its origin and licence at its top.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_robustness.spans import Candidate

    Trie: TypeAlias = dict[str, Any]

FOLDER = Path(__file__).with_name("lexicons")
PAIR = re.compile(r"(.+) ([=<>]) (.+)")

# A phrase stands by itself: not within a word, a compound with a hyphen, a handle, a tag, an address or a number.
BEFORE = r"(?<![\w@#/.\-])(?<!\w['\u2019])"
AFTER = r"(?![\w@\u0300-\u036f\-]|[.'\u2019]\w)"
LOOSE = (r"(?<![\w@#/.])(?<!\w['\u2019])", r"(?![\w@\u0300-\u036f]|\.\w)")  # also in a compound, and before 's
END = ""  # the key of a trie's node where a phrase may end


class Pair(NamedTuple):
    """Two forms of one thing, and the direction: `=` both ways, `<` only to the left, `>` only to the right."""

    left: str
    direction: str
    right: str


@cache
def read_lines(name: str) -> tuple[str, ...]:
    """The lines of a lexicon, without comments and empty ones."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def read_pairs(name: str) -> list[Pair]:
    """The pairs of a lexicon, one on each line: `colour = color`."""
    return [Pair(*match.groups()) for line in read_lines(name) if (match := PAIR.fullmatch(line))]


def read_left_to_right(name: str) -> list[tuple[str, str]]:
    """Every phrase on the left of a lexicon that becomes the one on the right."""
    return [(left, right) for left, direction, right in read_pairs(name) if direction in "=>"]


def read_right_to_left(name: str) -> list[tuple[str, str]]:
    """Every phrase on the right of a lexicon that becomes the one on the left."""
    return [(right, left) for left, direction, right in read_pairs(name) if direction in "=<"]


@dataclass(frozen=True)
class PhraseTable:
    """Phrases, each with its replacements."""

    pattern: re.Pattern[str]
    replacements: Mapping[str, tuple[str, ...]]

    def find(self, text: str) -> list[Candidate]:
        """Every phrase in a text, the leftmost and longest first, with its replacements in its case."""
        curly = "\u2019" in text and "'" not in text
        candidates: list[Candidate] = []
        for match in self.pattern.finditer(text):
            replacements = self.replacements.get(normalize(match[0]))
            if replacements:
                cased = (match_case(match[0], replacement) for replacement in replacements)
                candidates.append((*match.span(), tuple(new.replace("'", "\u2019") if curly else new for new in cased)))
        return candidates


def make_phrase_table(pairs: Iterable[tuple[str, str]], *, loose: bool = False) -> PhraseTable:
    """A table from pairs of a phrase and one of its replacements.

    Phrases are found whatever their case, with either apostrophe, and where they stand by themselves; `loose` finds
    them in compounds (colour-blind) and possessives (the theatre's) too.
    """
    replacements = defaultdict(list)
    for phrase, replacement in pairs:
        replacements[normalize(phrase)].append(replacement)
    pattern = compile_phrases(replacements, loose=loose)
    return PhraseTable(pattern, {phrase: tuple(others) for phrase, others in replacements.items()})


def compile_phrases(phrases: Iterable[str], *, loose: bool = False) -> re.Pattern[str]:
    """A pattern that finds any of these phrases, the longest that fits.

    It shares what the phrases begin with: a plain list of some thousand would be tried one by one at every position.
    """
    trie: Trie = {}
    for phrase in phrases:
        node = trie
        for letter in phrase:
            node = node.setdefault(letter, {})
        node[END] = {}
    before, after = LOOSE if loose else (BEFORE, AFTER)
    return re.compile(f"{before}{_branch_pattern(trie)}{after}", re.IGNORECASE)


def normalize(phrase: str) -> str:
    """A phrase as lexicons have it: in lower case, with a straight apostrophe."""
    return phrase.lower().replace("\u2019", "'")


def match_case(model: str, new: str) -> str:
    """A phrase in the case of the one it replaces: all capitals, a capital first, or as it is.

    The capital of `I` tells nothing of what follows it.
    """
    if len(model) > 1 and model.isupper():
        return new.upper()
    if model[0] in "Ii" and model[1:2] in (" ", "'", "\u2019"):
        return new if model[0] == "I" else new.lower()
    return new[0].upper() + new[1:] if model[0].isupper() else new


def _branch_pattern(node: Trie) -> str:
    """The pattern of all that may follow a node."""
    branches = [_escape(letter) + _branch_pattern(child) for letter, child in sorted(node.items()) if letter != END]
    if not branches:
        return ""
    if len(branches) == 1 and END not in node:
        return branches[0]
    return f"(?:{'|'.join(branches)}){'?' if END in node else ''}"


def _escape(letter: str) -> str:
    return "['\u2019]" if letter == "'" else re.escape(letter)
