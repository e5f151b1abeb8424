"""Negation: a sentence made to say the opposite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_robustness.clauses import DETERMINERS, NOUNS, PRONOUNS, QUALIFYING, SUBJECTS, Clause, clause_of, is_short
from mqa_robustness.phrases import as_written, plain
from mqa_robustness.verbs import third_person, verbs

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example

DO = {"do": "do not", "does": "does not", "did": "did not"}
HAVE = {"have": "do not have", "has": "does not have", "had": "did not have"}
IRREGULAR = {"can't": "can", "cannot": "can", "won't": "will", "shan't": "shall"}
POLAR = {  # said of what is not, and so not left behind where `not` goes
    "any", "anybody", "anymore", "anyone", "anything", "anyway", "anywhere", "either", "ever", "much", "yet",
}  # fmt: skip
SEEMING = {
    "comes", "delivers", "feels", "gives", "lacks", "looks", "makes", "needs", "offers", "provides", "rocks", "seems",
    "smells", "sounds", "sucks", "takes", "tastes", "works",
}  # fmt: skip


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
    if clause is None:
        return None
    change = _with_auxiliary(clause) if clause.has_auxiliary else _with_do(clause)
    if change is None:
        return None
    first, last, words = change
    start, end = clause.places[first][0], clause.places[last][1]
    if plain(text[start:end]) != " ".join(clause.words[first : last + 1]):
        return None  # a mark stands between
    new = as_written(text[start:end], words)
    return [(start, end, new.replace("'", "\u2019") if "\u2019" in text else new)]


def _with_auxiliary(clause: Clause) -> tuple[int, int, str] | None:
    """From which word to which a sentence with an auxiliary changes, and into what."""
    place = clause.verb
    if place is None or (place and not _leads(clause, place)):
        return None
    word, after = clause.word(place), clause.word(place + 1)
    if word.endswith("n't") or word == "cannot" or after == "not":
        return _affirmed(clause, place)
    if "not" in clause.words or not after or after in QUALIFYING or (place == 0 and not is_short(word)):
        return None
    new = _short(word, after) if is_short(word) else _full(word, after)
    return (place, place, new) if new else None


def _leads(clause: Clause, place: int) -> bool:
    """Whether a verb is the sentence's own: no noun, none of a second clause, and behind no adverb that qualifies it."""
    word, before = clause.word(place), clause.word(place - 1)
    if (word in NOUNS and before in DETERMINERS) or (word == "am" and before != "i") or before in QUALIFYING:
        return False
    subject = place if is_short(word) else place - 1
    if clause.word(subject).partition("'")[0] in PRONOUNS and not clause.opens(subject):
        return False
    return clause.word(0) not in verbs().past and not clause.has_other_verb(place)


def _full(word: str, after: str) -> str:
    """An auxiliary with `not`; nothing where it is none."""
    if word in HAVE:
        if after == "better":
            return ""
        return f"{word} not" if after in verbs().participles else HAVE[word]
    if word in DO:
        return DO[word] if after in verbs().past else f"{DO[word]} do"
    return "cannot" if word == "can" else f"{word} not"


def _short(word: str, after: str) -> str:
    """A subject with its verb, and `not`: it's not, I will not."""
    subject, _, verb = word.partition("'")
    if verb == "ll":
        return f"{_subject(subject)} will not"
    if verb == "d":
        return f"{_subject(subject)} would not" if after in verbs().past else ""
    if verb == "ve" and after not in verbs().participles:
        return ""
    return f"{_subject(subject)}'{verb} not"


def _subject(subject: str) -> str:
    return "I" if subject == "i" else subject


def _affirmed(clause: Clause, place: int) -> tuple[int, int, str] | None:
    """A negated sentence without its `not`; None where what is left would make no sense."""
    word = clause.word(place)
    last = place + (clause.word(place + 1) == "not")
    after = clause.word(last + 1)
    rest = clause.words[last + 1 :]
    if not after or after in QUALIFYING or POLAR & set(rest) or _negations(clause) > 1:
        return None
    bare = IRREGULAR.get(word, word.removesuffix("n't"))
    if bare in DO:
        verb = _inflected(bare, after)
        return (place, last + 1, verb) if verb else None
    if place == 0 and not is_short(word):
        return None
    if bare in HAVE and after not in verbs().participles:
        return None
    short = f"{_subject(bare.partition(chr(39))[0])}'{bare.partition(chr(39))[2]}" if is_short(bare) else bare
    return place, last, short


def _negations(clause: Clause) -> int:
    return sum(word in {"not", "cannot"} or word.endswith("n't") for word in clause.words)


def _inflected(auxiliary: str, base: str) -> str:
    """The form of a verb that says the same without `do`, `does` or `did`; nothing where we do not know it."""
    if auxiliary == "do":
        return base if base in verbs().past or base == "be" else ""
    if base not in verbs().past or base == "be":
        return ""
    return third_person(base) if auxiliary == "does" else verbs().past[base]


def _with_do(clause: Clause) -> tuple[int, int, str] | None:
    """The same for a sentence without an auxiliary: works as does not work."""
    subject = next((place for place, word in enumerate(clause.words[:4]) if word in SUBJECTS - {"there"}), None)
    if subject is None or not _supported(clause.word(subject), clause.word(clause.behind_adverbs(subject))):
        return _with_noun(clause)
    verb = clause.behind_adverbs(subject)
    new = _supported(clause.word(subject), clause.word(verb))
    if not new or not clause.opens(subject) or clause.has_other_verb(verb):
        return None
    auxiliary, base = new
    between = " ".join(clause.words[subject + 1 : verb])
    return subject + 1, verb, " ".join(part for part in (auxiliary, "not", between, base) if part)


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


def _with_noun(clause: Clause) -> tuple[int, int, str] | None:
    """`The sound works` as `the sound does not work`: a noun behind a determiner, and a verb that is hardly a noun."""
    if clause.word(0) not in DETERMINERS | {"this", "that"}:
        return None
    verb = next((place for place in (2, 3) if clause.word(place) in SEEMING), None)
    if verb is None or clause.word(verb + 1) in {"", "of", "and", "or", "for"} or clause.has_other_verb(verb):
        return None
    return verb, verb, f"does not {verbs().bases[clause.word(verb)]}"
