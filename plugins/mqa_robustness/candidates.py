"""Candidates: places of a text with all that may stand there instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mqa_robustness.places import drawn, each_text, pick

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from mqa_registry import Edit, Example

Candidate: TypeAlias = tuple[int, int, tuple[str, ...]]  # from, to, and the replacements


def edits_of(
    example: Example, rng: np.random.Generator, rate: float, find: Callable[[str], Sequence[Candidate]]
) -> dict[str, list[Edit]]:
    """The edits of a share of the candidates that `find` finds in every text; each replacement is as likely."""

    def edits(text: str) -> list[Edit]:
        found = find(text)
        choices = {start: others for start, _, others in found}
        places = [(start, end) for start, end, _ in found]
        return [(start, end, _one_of(choices[start], draw)) for start, end, draw in drawn(places, rng, rate)]

    return each_text(example, edits)


def _one_of(choices: tuple[str, ...], draw: float) -> str:
    return choices[pick(draw, len(choices))[0]]
