"""Searching: which candidates look worst on one half of the rows, so that the other half can confirm them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_fairness.candidates import Candidate, has_room

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]

CROSSED = 40  # candidates, those that look worst, of which every two are crossed
CARRIED = 20  # candidates that are tried on the other half
LOOKS_WEAK = 1.645  # standard errors: one chance in twenty
SAME = 0.8  # of the rows of two candidates, from which they are one finding


@dataclass(frozen=True)
class Search:
    """The candidates to be confirmed, those that look worst first, and how many were tried for them."""

    carried: Sequence[Candidate]
    tried: int
    alike: int  # left out, as a worse one has nearly the same rows
    beyond: int  # left out, as CARRIED were found before


def search(candidates: Sequence[Candidate], right: Bools, half: Bools, min_rows: int) -> Search:
    """The candidates whose score on one half of the rows is lower than elsewhere by more than chance easily makes it.

    Every two of those that look worst are tried together as well, and found only where they look worse than either.
    """
    singles = [(evidence(each.rows[half], right[half]), each) for each in candidates]
    worst = sorted(singles, key=_rank)[:CROSSED]
    crosses = [
        (evidence(cross.rows[half], right[half]), cross, max(one, two))
        for place, (one, first) in enumerate(worst)
        for two, second in worst[place + 1 :]
        if (cross := _cross(first, second)) and has_room(cross.rows, half, min_rows)
    ]
    weak = [*singles, *((found, cross) for found, cross, parents in crosses if found > parents)]
    weak = sorted((pair for pair in weak if pair[0] > LOOKS_WEAK), key=_rank)
    carried: list[Candidate] = []
    same = beyond = 0
    for _, each in weak:
        if any(_alike(each, other) for other in carried):
            same += 1
        elif len(carried) == CARRIED:
            beyond += 1
        else:
            carried.append(each)
    return Search(carried, len(singles) + len(crosses), same, beyond)


def evidence(inside: Bools, right: Bools) -> float:
    """How many standard errors the share of right answers inside lies below that outside (pooled; 0 where it cannot)."""
    n, rows = np.count_nonzero(inside), len(right)
    share = np.count_nonzero(right) / rows
    error = np.sqrt(share * (1 - share) * (1 / n + 1 / (rows - n)))
    low, high = np.count_nonzero(right & inside) / n, np.count_nonzero(right & ~inside) / (rows - n)
    return float((high - low) / error) if error else 0.0


def _rank(pair: tuple[float, Candidate]) -> tuple[float, int, str]:
    found, candidate = pair
    return -found, len(candidate.of), candidate.name


def _cross(first: Candidate, second: Candidate) -> Candidate | None:
    """The rows of both; nothing where they are two values of one thing."""
    if first.of == second.of and not first.of[0].endswith(" word"):
        return None
    name = " and ".join(sorted([first.name, second.name]))
    return Candidate(name, first.of + second.of, first.rows & second.rows)


def _alike(one: Candidate, other: Candidate) -> bool:
    both = np.count_nonzero(one.rows & other.rows)
    return bool(both >= SAME * np.count_nonzero(one.rows | other.rows))
