"""Search: which candidates look worst on one half of the rows, so that the other half can confirm them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from mqa_fairness.weak_slices.candidates import CandidateSlice, has_enough_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]

MAX_CROSSED = 40  # candidates, those that look worst, of which every two are crossed
MAX_CONFIRMED = 20  # candidates that are tested on the other half
LOOKS_WEAK = 1.645  # standard errors: one chance in twenty
SAME_ROWS = 0.8  # Jaccard similarity of the rows of two candidates from which they are one finding


@dataclass(frozen=True)
class SearchResult:
    """The candidates to be confirmed, those that look worst first, and how many were tried for them."""

    candidates: Sequence[CandidateSlice]
    tried: int
    near_duplicates: int  # left out, as a worse one has nearly the same rows
    surplus: int  # left out, as MAX_CONFIRMED were found before


def search_weak_slices(
    candidates: Sequence[CandidateSlice], correct: Bools, half: Bools, min_rows: int
) -> SearchResult:
    """The candidates whose accuracy on one half of the rows is lower than elsewhere by more than chance easily makes it.

    Every two of those that look worst are tried together as well, and found only where they look worse than either.
    """
    singles = [(standardized_gap(each.rows[half], correct[half]), each) for each in candidates]
    worst = sorted(singles, key=_rank)[:MAX_CROSSED]
    crosses = [
        (standardized_gap(cross.rows[half], correct[half]), cross, max(one, two))
        for index, (one, first) in enumerate(worst)
        for two, second in worst[index + 1 :]
        if (cross := _cross(first, second)) and has_enough_rows(cross.rows, half, min_rows)
    ]
    weak = [*singles, *((gap, cross) for gap, cross, parents in crosses if gap > parents)]
    weak = sorted((pair for pair in weak if pair[0] > LOOKS_WEAK), key=_rank)
    found: list[CandidateSlice] = []
    near_duplicates = surplus = 0
    for _, each in weak:
        if any(_has_same_rows(each, other) for other in found):
            near_duplicates += 1
        elif len(found) == MAX_CONFIRMED:
            surplus += 1
        else:
            found.append(each)
    return SearchResult(found, len(singles) + len(crosses), near_duplicates, surplus)


def standardized_gap(inside: Bools, correct: Bools) -> float:
    """By how many pooled standard errors the accuracy inside a slice lies below that outside; 0 where there is none."""
    n, rows = np.count_nonzero(inside), len(correct)
    share = np.count_nonzero(correct) / rows
    error = np.sqrt(share * (1 - share) * (1 / n + 1 / (rows - n)))
    low, high = np.count_nonzero(correct & inside) / n, np.count_nonzero(correct & ~inside) / (rows - n)
    return float((high - low) / error) if error else 0.0


def _rank(pair: tuple[float, CandidateSlice]) -> tuple[float, int, str]:
    gap, candidate = pair
    return -gap, len(candidate.sources), candidate.name


def _cross(first: CandidateSlice, second: CandidateSlice) -> CandidateSlice | None:
    """The rows of both; None where they are two values of one source."""
    if first.sources == second.sources and not first.sources[0].endswith(" word"):
        return None
    name = " and ".join(sorted([first.name, second.name]))
    return CandidateSlice(name, first.sources + second.sources, first.rows & second.rows)


def _has_same_rows(one: CandidateSlice, other: CandidateSlice) -> bool:
    both = np.count_nonzero(one.rows & other.rows)
    return bool(both >= SAME_ROWS * np.count_nonzero(one.rows | other.rows))
