"""Groups: which rows of a data set a slice puts where."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from mqa_registry.data import Rows
    from mqa_registry.suite import Use


def groups_of(rows: Rows, by: Use) -> dict[str, npt.NDArray[np.bool_]]:
    """Per group, in the order of their names, which undisturbed rows are in it; a row may be in several, or in none."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(rows.whole()):
        names = by.call(example)
        for name in [names] if isinstance(names, str) else names or ():
            members[name].append(place)
    masks = {}
    for name in sorted(members):
        masks[name] = np.zeros(len(rows), dtype=bool)
        masks[name][members[name]] = True
    return masks
