"""Accents lost on the way through plain ASCII."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from mqa_robustness.places import each_text, edit_places
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example
    from mqa_robustness.places import Place

LETTER = re.compile(r"[^\W\d_][\u0300-\u036f]*")  # with the combining diacritical marks behind it


def strip_accents(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """Every accent on a Latin or Greek letter removed: `na\u00efve` becomes `naive`.

    An accent is a mark that Unicode's canonical decomposition (NFD) parts from its letter, so that \u00f8 and \u00df
    stay. So do the letters of other scripts, which the marks make others: \u0439 is no \u0438. `severity` is a rate of
    0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the letters with an accent; left out, all of them.
    """
    share = rate_of(severity, rate, FIFTHS)
    return each_text(
        example, lambda text: edit_places(text, accented_in(text), rng, share, lambda letter, _: bare(letter))
    )


def accented_in(text: str) -> list[Place]:
    """Where the letters with an accent are."""
    if text.isascii():
        return []
    return [found.span() for found in LETTER.finditer(text) if bare(found.group()) != found.group()]


@lru_cache(maxsize=4096)
def bare(letter: str) -> str:
    """The letter without its accents."""
    apart = unicodedata.normalize("NFD", letter)
    base, marks = apart[0], apart[1:]
    if not marks or not unicodedata.name(base, "").startswith(("LATIN", "GREEK")):
        return letter
    return unicodedata.normalize(
        "NFC", "".join((base, *(mark for mark in marks if unicodedata.category(mark) != "Mn")))
    )
