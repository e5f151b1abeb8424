"""Words for words: contractions and back, other spellings, homophones, abbreviations, slang."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from mqa_robustness.grammar import read_verbs
from mqa_robustness.lexicon import (
    PhraseTable,
    make_phrase_table,
    match_case,
    normalize,
    read_left_to_right,
    read_lines,
    read_right_to_left,
)
from mqa_robustness.spans import LINEAR, Rate, Severity, edit_candidates, resolve_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.spans import Candidate

NEXT_WORD = re.compile(r"[ \t]+([^\W\d_]+(?:['\u2019][^\W\d_]+)?)")
LAST_WORD = re.compile(r"([^\W\d_]+)[ \t]+$")
ADVERBS = {
    "actually", "all", "almost", "already", "also", "always", "both", "clearly", "ever", "even", "finally", "just", "long",
    "never", "not", "now", "often", "only", "probably", "rarely", "really", "recently", "simply", "since", "still",
}  # fmt: skip
SUBJECTS = ("I", "you", "he", "she", "it", "we", "they", "that", "there", "who")
SINGULAR_SUBJECTS = ("he", "she", "it", "that", "there", "who")
QUESTION_WORDS = ("what", "where", "when", "why", "how")
CLAUSE_ENDS = {"and", "or", "but", "that"}  # `as it is and was` keeps its `is`
COMPARATIVES = {"as", "than"}  # `better than I am` keeps its `am`
LETS_VERBS = {"be", "face", "get", "hope", "look", "not", "say", "see", "start", "take", "talk", "try"}
PERFECT_PARTICIPLES = {"been", "become", "got", "gotten", "had"}  # that follow `has` and hardly ever `is`
QUESTION_START = re.compile(r"(?:^|[.!?,;:\u2014(\"\u201c]|\b(?:why|how|where|when|who|what))\s*$", re.IGNORECASE)
QUESTION_REST = re.compile(r"[^.!?]{0,300}\?")
SUBJECT = re.compile(r"[ \t]+(I|you|he|she|it|we|they|there)\b(?!['\u2019])", re.IGNORECASE)


def contractions(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Full forms contracted: do not as don't, it is as it's, they have seen as they've seen.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the phrases that can be contracted; left
    out, all of them. A verb that stands at the end (`as good as it is`), and `have` that is no auxiliary (`they have
    money`), keep their form. The apostrophe is the one that the text has.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), find_contractible)


def expansions(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Contractions written in full: don't as do not, she'd gone as she had gone.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the contractions, in some 250 forms, dont
    and goin' among them; left out, all of them. What follows tells whether 's is `is` or `has`, and 'd is `had` or
    `would`; where it does not, and for ain't, the contraction stays. In a question the subject comes first: `don't you
    know?` becomes `do you not know?`.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), find_contractions)


def homophones(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words replaced by others that sound the same, as speech recognition does: their, there, they're.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that have a homophone, in some 670
    sets of American English; left out, all of them. All homophones of a word are equally likely.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _homophone_table().find)


def british_spelling(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """American spellings made British: colour, centre, travelled, organise.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that are spelt otherwise in
    Britain, of some 1800; left out, all of them. A word that would have to be understood first (program, check, tire)
    stays.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _british_table().find)


