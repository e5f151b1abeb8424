"""English grammar: the forms of verbs, and where the one finite verb of a simple sentence is, if a text is one.

Nothing here parses English. A text is taken for a simple sentence where nothing in it speaks for a second clause, and
the verb is found where few words can be anything else; all other texts are given up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from mqa_robustness.lexicon import normalize, read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

ONE_SYLLABLE = re.compile(r"[^aeiou]*[aeiou][^aeiouwxy]")  # stop, plan: the last consonant is doubled
DOUBLED = {"admit", "control", "occur", "permit", "prefer", "refer", "regret", "transfer"}  # stressed at their end

WORD = re.compile(r"[^\W_]+(?:['\u2019\-][^\W_]+)*")
STOP = re.compile(r"[.!;:\u2026]\s|[?\n]")  # the end of a first sentence, or a question
MARKS = tuple(',-\u2013\u2014("\u201c')
CLOSING = ".!\"')\u2019\u201d \n"
MAX_LENGTH = 400  # characters of a sentence

FINITE = {
    "am", "are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "must", "shall", "should", "was",
    "were", "will", "would",
}  # fmt: skip
MODAL = {"can", "could", "do", "does", "did", "may", "might", "must", "shall", "should", "to", "will", "would"}
SUBJECTS = {"i", "you", "he", "she", "it", "we", "they", "this", "that", "there"}
PRONOUNS = {"i", "you", "he", "she", "it", "we", "they"}
PERSONS = {"i", "he", "she", "we", "they"}  # that are subjects alone
OPENING = {"and", "overall", "so", "well", "yes"}
MODAL_NOUNS = {"can", "must", "will"}  # behind a determiner: `the can`
DETERMINERS = {"a", "an", "her", "his", "its", "my", "our", "the", "their", "your"}
CONJUNCTIONS = {
    "although", "because", "but", "despite", "except", "how", "however", "if", "may", "might", "since", "than", "though",
    "unless", "until", "what", "whatever", "when", "whenever", "where", "whereas", "wherever", "whether", "which", "while",
    "who", "whoever", "whom", "whose", "why",
}  # fmt: skip
QUANTIFIERS = {
    "all", "both", "each", "either", "every", "everybody", "everyone", "everything", "everywhere", "few", "little", "many",
    "several", "some", "somebody", "someone", "something",
}  # fmt: skip
NEGATIVES = {
    "ain't", "arent", "barely", "cant", "couldnt", "didnt", "doesnt", "dont", "hardly", "hasnt", "havent", "isnt", "nah",
    "neither", "never", "no", "nobody", "none", "nor", "nothing", "nowhere", "rarely", "scarcely", "seldom", "shouldnt",
    "wasnt", "werent", "without", "wont", "wouldnt",
}  # fmt: skip
QUALIFIERS = {
    "almost", "already", "also", "always", "even", "finally", "just", "long", "merely", "mostly", "nearly", "not", "now", "often", "only", "recently", "simply",
    "sometimes", "still", "usually",
}  # fmt: skip


@dataclass(frozen=True)
class Verbs:
    """The verbs of the lexicon: their base forms, and from there to the others and back."""

    past: Mapping[str, str]  # by base form; where there are two spellings, the usual one
    third_person: Mapping[str, str]  # by base form, the form of he, she, it
    bases: Mapping[str, str]  # the base form, by past and by third person
    participles: frozenset[str]

    def is_participle(self, word: str) -> bool:
        """Whether a word is a past participle: one of the lexicon, or one in -ed."""
        return word in self.participles or (len(word) > 4 and word.endswith("ed") and not word.endswith("eed"))


@cache
def read_verbs() -> Verbs:
    """The verbs of the lexicon."""
    past: dict[str, str] = {}
    bases: dict[str, str] = {}
    participles: set[str] = set()
    for line in read_lines("verbs"):
        base, *forms = line.split()
        pasts, own_participles = (
            (forms[0].split("/"), forms[1].split("/")) if forms else ([_inflect_regular_past(base)],) * 2
        )
        past[base] = pasts[0]
        bases.update(dict.fromkeys(pasts, base))
        participles.update(own_participles)
    third_person = {base: inflect_third_person(base) for base in past}
    bases.update({form: base for base, form in third_person.items()})
    return Verbs(past, third_person, bases, frozenset(participles))


def inflect_third_person(base: str) -> str:
    """The form of he, she and it."""
    irregular = {"be": "is", "have": "has"}.get(base)
    if irregular:
        return irregular
    if base[-1] == "y" and base[-2] not in "aeiou":
        return f"{base[:-1]}ies"
    return f"{base}es" if base.endswith(("s", "x", "z", "ch", "sh", "o")) else f"{base}s"


def _inflect_regular_past(base: str) -> str:
    if base.endswith("e"):
        return f"{base}d"
    if base[-1] == "y" and base[-2] not in "aeiou":
        return f"{base[:-1]}ied"
    doubled = base in DOUBLED or ONE_SYLLABLE.fullmatch(base)
    return f"{base}{base[-1]}ed" if doubled else f"{base}ed"


@dataclass(frozen=True)
class Clause:
    """A simple sentence: its words as lexicons have them, their spans, and which have a mark in front of them."""

    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    after_mark: frozenset[int]

    @cached_property
    def verb(self) -> int | None:
        """The index of its one finite auxiliary, or form of `be`, `have` and `do`; None where there is none or more."""
        indices = [index for index, word in enumerate(self.words) if self._is_finite(index, word)]
        return indices[0] if len(indices) == 1 else None

    @property
    def has_auxiliary(self) -> bool:
        return any(self._is_finite(index, word) for index, word in enumerate(self.words))

    def word(self, index: int) -> str:
        """The word at an index; an empty one behind the last."""
        return self.words[index] if 0 <= index < len(self.words) else ""

    def starts_at(self, index: int) -> bool:
        """Whether the words before an index only lead to a sentence that begins there."""
        return index in self.after_mark or all(word in OPENING or word.endswith("ly") for word in self.words[:index])

    def skip_adverbs(self, index: int) -> int:
        """The next index whose word is no adverb."""
        index += 1
        while self.word(index).endswith("ly"):
            index += 1
        return index

    def has_other_verb(self, verb: int) -> bool:
        """Whether a second pronoun has a verb other than the one at an index."""
        verbs = read_verbs()
        following = (self.skip_adverbs(index) for index, word in enumerate(self.words) if word in PRONOUNS)
        return any(
            index != verb and (self.word(index) in verbs.past or self.word(index) in verbs.bases) for index in following
        )

    def _is_finite(self, index: int, word: str) -> bool:
        if not (word in FINITE or word == "cannot" or word.endswith("n't") or is_contracted_subject(word)):
            return False
        before = next((one for one in reversed(self.words[:index]) if one not in QUALIFIERS), "")
        return before not in MODAL and not before.endswith("n't") and before != "cannot"


def is_contracted_subject(word: str) -> bool:
    """Whether a word is a subject with its verb: it's, they're, I'd."""
    subject, mark, verb = word.partition("'")
    return bool(mark) and subject in SUBJECTS and verb in {"s", "re", "m", "ve", "ll", "d"}


