"""Contractions: do not as don't, and back."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from mqa_robustness.candidates import edits_of
from mqa_robustness.lexicon import to_left, to_right
from mqa_robustness.phrases import Phrases, as_written, phrases, plain
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of
from mqa_robustness.verbs import verbs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.candidates import Candidate

NEXT = re.compile(r"[ \t]+([^\W\d_]+(?:['\u2019][^\W\d_]+)?)")
LAST = re.compile(r"([^\W\d_]+)[ \t]+$")
ADVERBS = {
    "actually", "all", "almost", "already", "also", "always", "both", "clearly", "ever", "even", "finally", "just", "long",
    "never", "not", "now", "often", "only", "probably", "rarely", "really", "recently", "simply", "since", "still",
}  # fmt: skip
HAS = ("I", "you", "he", "she", "it", "we", "they", "that", "there", "who")
HE = ("he", "she", "it", "that", "there", "who")
ASKING = ("what", "where", "when", "why", "how")
IS = (*HE, "here", *ASKING)
ENDS_A_CLAUSE = {"and", "or", "but", "that"}  # `as it is and was` keeps its `is`
COMPARES = {"as", "than"}  # `better than I am` keeps its `am`
TOGETHER = {"be", "face", "get", "hope", "look", "not", "say", "see", "start", "take", "talk", "try"}
SURELY_HAS = {"been", "become", "got", "gotten", "had"}
ASKS = re.compile(r"(?:^|[.!?,;:\u2014(\"\u201c]|\b(?:why|how|where|when|who|what))\s*$", re.IGNORECASE)
ASKED = re.compile(r"[^.!?]{0,300}\?")
SUBJECT = re.compile(r"[ \t]+(I|you|he|she|it|we|they|there)\b(?!['\u2019])", re.IGNORECASE)


def contractions(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Full forms contracted: do not as don't, it is as it's, they have seen as they've seen.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the places that can be contracted; left out,
    all of them. A verb that stands at the end (`as good as it is`), and `have` that is no auxiliary (`they have
    money`), keep their form. The apostrophe is the one that the text has.
    """
    return edits_of(example, rng, rate_of(severity, rate, FIFTHS), contracted)


def expansions(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Contractions written in full: don't as do not, she'd gone as she had gone.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the contractions, in some 250 forms, dont
    and goin' among them; left out, all of them. What follows tells whether 's is `is` or `has`, and 'd is `had` or
    `would`; where it does not, and for ain't, the contraction stays. In a question the subject comes first: `don't you
    know?` becomes `do you not know?`.
    """
    return edits_of(example, rng, rate_of(severity, rate, FIFTHS), expanded)


def contracted(text: str) -> list[Candidate]:
    """Every place of a text that can be contracted, and how."""
    return [place for place in _contractions().found(text) if _may_contract(text, *place[:2])]


def expanded(text: str) -> list[Candidate]:
    """Every contraction of a text whose meaning is clear, and what it stands for."""
    return [place for found in _expansions().found(text) for place in _read(text, *found)]


@cache
def _contractions() -> Phrases:
    has = [(f"{subject} has", f"{subject}'s") for subject in HE]
    had = [(f"{subject} {verb}", f"{subject}'d") for subject in HAS for verb in ("had", "would")]
    return phrases([*to_right("contractions"), *has, *had])


@cache
def _expansions() -> Phrases:
    """Contractions with their full form; what ends in 's or 'd with its subject alone, the verb to be found."""
    unclear = {f"{subject}'s": f"{subject} " for subject in IS}
    unclear |= {f"{subject}'d": f"{subject} " for subject in (*HAS, *ASKING)}
    clear = [(short, full) for short, full in to_left("contractions") if short not in unclear]
    return phrases([*clear, *unclear.items()])


def _may_contract(text: str, start: int, end: int) -> bool:
    """Whether a phrase may be contracted where it stands."""
    verb = plain(text[start:end]).rpartition(" ")[2]
    follows = NEXT.match(text, end)
    word = follows[1].lower() if follows else ""
    if verb in {"not", "cannot"}:
        return word != "only"
    if verb == "us":
        return word in TOGETHER
    if verb in {"have", "has", "had"}:
        return (verb == "had" and word == "better") or _is_perfect(text, end)
    before = LAST.search(text, max(0, start - 20), start)
    return bool(word) and word not in ENDS_A_CLAUSE and not (before and before[1].lower() in COMPARES)


def _is_perfect(text: str, end: int) -> bool:
    """Whether a participle follows."""
    word = _behind_adverbs(text, end)
    return bool(word) and verbs().is_participle(word)


def _behind_adverbs(text: str, end: int) -> str:
    """The next word but adverbs; nothing where something else comes first."""
    while follows := NEXT.match(text, end):
        if (word := follows[1].lower()) not in ADVERBS:
            return word
        end = follows.end()
    return ""


def _read(text: str, start: int, end: int, choices: tuple[str, ...]) -> Iterator[Candidate]:
    """A contraction with its full form, where it has one; a question's with the subject before `not`."""
    short = plain(text[start:end])
    if short[0] == "'" == plain(text[end : end + 1]):
        return  # in quotes
    if choices[0].endswith(" "):
        verb = _is_or_has(text, end) if short.endswith("s") else _had_or_would(text, end, short)
        if verb:
            yield start, end, (choices[0] + (verb.upper() if text[start:end].isupper() else verb),)
    elif short.endswith("n't") and (subject := _asked(text, start, end)):
        auxiliary = "can" if short == "can't" else plain(choices[0]).partition(" ")[0]
        yield start, subject.end(), (f"{as_written(text[start:end], auxiliary)} {subject[1]} not",)
    else:
        yield start, end, choices


def _is_or_has(text: str, end: int) -> str:
    """What 's stands for; nothing where a participle could follow either."""
    word = _behind_adverbs(text, end)
    if word in SURELY_HAS:
        return "has"
    return "" if verbs().is_participle(word) else "is"


def _had_or_would(text: str, end: int, short: str) -> str:
    """What 'd stands for; nothing where that is not clear."""
    word = _behind_adverbs(text, end)
    if short[:-2] in ASKING:
        return "did" if SUBJECT.match(text, end) else ""
    base, participle = word in verbs().past, verbs().is_participle(word)
    if word == "better" or (participle and not base):
        return "had"
    return "would" if word in {"rather", "like"} or (base and not participle) else ""


def _asked(text: str, start: int, end: int) -> re.Match[str] | None:
    """The subject behind a verb that opens a question."""
    subject = SUBJECT.match(text, end)
    opens = subject and ASKED.match(text, end) and ASKS.search(text, max(0, start - 12), start)
    return subject if opens else None
