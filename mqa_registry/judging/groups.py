"""Groups: which rows of a data set a slice puts where."""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np

from mqa_registry.boundary import PER_ROW, group_names, groups_of_rows, repeatedly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mqa_registry.contributions import Slice
    from mqa_registry.data import Predictions, Rows
    from mqa_registry.judging.sample import Positions, Sample
    from mqa_registry.suite import Use


def groups_of(rows: Rows, by: Use) -> dict[str, Positions]:
    """Per group, in the order of their names, the undisturbed rows in it; a row may be in several, or in none."""
    return _members(names_of(rows, by))


def groups_by_answer(predictions: Predictions, by: Use) -> dict[str, Positions]:
    """The same for a slice that sees what a model answered."""
    return _members(groups_of_rows(by.who, by.call(predictions), len(predictions)))


def names_of(rows: Rows, by: Use) -> Iterator[Sequence[str]]:
    """For every undisturbed row the groups it is in."""
    if cast("Slice", by.contribution).sees == "table":
        return groups_of_rows(by.who, by.call(rows.table), len(rows))
    return _one_by_one(rows, by)


def _one_by_one(rows: Rows, by: Use) -> Iterator[Sequence[str]]:
    function = partial(by.contribution.function, **deepcopy(dict(by.options)))
    with repeatedly(by.who, function, seconds=PER_ROW) as call:
        for example in rows.whole():
            yield group_names(call.contributor, call(example))


def sees_answers(by: Use | None) -> bool:
    """Whether the groups are known only once a model has answered."""
    return by is not None and cast("Slice", by.contribution).sees == "predictions"


def within(sample: Sample, groups: Mapping[str, Positions]) -> dict[str, Positions]:
    """Per group of a data set, which rows of a sample of it are in the group."""
    size = 1 + max((int(places[-1]) for places in groups.values()), default=-1)
    position = np.full(max(size, 1 + int(sample.places.max(initial=-1))), -1)
    position[sample.places] = np.arange(len(sample))
    found = {name: position[places] for name, places in groups.items()}
    return {name: positions[positions >= 0] for name, positions in found.items()}


def _members(names: Iterable[Sequence[str]]) -> dict[str, Positions]:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for place, groups in enumerate(names):
        for group in groups:
            members[group].append(place)
    found = {name: np.array(members[name], dtype=np.int64) for name in sorted(members)}
    for positions in found.values():
        positions.flags.writeable = False  # they are handed to metrics
    return found
