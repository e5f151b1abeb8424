"""Negation: a sentence made to say the opposite, with a `not` added or taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mqa_robustness.grammar import (
    DETERMINERS,
    MODAL_NOUNS,
    PRONOUNS,
    QUALIFIERS,
    SUBJECTS,
    inflect_third_person,
    is_contracted_subject,
    is_negation,
    parse_clause,
    read_verbs,
)
from mqa_robustness.lexicon import match_case, normalize

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.grammar import Clause

DO = {"do": "do not", "does": "does not", "did": "did not"}
HAVE = {"have": "do not have", "has": "does not have", "had": "did not have"}
IRREGULAR = {"can't": "can", "cannot": "can", "won't": "will", "shan't": "shall"}
POLARITY_ITEMS = {  # not left behind where `not` goes
    "any", "anybody", "anymore", "anyone", "anything", "anyway", "anywhere", "either", "ever", "much", "yet",
}  # fmt: skip
THIRD_PERSON_VERBS = {  # that are hardly ever nouns behind a noun
    "comes", "delivers", "feels", "gives", "lacks", "looks", "makes", "needs", "offers", "provides", "rocks", "seems",
    "smells", "sounds", "sucks", "takes", "tastes", "works",
}  # fmt: skip


class Replacement(NamedTuple):
    """The words of a clause from one index to another, that included, and what stands there instead."""

    first: int
    last: int
    words: str


def negation(example: Example, rng: np.random.Generator) -> dict[str, list[Edit]] | None:
    """The sentence negated, so that the target changes: is good as is not good, works as does not work.

    Where it has one `not`, that is taken away instead. A row is declined where this cannot be done safely: with several
    sentences or clauses, a question, quantifiers (all, some), words such as `never` and `only`, or a verb that is not
    plainly one. Where a row has several texts, such as a premise and a hypothesis, the last is negated.
    """
    fields = [field for field, text in example.items() if text and text.strip()]
    edits = negate_text(example[fields[-1]]) if fields else None
    if edits is None:
        return None
    return {field: edits if field == fields[-1] else [] for field in example}


def negate_text(text: str) -> list[Edit] | None:
    """The edits that negate a text; None where that is not safe."""
    clause = parse_clause(text)
    if clause is None or sum(map(is_negation, clause.words)) > 1:
        return None
    replacement = _negate_auxiliary(clause) if clause.has_auxiliary else _negate_with_do(clause)
    if replacement is None:
        return None
    first, last, words = replacement
    start, end = clause.spans[first][0], clause.spans[last][1]
    if normalize(text[start:end]) != " ".join(clause.words[first : last + 1]):
        return None  # a mark stands between
    new = "I" + words[1:] if text[start:].startswith(("I ", "I'", "I\u2019")) else words
    new = match_case(text[start:end], new)
    return [(start, end, new.replace("'", "\u2019") if "\u2019" in text else new)]


def _negate_auxiliary(clause: Clause) -> Replacement | None:
    """The auxiliary with a `not` behind it, or without the one that it has."""
    verb = clause.verb
    if verb is None or (verb and not _is_main_verb(clause, verb)):
        return None
    word, after = clause.word(verb), clause.word(verb + 1)
    if is_negation(word) or after == "not":
        return _remove_negation(clause, verb)
    contracted = is_contracted_subject(word)
    if any(map(is_negation, clause.words)) or not after or after in QUALIFIERS or (verb == 0 and not contracted):
        return None
    new = _negate_contracted(word, after) if contracted else _negate_full(word, after)
    return Replacement(verb, verb, new) if new else None


def _is_main_verb(clause: Clause, index: int) -> bool:
    """Whether a verb is the sentence's: no noun, none of a second clause, and behind no adverb that qualifies it."""
    word, before = clause.word(index), clause.word(index - 1)
    if (word in MODAL_NOUNS and before in DETERMINERS) or (word == "am" and before != "i"):
        return False
    if before in {"as", *QUALIFIERS}:
        return False
    subject = index if is_contracted_subject(word) else index - 1
    if (subject == index or before in PRONOUNS) and not clause.starts_at(subject):
        return False
    return clause.word(0) not in read_verbs().past and not clause.has_other_verb(index)


