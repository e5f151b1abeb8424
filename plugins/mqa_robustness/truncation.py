"""Texts that were cut off."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from mqa_robustness.places import each_text
from mqa_robustness.severity import Rate, Severity, rate_of
from mqa_robustness.words import tokens_in

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Edit, Example


def truncate(
    example: Example,
    rng: np.random.Generator,
    *,
    side: Literal["end", "start"] = "end",
    severity: Severity | None = None,
    rate: Rate | None = None,
) -> dict[str, list[Edit]]:
    """A share of the words cut off at the end.

    At least one word is left. The right answer stays as far as it shows in the rest. `side` is where words are cut off.
    `severity` is a rate of 0.025, 0.05, 0.1, 0.2 or 0.4. `rate` is the share of the words, which are what white space
    parts.
    """
    share = rate_of(severity, rate)

    def edits(text: str) -> list[Edit]:
        words = tokens_in(text)
        count = min(int(share * len(words) + rng.random()), max(len(words) - 1, 0))
        if side == "end":
            return [(before, end, "") for (_, before), (_, end) in pairwise(words[len(words) - count - 1 :])]
        return [(start, after, "") for (start, _), (after, _) in pairwise(words[: count + 1])]

    return each_text(example, edits)
