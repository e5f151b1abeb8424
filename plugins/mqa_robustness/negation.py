"""Negation: a sentence made to say the opposite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_robustness.affirmation import affirmed
from mqa_robustness.auxiliaries import DO, HAVE, with_do
from mqa_robustness.clauses import DETERMINERS, NOUNS, PRONOUNS, QUALIFYING, Change, Clause, clause_of, is_short
from mqa_robustness.phrases import as_written, plain
from mqa_robustness.verbs import verbs

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example


def negation(example: Example, rng: np.random.Generator) -> dict[str, list[Edit]] | None:
    """The sentence negated, so that the right answer changes: is good as is not good, works as does not work.

    Where it has one `not`, that is taken away instead. A row is declined where this cannot be done safely: with several
    sentences or clauses, a question, quantifiers (all, some), words such as `never` and `only`, or a verb that is not
    plainly one. Where a row has several texts, such as a premise and a hypothesis, the last is negated.
    """
    filled = [field for field, text in example.items() if text and text.strip()]
    edits = negated(example[filled[-1]]) if filled else None
    if edits is None:
        return None
    return {field: edits if field == filled[-1] else [] for field in example}


def negated(text: str) -> list[Edit] | None:
    """The edits that negate a text; None where that is not safe."""
    clause = clause_of(text)
    change = clause and (_with_auxiliary(clause) if clause.has_auxiliary else with_do(clause))
    if not clause or not change or sum(map(_negates, clause.words)) > 1:
        return None
    start, end = clause.places[change.first][0], clause.places[change.last][1]
    if plain(text[start:end]) != " ".join(clause.words[change.first : change.last + 1]):
        return None  # a mark stands between
    new = "I" + change.words[1:] if text[start:].startswith(("I ", "I'", "I\u2019")) else change.words
    new = as_written(text[start:end], new)
    return [(start, end, new.replace("'", "\u2019") if "\u2019" in text else new)]


def _with_auxiliary(clause: Clause) -> Change | None:
    """`Not` behind the auxiliary, or away with it."""
    place = clause.verb
    if place is None or (place and not _leads(clause, place)):
        return None
    word, after = clause.word(place), clause.word(place + 1)
    if _negates(word) or after == "not":
        return affirmed(clause, place)
    if any(map(_negates, clause.words)) or not after or after in QUALIFYING or (place == 0 and not is_short(word)):
        return None
    new = _short(word, after) if is_short(word) else _full(word, after)
    return Change(place, place, new) if new else None


def _negates(word: str) -> bool:
    return word in {"not", "cannot"} or word.endswith("n't")


def _leads(clause: Clause, place: int) -> bool:
    """Whether a verb is the sentence's own: no noun, none of a second clause, and behind no adverb that qualifies it."""
    word, before = clause.word(place), clause.word(place - 1)
    if (word in NOUNS and before in DETERMINERS) or (word == "am" and before != "i") or before in {"as", *QUALIFYING}:
        return False
    subject = place if is_short(word) else place - 1
    if (subject == place or before in PRONOUNS) and not clause.opens(subject):
        return False
    return clause.word(0) not in verbs().past and not clause.has_other_verb(place)


def _full(word: str, after: str) -> str:
    """An auxiliary with `not`, a verb of its own with `do not`; nothing where it could be either."""
    if word in HAVE:
        if after in verbs().participles:
            return f"{word} not"
        return "" if after == "better" or verbs().is_participle(after) else HAVE[word]
    if word in DO:
        return DO[word] if after in verbs().past else f"{DO[word]} do"
    return "cannot" if word == "can" else f"{word} not"


def _short(word: str, after: str) -> str:
    """A subject with its verb, and `not`: it's not, I will not; nothing where it is not clear which verb."""
    subject, _, verb = word.partition("'")
    if verb == "ll":
        return f"{subject} will not"
    if verb == "d":
        return f"{subject} would not" if after in verbs().past else ""
    return "" if verb == "ve" and after not in verbs().participles else f"{word} not"