def american_spelling(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """British spellings made American: color, center, traveled, organize.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words that are spelled otherwise in
    America, of some 1800; left out, all of them.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _american_table().find)


def abbreviations(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Words and phrases shortened as in messages and notes: tbh, thx, u, approx.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words and phrases that have a short
    form, of some 300; left out, all of them. Where there are several, they are equally likely.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _abbreviation_table().find)


def slang(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Plain words made informal, as good or as bad as they were: flick, buddy, gonna, awesome.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the words and phrases that have an informal
    form, of some 230; left out, all of them. Where there are several, they are equally likely.
    """
    return edit_candidates(example, rng, resolve_rate(severity, rate, LINEAR), _slang_table().find)


def find_contractible(text: str) -> list[Candidate]:
    """Every phrase of a text that can be contracted, and how."""
    return [found for found in _contraction_table().find(text) if _may_contract(text, *found[:2])]


def find_contractions(text: str) -> list[Candidate]:
    """Every contraction of a text whose meaning is clear, and what it stands for."""
    return [full for found in _expansion_table().find(text) for full in _expand(text, *found)]


@cache
def _contraction_table() -> PhraseTable:
    has = [(f"{subject} has", f"{subject}'s") for subject in SINGULAR_SUBJECTS]
    had = [(f"{subject} {verb}", f"{subject}'d") for subject in SUBJECTS for verb in ("had", "would")]
    return make_phrase_table([*read_left_to_right("contractions"), *has, *had])


@cache
def _expansion_table() -> PhraseTable:
    """Contractions with their full form; what ends in 's or 'd with its subject alone, the verb to be found."""
    ambiguous = {f"{subject}'s": f"{subject} " for subject in (*SINGULAR_SUBJECTS, "here", *QUESTION_WORDS)}
    ambiguous |= {f"{subject}'d": f"{subject} " for subject in (*SUBJECTS, *QUESTION_WORDS)}
    clear = [(short, full) for short, full in read_right_to_left("contractions") if short not in ambiguous]
    return make_phrase_table([*clear, *ambiguous.items()])


@cache
def _homophone_table() -> PhraseTable:
    groups = [line.split() for line in read_lines("homophones")]
    return make_phrase_table((word, other) for words in groups for word in words for other in words if other != word)


@cache
def _british_table() -> PhraseTable:
    return make_phrase_table(read_left_to_right("spelling"), loose=True)


@cache
def _american_table() -> PhraseTable:
    return make_phrase_table(read_right_to_left("spelling"), loose=True)


@cache
def _abbreviation_table() -> PhraseTable:
    return make_phrase_table(read_left_to_right("abbreviations"))


@cache
def _slang_table() -> PhraseTable:
    return make_phrase_table(read_left_to_right("slang"))


SUBSTITUTIONS: Mapping[str, Callable[[str], Sequence[Candidate]]] = {  # by the name of the perturbation
    "contractions": find_contractible,
    "expansions": find_contractions,
    "homophones": lambda text: _homophone_table().find(text),
    "british-spelling": lambda text: _british_table().find(text),
    "american-spelling": lambda text: _american_table().find(text),
    "abbreviations": lambda text: _abbreviation_table().find(text),
    "slang": lambda text: _slang_table().find(text),
}


def _may_contract(text: str, start: int, end: int) -> bool:
    """Whether a phrase may be contracted where it stands."""
    verb = normalize(text[start:end]).rpartition(" ")[2]
    following = NEXT_WORD.match(text, end)
    word = following[1].lower() if following else ""
    if verb in {"not", "cannot"}:
        return word != "only"
    if verb == "us":
        return word in LETS_VERBS
    if verb in {"have", "has", "had"}:
        if verb == "had" and word == "better":
            return True
        participle = _find_next_verb(text, end)
        return bool(participle) and read_verbs().is_participle(participle)
    before = LAST_WORD.search(text, max(0, start - 20), start)
    return bool(word) and word not in CLAUSE_ENDS and not (before and before[1].lower() in COMPARATIVES)


def _find_next_verb(text: str, end: int) -> str:
    """The next word that is no adverb; empty where something else comes first."""
    while following := NEXT_WORD.match(text, end):
        if (word := following[1].lower()) not in ADVERBS:
            return word
        end = following.end()
    return ""


def _expand(text: str, start: int, end: int, choices: tuple[str, ...]) -> Iterator[Candidate]:
    """A contraction with its full form, where it has one; a question's with the subject before `not`."""
    short = normalize(text[start:end])
    if short[0] == "'" == normalize(text[end : end + 1]):
        return  # in quotes
    if choices[0].endswith(" "):
        verb = _is_or_has(text, end) if short.endswith("s") else _had_or_would(text, end, short)
        if verb:
            yield start, end, (choices[0] + (verb.upper() if text[start:end].isupper() else verb),)
    elif short.endswith("n't") and (subject := _match_question_subject(text, start, end)):
        auxiliary = "can" if short == "can't" else normalize(choices[0]).partition(" ")[0]
        yield start, subject.end(), (f"{match_case(text[start:end], auxiliary)} {subject[1]} not",)
    else:
        yield start, end, choices


def _is_or_has(text: str, end: int) -> str:
    """What 's stands for; empty where a participle could follow either."""
    word = _find_next_verb(text, end)
    if word in PERFECT_PARTICIPLES:
        return "has"
    return "" if read_verbs().is_participle(word) else "is"


def _had_or_would(text: str, end: int, short: str) -> str:
    """What 'd stands for; empty where that is not clear."""
    word = _find_next_verb(text, end)
    if short[:-2] in QUESTION_WORDS:
        return "did" if SUBJECT.match(text, end) else ""
    is_base, is_participle = word in read_verbs().past, read_verbs().is_participle(word)
    if word == "better" or (is_participle and not is_base):
        return "had"
    return "would" if word in {"rather", "like"} or (is_base and not is_participle) else ""


def _match_question_subject(text: str, start: int, end: int) -> re.Match[str] | None:
    """The subject behind a verb that opens a question."""
    subject = SUBJECT.match(text, end)
    opens = subject and QUESTION_REST.match(text, end) and QUESTION_START.search(text, max(0, start - 12), start)
    return subject if opens else None