def is_negation(word: str) -> bool:
    """Whether a word is `not`, `cannot` or a contraction with `not`."""
    return word in {"not", "cannot"} or word.endswith("n't")


def parse_clause(text: str) -> Clause | None:
    """The simple sentence that a text is; None where it could be anything else."""
    text = text.rstrip(CLOSING)
    if len(text) > MAX_LENGTH or STOP.search(text):
        return None
    matches = list(WORD.finditer(text))
    after_mark = (n for n, match in enumerate(matches) if text[: match.start()].rstrip()[-1:] in MARKS)
    words = tuple(normalize(match[0]) for match in matches)
    clause = Clause(words, tuple(match.span() for match in matches), frozenset(after_mark))
    return clause if words and _is_simple(words) else None


def _is_simple(words: tuple[str, ...]) -> bool:
    """Whether nothing speaks for a second clause, or for a meaning that `not` would only weaken."""
    distinct = set(words)
    if distinct & (CONJUNCTIONS | QUANTIFIERS | NEGATIVES) or words[0] == "most" or "that" in words[1:]:
        return False
    if sum(word.partition("'")[0] in PERSONS for word in words) > 1:
        return False
    verbs = read_verbs()
    joined = {after for word, after in pairwise(words) if word in {"and", "or", "so", "yet"}}
    return not any(word in verbs.past or word in verbs.bases for word in joined)
