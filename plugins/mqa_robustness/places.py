"""Places in a text: which of them change at a rate, and by what draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from annotated_types import Gt, Le

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from mqa_registry import Example

Rate: TypeAlias = Annotated[float, Gt(0), Le(1)]


def each_text(example: Example, change: Callable[[str], str]) -> dict[str, Any]:
    """The example with every text changed; a field without a value stays so."""
    return {field: change(text) if text else text for field, text in example.items()}


def change_places(
    pieces: list[str],
    rng: np.random.Generator,
    rate: float,
    *,
    fits: Callable[[str], bool],
    change: Callable[[str, float], str],
) -> str:
    """A text with a share of its places changed, of those that `fits` takes.

    `pieces` is the text in turns: what stands between places, a place, and so on, as `re.split` gives it. `change`
    takes a place and a number drawn from [0, 1) for it, and makes it another. What is drawn depends on the text alone,
    not on the rate: the places are put into an order by chance, and a rate changes the first of them.
    """
    fitting = [piece for piece in range(1, len(pieces), 2) if fits(pieces[piece])]
    several = len(fitting)
    draws = rng.random(2 * several + 1).tolist()
    count = int(rate * several + draws[-1])  # rounded up or down by chance
    for place in sorted(range(several), key=draws.__getitem__)[:count]:
        pieces[fitting[place]] = change(pieces[fitting[place]], draws[several + place])
    return "".join(pieces)


def pick(draw: float, choices: int) -> tuple[int, float]:
    """One of so many choices by a draw from [0, 1), and what is left of the draw for the next choice."""
    scaled = draw * choices
    chosen = min(int(scaled), choices - 1)
    return chosen, scaled - chosen
