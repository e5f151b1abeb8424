"""The auxiliary `do`: what a verb without one takes in front of `not`."""

from __future__ import annotations

from mqa_robustness.clauses import DETERMINERS, SUBJECTS, Change, Clause
from mqa_robustness.verbs import verbs

DO = {"do": "do not", "does": "does not", "did": "did not"}
HAVE = {"have": "do not have", "has": "does not have", "had": "did not have"}
SEEMING = {  # verbs of the third person that are hardly ever nouns behind a noun
    "comes", "delivers", "feels", "gives", "lacks", "looks", "makes", "needs", "offers", "provides", "rocks", "seems",
    "smells", "sounds", "sucks", "takes", "tastes", "works",
}  # fmt: skip


def with_do(clause: Clause) -> Change | None:
    """A sentence without an auxiliary negated: works as does not work."""
    subject = next((place for place, word in enumerate(clause.words[:4]) if word in SUBJECTS - {"there"}), -1)
    verb = clause.behind_adverbs(subject)
    new = _supported(clause.word(subject), clause.word(verb))
    if not new:
        return _with_noun(clause)
    if not clause.opens(subject) or clause.has_other_verb(verb):
        return None
    auxiliary, base = new
    between = " ".join(clause.words[subject + 1 : verb])
    return Change(subject + 1, verb, " ".join(part for part in (auxiliary, "not", between, base) if part))


def _supported(subject: str, word: str) -> tuple[str, str] | None:
    """Which form of `do` a verb takes, and its base."""
    known = verbs()
    one = subject in {"he", "she", "it", "this", "that"}
    if one and known.third.get(known.bases.get(word, "")) == word:
        return "does", known.bases[word]
    present = word in known.past and not one
    past = known.past.get(known.bases.get(word, "")) == word or (word in known.past and known.past[word] == word)
    if present == past:
        return None
    return ("do", word) if present else ("did", known.bases.get(word, word))


def _with_noun(clause: Clause) -> Change | None:
    """`The sound works` as `the sound does not work`: a noun behind a determiner, and a verb that is hardly a noun."""
    if clause.word(0) not in DETERMINERS | {"this", "that"}:
        return None
    verb = next((place for place in (2, 3) if clause.word(place) in SEEMING), None)
    if verb is None or clause.word(verb + 1) in {"", "of", "and", "or", "for"} or clause.has_other_verb(verb):
        return None
    return Change(verb, verb, f"does not {verbs().bases[clause.word(verb)]}")
