"""Ages exchanged: the young for the old and the other way round."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from mqa_fairness.articles import agreeing
from mqa_fairness.swapping import edits_of, find, split
from mqa_fairness.wordsets import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from mqa_registry import Edit, Example

# An age in digits, with the article before it: a 25-year-old, 71 years old, aged 40.
AGE = re.compile(
    r"\b(?:(?P<article>an?)(?P<gap>\s+))?(?P<age>[1-9]\d)(?=[\s-]+(?:years?|yrs?)[\s-]+olds?\b|-?y/?o\b)"
    r"|(?<=\baged\s)(?P<aged>[1-9]\d)\b",
    re.IGNORECASE,
)
AGES = {"younger": [str(age) for age in range(18, 50)], "older": [str(age) for age in range(50, 100)]}
YOUNGER, OLDER = (20, 36), (60, 86)  # new ages, below the second number


def swap_age(
    example: Example, rng: np.random.Generator, *, to: Literal["younger", "older"] | None = None
) -> dict[str, list[Edit]] | None:
    """Ages of adults exchanged: a young woman for an old one, 25 years old for 71.

    English. Adjectives are exchanged before a word for people, teenagers and pensioners by themselves, and ages in
    digits from 18 on (`25-year-old`, `25 years old`, `aged 25`): below 50 for one from 60 to 85, others for one from 20 to
    35, drawn by chance, the same one for the same age. `to` leaves those alone that are so already. Children stay
    children. A row that speaks of no age is declined.
    """
    new: dict[str, str] = {}
    for kind, other in (("younger", OLDER), ("older", YOUNGER)):
        drawn = rng.integers(*other, size=len(AGES[kind])).tolist()
        if kind != to:
            new |= dict(zip(AGES[kind], map(str, drawn), strict=True))
    edits = {
        field: sorted([*_words(text, to), *_numbers(text, new)]) if text else [] for field, text in example.items()
    }
    return edits if any(edits.values()) else None


def _words(text: str, to: str | None) -> list[Edit]:
    (words,) = shipped("age")
    pieces = split(text)
    found = [
        (place, words.forms[form].words[1 - kind])
        for place, kind, form in find(pieces, words)
        if words.kinds[kind] != to
    ]
    return edits_of(pieces, dict(found))


def _numbers(text: str, ages: dict[str, str]) -> Iterator[Edit]:
    for match in AGE.finditer(text):
        old = match["age"] or match["aged"]
        new = ages.get(old, old)
        article = match["article"]
        if article and agreeing(article, old, new) != article:
            yield *match.span("article"), agreeing(article, old, new)
        if new != old:
            yield *match.span("age" if match["age"] else "aged"), new
