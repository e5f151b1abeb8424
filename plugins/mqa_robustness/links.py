"""Links and handles, as posts have them.

After the invariance test of Ribeiro, Wu, Guestrin and Singh 2020, "Beyond Accuracy: Behavioral Testing of NLP Models
with CheckList" (https://arxiv.org/abs/2005.04118): a random one is put before or behind the text.
"""

from __future__ import annotations

from string import ascii_letters, digits
from typing import TYPE_CHECKING

from mqa_robustness.places import drawn, each_text, pick
from mqa_robustness.severity import FIFTHS, Rate, Severity, rate_of

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example

SITE = "https://example.com/"  # a name that is nobody's, by RFC 2606
CHARACTERS = ascii_letters + digits
LENGTH = 6


def extra_url(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A link before or behind the text, to a random page.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the texts; left out, all of them.
    """
    return _beside(example, rng, rate_of(severity, rate, FIFTHS), SITE)


def extra_handle(
    example: Example, rng: np.random.Generator, *, severity: Severity | None = None, rate: Rate | None = None
) -> dict[str, list[Edit]]:
    """A random handle such as @Xy7Tt1 before or behind the text.

    `severity` is a rate of 0.2, 0.4, 0.6, 0.8 or 1. `rate` is the share of the texts; left out, all of them.
    """
    return _beside(example, rng, rate_of(severity, rate, FIFTHS), "@")


def _beside(example: Example, rng: np.random.Generator, rate: float, head: str) -> dict[str, list[Edit]]:
    def edits(text: str) -> list[Edit]:
        whole = [(0, len(text.rstrip()))] if text.strip() else []
        return [_put(end, head, draw) for _, end, draw in drawn(whole, rng, rate)]

    return each_text(example, edits)


def _put(end: int, head: str, draw: float) -> Edit:
    """A word before a text or behind its end; the draw decides where, and which."""
    behind, draw = pick(draw, 2)
    word = head
    for _ in range(LENGTH):
        chosen, draw = pick(draw, len(CHARACTERS))
        word += CHARACTERS[chosen]
    return (end, end, f" {word}") if behind else (0, 0, f"{word} ")
