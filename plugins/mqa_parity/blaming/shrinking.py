"""The smallest input on which a candidate is still off: the fewest rows, then the fewest positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mqa_parity.blaming.case import still_fails, worst_row

if TYPE_CHECKING:
    from mqa_parity.blaming.case import Case


def smallest(case: Case) -> Case:
    """The same difference on less, found by bisection; the case itself where less does not show it."""
    return _shortest(_fewest_rows(worst_row(case)))


def _fewest_rows(case: Case) -> Case:
    """Half of the rows, as long as one of the halves fails."""
    size = case.size
    places = list(range(size))
    halves = (case.rows(part) for part in (places[: size // 2], places[size // 2 :]) if part)
    failing = next((half for half in halves if still_fails(half)), None) if size > case.least else None
    return case if failing is None else _fewest_rows(failing)


def _shortest(case: Case) -> Case:
    """The fewest of the first positions, where a mask says what positions are."""
    if case.truth.mask not in case.batch:
        return case
    low, high = 1, case.batch[case.truth.mask].shape[1]
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if still_fails(case.columns(middle)) else (middle + 1, high)
    shorter = case.columns(high)
    return shorter if still_fails(shorter) else case
