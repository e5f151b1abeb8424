"""Groups of rows by a number of each: ranges with given edges, or equally large parts of the data."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

DEFAULT_PARTS = 4


def group_by_number(
    numbers: Sequence[float] | npt.NDArray[np.floating], name: str, edges: Sequence[float] | None, n_bins: int | None
) -> list[str | None]:
    """The group of each row, as a slice gives it; None where the number is NaN.

    With `edges` groups are ranges, such as `length 1 to 2`, each with its lower edge; without, they are `n_bins` equally
    large parts of the data, or 4, such as `length 1/4 (0.3 to 0.8)`. Equal numbers are in one part, so that parts differ in
    size where many are equal. A UsageError where both are given, or edges do not rise.
    """
    if edges is not None and n_bins is not None:
        raise UsageError("`edges` and `n_bins` both say what the groups are", hint="give one of them")
    values = np.asarray(numbers, np.float64)
    return _name_parts(values, name, n_bins or DEFAULT_PARTS) if edges is None else _name_ranges(values, name, edges)


def _name_ranges(numbers: npt.NDArray[np.float64], name: str, edges: Sequence[float]) -> list[str | None]:
    if not edges or any(low >= high for low, high in pairwise(edges)):
        raise UsageError(f"`edges` must rise, and is {list(edges)}", hint="for example `[0.3, 0.7]`")
    texts = [f"{edge:.6g}" for edge in edges]
    between = [f"{name} {low} to {high}" for low, high in pairwise(texts)]
    names = [f"{name} under {texts[0]}", *between, f"{name} {texts[-1]} and over"]
    return [None if np.isnan(number) else names[bisect_right(edges, number)] for number in numbers.tolist()]


def _name_parts(numbers: npt.NDArray[np.float64], name: str, n_bins: int) -> list[str | None]:
    is_known = np.isfinite(numbers)
    known = numbers[is_known]
    groups: list[str | None] = [None] * len(numbers)
    if not len(known):
        return groups
    edges = np.quantile(known, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
    parts = np.searchsorted(edges, known, side="left")
    ends = {part: (known[parts == part].min(), known[parts == part].max()) for part in np.unique(parts).tolist()}
    for row, part in zip(np.flatnonzero(is_known).tolist(), parts.tolist(), strict=True):
        low, high = ends[part]
        groups[row] = f"{name} {part + 1}/{n_bins} ({low:.4g} to {high:.4g})"
    return groups
