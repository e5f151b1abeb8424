"""Groups of rows by a vector of each: clusters of rows that are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_registry.stats.k_means import k_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats: TypeAlias = npt.NDArray[np.floating]
    Positions: TypeAlias = npt.NDArray[np.int64]

MAX_NEAREST = 3  # ids that a group is named by
MAX_ID = 24  # characters of an id in a name


@dataclass(frozen=True)
class Trait:
    """A number of each row that a person sees, and the words for rows where it is small, and where it is large."""

    low: str
    high: str
    numbers: Sequence[float]


def group_by_vector(
    vectors: Sequence[Floats | None],
    n_clusters: int,
    *,
    traits: Sequence[Trait] = (),
    ids: Sequence[object] | None = None,
) -> list[str | None]:
    """The group of each row, as a slice gives it: its cluster by k-means; None where it has no vector.

    The vectors are finite and of one length. Groups are numbered from the largest on: `cluster 3 of 8`. There are fewer
    than `n_clusters` where fewer vectors differ.

    A name says what is in the group. `traits`, with a number for each row, give words: `cluster 3 of 8: dark, low contrast`
    has a median brightness in the lowest quarter of all rows, and a contrast, too. Where a group stands out in none, it is
    named by the one that it is farthest from the middle in: `cluster 1 of 8: rather dark`. `ids` give the rows nearest to
    the centre: `cluster 3 of 8: like r17, r4, r9`.
    """
    groups: list[str | None] = [None] * len(vectors)
    known = np.array([row for row, vector in enumerate(vectors) if vector is not None], dtype=np.int64)
    if not len(known):
        return groups
    found = k_means(np.stack([vector for vector in vectors if vector is not None]), n_clusters)
    for number in range(found.n_clusters):
        inside = found.clusters == number
        rows = known[inside]
        words = [*_find_words(traits, rows, known), *_find_nearest(ids, rows, found.distances[inside])]
        name = f"cluster {number + 1} of {found.n_clusters}" + (f": {', '.join(words)}" if words else "")
        for row in rows.tolist():
            groups[row] = name
    return groups


def _find_words(traits: Sequence[Trait], rows: Positions, known: Positions) -> list[str]:
    """The words for the traits by which some rows stand out from all that are known, or for the one that does most."""
    places = [_find_place(np.asarray(trait.numbers, np.float64), rows, known) for trait in traits]
    words = [
        trait.low if place < 0.5 else trait.high
        for trait, place in zip(traits, places, strict=True)
        if abs(place - 0.5) > 0.25
    ]
    if words or not traits:
        return words
    place, trait = max(zip(places, traits, strict=True), key=lambda each: abs(each[0] - 0.5))
    return [f"rather {trait.low if place < 0.5 else trait.high}"] if place != 0.5 else []


def _find_place(numbers: Floats, rows: Positions, known: Positions) -> float:
    """Where the median of some rows is among the numbers of all that are known: the share below it, equal ones by half."""
    median = np.median(numbers[rows])
    return float(((numbers[known] < median).mean() + (numbers[known] <= median).mean()) / 2)


def _find_nearest(ids: Sequence[object] | None, rows: Positions, distances: npt.NDArray[np.float64]) -> list[str]:
    """The ids of the rows nearest to the centre, in the order of the ids where they are equally near."""
    if ids is None:
        return []
    nearest = sorted(zip(distances.tolist(), (str(ids[row]) for row in rows.tolist()), strict=True))[:MAX_NEAREST]
    names = [name if len(name) <= MAX_ID else f"{name[:MAX_ID]}…" for _, name in nearest]
    return [f"like {names[0]}", *names[1:]]
