"""Places in a text: which of them change at a rate, and by what draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from mqa_registry import Edit, Example

Place: TypeAlias = tuple[int, int]  # from, to


def each_text(example: Example, edits: Callable[[str], list[Edit]]) -> dict[str, list[Edit]]:
    """The edits of every text; one that is empty or missing has none."""
    return {field: edits(text) if text else [] for field, text in example.items()}


def edit_places(
    text: str, places: Sequence[Place], rng: np.random.Generator, rate: float, change: Callable[[str, float], str]
) -> list[Edit]:
    """The edits of a share of some places: `change` takes what stands there and a number drawn from [0, 1) for it."""
    return [(start, end, change(text[start:end], draw)) for start, end, draw in drawn(places, rng, rate)]


def drawn(places: Sequence[Place], rng: np.random.Generator, rate: float) -> Iterator[tuple[int, int, float]]:
    """A share of some places in their order, each with a number from [0, 1) that says how it changes.

    What is drawn depends on how many places there are, not on the rate: they are put into an order by chance, and a
    rate takes the first of them. So a higher rate takes the same places with the same numbers, and more.
    """
    several = len(places)
    draws = rng.random(2 * several + 1).tolist()
    count = int(rate * several + draws[-1])  # rounded up or down by chance
    for place in sorted(sorted(range(several), key=draws.__getitem__)[:count]):
        yield *places[place], draws[several + place]


def pick(draw: float, choices: int) -> tuple[int, float]:
    """One of so many choices by a draw from [0, 1), and what is left of the draw for the next choice."""
    scaled = draw * choices
    chosen = min(int(scaled), choices - 1)
    return chosen, scaled - chosen
