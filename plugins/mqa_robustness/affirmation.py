"""Affirmation: a negated sentence without its `not`."""

from __future__ import annotations

from mqa_robustness.auxiliaries import DO, HAVE
from mqa_robustness.clauses import QUALIFYING, Change, Clause, is_short
from mqa_robustness.verbs import third_person, verbs

IRREGULAR = {"can't": "can", "cannot": "can", "won't": "will", "shan't": "shall"}
POLAR = {  # said of what is not, and so not left behind where `not` goes
    "any", "anybody", "anymore", "anyone", "anything", "anyway", "anywhere", "either", "ever", "much", "yet",
}  # fmt: skip


def affirmed(clause: Clause, place: int) -> Change | None:
    """What becomes of the negated verb at that place; None where what is left would make no sense."""
    last = place + (clause.word(place + 1) == "not")
    after = clause.word(last + 1)
    if not after or after in QUALIFYING or POLAR & set(clause.words[last + 1 :]) or _negations(clause) > 1:
        return None
    word = clause.word(place)
    verb = IRREGULAR.get(word, word.removesuffix("n't"))
    if verb in DO:
        new = _inflected(verb, after)
        return Change(place, last + 1, new) if new else None
    opens = place == 0 and not is_short(word)  # a question, or an order
    no_auxiliary = verb in HAVE and after not in verbs().participles
    return None if opens or no_auxiliary else Change(place, last, verb)


def _negations(clause: Clause) -> int:
    return sum(word in {"not", "cannot"} or word.endswith("n't") for word in clause.words)


def _inflected(auxiliary: str, base: str) -> str:
    """The form of a verb that says the same without `do`, `does` or `did`; nothing where we do not know it."""
    known = base in verbs().past and base != "be"
    if auxiliary == "do":
        return base if known or base == "be" else ""
    if not known:
        return ""
    return third_person(base) if auxiliary == "does" else verbs().past[base]