def _negate_full(word: str, after: str) -> str:
    """An auxiliary with `not`, a main verb with `do not`; empty where it could be either."""
    verbs = read_verbs()
    if word in HAVE:
        if after in verbs.participles:
            return f"{word} not"
        return "" if after == "better" or verbs.is_participle(after) else HAVE[word]
    if word in DO:
        return DO[word] if after in verbs.past else f"{DO[word]} do"
    return "cannot" if word == "can" else f"{word} not"


def _negate_contracted(word: str, after: str) -> str:
    """A subject with its verb, and `not`: it's not, I will not; empty where it is not clear which verb."""
    subject, _, verb = word.partition("'")
    if verb == "ll":
        return f"{subject} will not"
    if verb == "d":
        return f"{subject} would not" if after in read_verbs().past else ""
    return "" if verb == "ve" and after not in read_verbs().participles else f"{word} not"


def _remove_negation(clause: Clause, verb: int) -> Replacement | None:
    """The negated verb without its `not`; None where what is left would make no sense."""
    last = verb + (clause.word(verb + 1) == "not")
    after = clause.word(last + 1)
    if not after or after in QUALIFIERS or POLARITY_ITEMS & set(clause.words[last + 1 :]):
        return None
    word = clause.word(verb)
    auxiliary = IRREGULAR.get(word, word.removesuffix("n't"))
    if auxiliary in DO:
        new = _inflect(auxiliary, after)
        return Replacement(verb, last + 1, new) if new else None
    is_question_or_order = verb == 0 and not is_contracted_subject(word)
    is_main_verb = auxiliary in HAVE and after not in read_verbs().participles
    return None if is_question_or_order or is_main_verb else Replacement(verb, last, auxiliary)


def _inflect(auxiliary: str, base: str) -> str:
    """The form of a verb that says the same without `do`, `does` or `did`; empty where the lexicon lacks it."""
    past = read_verbs().past
    if auxiliary == "do":
        return base if base in past or base == "be" else ""
    if base not in past or base == "be":
        return ""
    return inflect_third_person(base) if auxiliary == "does" else past[base]


def _negate_with_do(clause: Clause) -> Replacement | None:
    """A sentence without an auxiliary negated: works as does not work; None where a `not` is left without one."""
    if any(map(is_negation, clause.words)):
        return None
    subject = next((index for index, word in enumerate(clause.words[:4]) if word in SUBJECTS - {"there"}), -1)
    verb = clause.skip_adverbs(subject)
    supported = _add_do_support(clause.word(subject), clause.word(verb))
    if supported is None:
        return _negate_behind_noun(clause)
    if not clause.starts_at(subject) or clause.has_other_verb(verb):
        return None
    auxiliary, base = supported
    adverbs = " ".join(clause.words[subject + 1 : verb])
    return Replacement(subject + 1, verb, " ".join(part for part in (auxiliary, "not", adverbs, base) if part))


def _add_do_support(subject: str, word: str) -> tuple[str, str] | None:
    """The form of `do` that a verb takes, and its base; None where it is no plain verb."""
    verbs = read_verbs()
    base = verbs.bases.get(word, "")
    is_singular = subject in {"he", "she", "it", "this", "that"}
    if is_singular and verbs.third_person.get(base) == word:
        return "does", base
    is_present = word in verbs.past and not is_singular
    is_past = verbs.past.get(base) == word or (word in verbs.past and verbs.past[word] == word)
    if is_present == is_past:
        return None
    return ("do", word) if is_present else ("did", verbs.bases.get(word, word))


def _negate_behind_noun(clause: Clause) -> Replacement | None:
    """`The sound works` as `the sound does not work`: a noun behind a determiner, and a verb that is hardly a noun."""
    if clause.word(0) not in DETERMINERS | {"this", "that"}:
        return None
    verb = next((index for index in (2, 3) if clause.word(index) in THIRD_PERSON_VERBS), None)
    if verb is None or clause.word(verb + 1) in {"", "of", "and", "or", "for"} or clause.has_other_verb(verb):
        return None
    return Replacement(verb, verb, f"does not {read_verbs().bases[clause.word(verb)]}")
