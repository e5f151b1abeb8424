"""English verbs: which words are participles or base forms, and how one form gives another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mqa_robustness.lexicon import lines

if TYPE_CHECKING:
    from collections.abc import Mapping

ONE_SYLLABLE = re.compile(r"[^aeiou]*[aeiou][^aeiouwxy]")  # stop, plan: the last consonant is doubled
DOUBLED = {"admit", "control", "occur", "permit", "prefer", "refer", "regret", "transfer"}  # stressed at their end


@dataclass(frozen=True)
class Verbs:
    """The verbs of the lexicon: their base forms, and from there to the others and back."""

    past: Mapping[str, str]  # by base form; where there are two spellings, the usual one
    third: Mapping[str, str]  # the form of he, she, it
    bases: Mapping[str, str]  # the base form, by past and by third person
    participles: frozenset[str]

    def is_participle(self, word: str) -> bool:
        """Whether a word is a past participle: one that we know, or one in -ed."""
        return word in self.participles or (len(word) > 4 and word.endswith("ed") and not word.endswith("eed"))


@cache
def verbs() -> Verbs:
    """The verbs of the lexicon."""
    past: dict[str, str] = {}
    bases: dict[str, str] = {}
    participles: set[str] = set()
    for line in lines("verbs"):
        base, *forms = line.split()
        before, participle = (forms[0].split("/"), forms[1].split("/")) if forms else ([_regular(base)],) * 2
        past[base] = before[0]
        bases.update(dict.fromkeys(before, base))
        participles.update(participle)
    third = {base: third_person(base) for base in past}
    bases.update({form: base for base, form in third.items()})
    return Verbs(past, third, bases, frozenset(participles))


def _regular(base: str) -> str:
    """The past of a regular verb."""
    if base.endswith("e"):
        return f"{base}d"
    if base[-1] == "y" and base[-2] not in "aeiou":
        return f"{base[:-1]}ied"
    doubled = base in DOUBLED or ONE_SYLLABLE.fullmatch(base)
    return f"{base}{base[-1]}ed" if doubled else f"{base}ed"


def third_person(base: str) -> str:
    """The form of he, she and it."""
    irregular = {"be": "is", "have": "has"}.get(base)
    if irregular:
        return irregular
    if base[-1] == "y" and base[-2] not in "aeiou":
        return f"{base[:-1]}ies"
    return f"{base}es" if base.endswith(("s", "x", "z", "ch", "sh", "o")) else f"{base}s"
