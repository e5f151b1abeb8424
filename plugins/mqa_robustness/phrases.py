"""Words and phrases that stand for one another: where a text has them, and how the other is written in their place."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mqa_robustness.candidates import Candidate

    Trie: TypeAlias = dict[str, Any]

# A phrase stands by itself: not within a word, a compound with a hyphen, a handle, a tag, an address or a number.
BEFORE = r"(?<![\w@#/.\-])(?<!\w['\u2019])"
AFTER = r"(?![\w@\u0300-\u036f\-]|[.'\u2019]\w)"
LOOSE = (r"(?<![\w@#/.])(?<!\w['\u2019])", r"(?![\w@\u0300-\u036f]|\.\w)")  # also in a compound, and before 's
ENDED = ""  # the key of a trie's node where a phrase may end


@dataclass(frozen=True)
class Phrases:
    """Phrases, each with all that may stand in its place."""

    pattern: re.Pattern[str]
    choices: Mapping[str, tuple[str, ...]]

    def found(self, text: str) -> list[Candidate]:
        """Every phrase in a text, the leftmost and longest first, with what may stand there, in its case."""
        curly = "\u2019" in text and "'" not in text
        found: list[Candidate] = []
        for match in self.pattern.finditer(text):
            choices = self.choices.get(plain(match[0]))
            if choices:
                written = (as_written(match[0], choice) for choice in choices)
                found.append((*match.span(), tuple(new.replace("'", "\u2019") if curly else new for new in written)))
        return found


def phrases(pairs: Iterable[tuple[str, str]], *, loose: bool = False) -> Phrases:
    """Phrases from pairs of one and what may stand in its place.

    They are found whatever their case, with either apostrophe, and where they stand by themselves; `loose` finds them
    in compounds (colour-blind) and possessives (the theatre's) too.
    """
    choices = defaultdict(list)
    for phrase, other in pairs:
        choices[plain(phrase)].append(other)
    return Phrases(compiled(choices, loose=loose), {phrase: tuple(others) for phrase, others in choices.items()})


def compiled(wanted: Iterable[str], *, loose: bool = False) -> re.Pattern[str]:
    """A pattern that finds any of these phrases, the longest that fits.

    One that shares what the phrases begin with: a plain list of some thousand would be tried one by one at every place.
    """
    trie: Trie = {}
    for phrase in wanted:
        node = trie
        for letter in phrase:
            node = node.setdefault(letter, {})
        node[ENDED] = {}
    before, after = LOOSE if loose else (BEFORE, AFTER)
    return re.compile(f"{before}{_branches(trie)}{after}", re.IGNORECASE)


def plain(phrase: str) -> str:
    """A phrase as lexicons have it: in lower case, with a straight apostrophe."""
    return phrase.lower().replace("\u2019", "'")


def as_written(model: str, new: str) -> str:
    """A phrase in the case of the one it replaces: all capitals, a capital first, or as it is.

    The capital of `I` tells nothing of what follows it.
    """
    if len(model) > 1 and model.isupper():
        return new.upper()
    if model[0] in "Ii" and model[1:2] in (" ", "'", "\u2019"):
        return new if model[0] == "I" else new.lower()
    return new[0].upper() + new[1:] if model[0].isupper() else new


def _branches(node: Trie) -> str:
    """The pattern of all that may follow a node."""
    ways = [_letter(letter) + _branches(after) for letter, after in sorted(node.items()) if letter != ENDED]
    if not ways:
        return ""
    if len(ways) == 1 and ENDED not in node:
        return ways[0]
    return f"(?:{'|'.join(ways)}){'?' if ENDED in node else ''}"


def _letter(letter: str) -> str:
    return "['\u2019]" if letter == "'" else re.escape(letter)
