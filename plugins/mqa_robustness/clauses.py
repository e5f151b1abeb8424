"""Clauses: where the one finite verb of a simple sentence is, if a text is one.

Nothing here parses English. A text is taken for a simple sentence where nothing in it speaks for a second clause, and
the verb is found where few words can be anything else; all other texts are given up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from mqa_robustness.phrases import plain
from mqa_robustness.verbs import verbs

WORD = re.compile(r"[^\W_]+(?:['\u2019\-][^\W_]+)*")
STOP = re.compile(r"[.!;:\u2026]\s|[?\n]")  # the end of a first sentence, or a question
MARKS = tuple(',-\u2013\u2014("\u201c')
CLOSING = ".!\"')\u2019\u201d \n"
LONGEST = 400  # characters

FINITE = {
    "am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "must", "shall", "should", "was",
    "were", "will", "would",
}  # fmt: skip
MODAL = {"can", "could", "do", "does", "did", "may", "might", "must", "shall", "should", "to", "will", "would"}
SUBJECTS = {"i", "you", "he", "she", "it", "we", "they", "this", "that", "there"}
PRONOUNS = {"i", "you", "he", "she", "it", "we", "they"}
PERSONS = {"i", "he", "she", "we", "they"}  # that are subjects alone
OPENING = {"and", "overall", "so", "well", "yes"}
NOUNS = {"can", "must", "will"}  # behind a determiner: `the can`
DETERMINERS = {"a", "an", "her", "his", "its", "my", "our", "the", "their", "your"}
JOINING = {
    "although", "because", "but", "despite", "except", "how", "however", "if", "may", "might", "since", "than", "though",
    "unless", "until", "what", "whatever", "when", "whenever", "where", "whereas", "wherever", "whether", "which", "while",
    "who", "whoever", "whom", "whose", "why",
}  # fmt: skip
COUNTING = {
    "all", "both", "each", "either", "every", "everybody", "everyone", "everything", "everywhere", "few", "little", "many",
    "several", "some", "somebody", "someone", "something",
}  # fmt: skip
NEGATIVE = {
    "ain't", "arent", "barely", "cant", "couldnt", "didnt", "doesnt", "dont", "hardly", "hasnt", "havent", "isnt", "nah",
    "neither", "never", "no", "nobody", "none", "nor", "nothing", "nowhere", "rarely", "scarcely", "seldom", "shouldnt",
    "wasnt", "werent", "without", "wont", "wouldnt",
}  # fmt: skip
QUALIFYING = {
    "almost", "already", "also", "always", "even", "finally", "just", "long", "merely", "mostly", "nearly", "not", "now", "often", "only", "recently", "simply",
    "sometimes", "still", "usually",
}  # fmt: skip


class Change(NamedTuple):
    """From which word to which a sentence changes, and into what."""

    first: int
    last: int
    words: str


@dataclass(frozen=True)
class Clause:
    """A simple sentence by its words, as lexicons have them, and where they stand."""

    words: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    marked: frozenset[int]  # the words with a mark in front of them

    @cached_property
    def verb(self) -> int | None:
        """The place of its one finite auxiliary, or form of `be`, `have` and `do`; None where there is none or more."""
        found = [place for place, word in enumerate(self.words) if self._is_finite(place, word)]
        return found[0] if len(found) == 1 else None

    @property
    def has_auxiliary(self) -> bool:
        return any(self._is_finite(place, word) for place, word in enumerate(self.words))

    def word(self, place: int) -> str:
        """The word there; nothing behind the last."""
        return self.words[place] if 0 <= place < len(self.words) else ""

    def opens(self, place: int) -> bool:
        """Whether the words before that place only lead to a sentence that begins there."""
        return place in self.marked or all(word in OPENING or word.endswith("ly") for word in self.words[:place])

    def behind_adverbs(self, place: int) -> int:
        """The next place but those of adverbs."""
        place += 1
        while self.word(place).endswith("ly"):
            place += 1
        return place

    def has_other_verb(self, verb: int) -> bool:
        """Whether a second pronoun has a verb of its own."""
        found = (self.behind_adverbs(place) for place, word in enumerate(self.words) if word in PRONOUNS)
        return any(
            place != verb and (self.word(place) in verbs().past or self.word(place) in verbs().bases) for place in found
        )

    def _is_finite(self, place: int, word: str) -> bool:
        if not (word in FINITE or word == "cannot" or word.endswith("n't") or is_short(word)):
            return False
        before = next((one for one in reversed(self.words[:place]) if one not in QUALIFYING), "")
        return before not in MODAL and not before.endswith("n't") and before != "cannot"


def is_short(word: str) -> bool:
    """Whether a word is a subject with its verb: it's, they're, I'd."""
    subject, mark, verb = word.partition("'")
    return bool(mark) and subject in SUBJECTS and verb in {"s", "re", "m", "ve", "ll", "d"}


def clause_of(text: str) -> Clause | None:
    """The simple sentence that a text is; None where it could be anything else."""
    text = text.rstrip(CLOSING)
    if len(text) > LONGEST or STOP.search(text):
        return None
    found = list(WORD.finditer(text))
    marked = (n for n, match in enumerate(found) if text[: match.start()].rstrip()[-1:] in MARKS)
    clause = Clause(
        tuple(plain(match[0]) for match in found), tuple(match.span() for match in found), frozenset(marked)
    )
    return clause if found and _is_simple(clause.words) else None


def _is_simple(words: tuple[str, ...]) -> bool:
    """Whether nothing speaks for a second clause, or for a meaning that `not` would only weaken."""
    seen = set(words)
    if seen & (JOINING | COUNTING | NEGATIVE) or words[0] == "most" or "that" in words[1:]:
        return False
    if sum(word.partition("'")[0] in PERSONS for word in words) > 1:
        return False
    behind = {after for word, after in pairwise(words) if word in {"and", "or", "so", "yet"}}
    return not any(word in verbs().past or word in verbs().bases for word in behind)
