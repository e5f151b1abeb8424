"""Spaces too many."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mqa_robustness.places import Rate, change_places, each_text

if TYPE_CHECKING:
    import numpy as np

    from mqa_registry import Example

GAP = re.compile(r"(?<=\S)(\s+)(?=\S)")


def extra_space(example: Example, rng: np.random.Generator, *, rate: Rate = 0.1) -> dict[str, Any]:
    """One space more in a share of the gaps between words.

    `rate` is the share of the gaps, which are all runs of white space but those at the ends of the text.
    """
    return each_text(example, lambda text: change_places(GAP.split(text), rng, rate, fits=bool, change=_widened))


def _widened(gap: str, _draw: float) -> str:
    return f"{gap} "
