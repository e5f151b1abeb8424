"""Groups: which rows of a data set a slice puts where."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mqa_registry.data import Rows
    from mqa_registry.judging.sample import Positions, Sample
    from mqa_registry.suite import Use


def groups_of(rows: Rows, by: Use) -> dict[str, Positions]:
    """Per group, in the order of their names, the undisturbed rows in it; a row may be in several, or in none."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(rows.whole()):
        names = by.call(example)
        for name in dict.fromkeys([names] if isinstance(names, str) else names or ()):
            members[name].append(place)
    return {name: np.array(members[name], dtype=np.int64) for name in sorted(members)}


def within(sample: Sample, groups: Mapping[str, Positions]) -> dict[str, Positions]:
    """Per group of a data set, which rows of a sample of it are in the group."""
    size = 1 + max((int(places[-1]) for places in groups.values()), default=-1)
    position = np.full(max(size, 1 + int(sample.places.max(initial=-1))), -1)
    position[sample.places] = np.arange(len(sample))
    found = {name: position[places] for name, places in groups.items()}
    return {name: positions[positions >= 0] for name, positions in found.items()}
