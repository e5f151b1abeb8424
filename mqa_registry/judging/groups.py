"""Groups: which rows of a data set a slice puts where."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mqa_registry.contributions import Slice
    from mqa_registry.data import Predictions, Rows
    from mqa_registry.judging.sample import Positions, Sample
    from mqa_registry.suite import Use

    Answer: TypeAlias = str | Iterable[str] | None  # what a slice says of a row


def groups_of(rows: Rows, by: Use) -> dict[str, Positions]:
    """Per group, in the order of their names, the undisturbed rows in it; a row may be in several, or in none."""
    return _members(names_of(rows, by))


def groups_by_answer(predictions: Predictions, by: Use) -> dict[str, Positions]:
    """The same for a slice that sees what a model answered."""
    return _members(_each(by.call(predictions), len(predictions), by))


def names_of(rows: Rows, by: Use) -> Iterator[Sequence[str]]:
    """For every undisturbed row the groups it is in."""
    if cast("Slice", by.contribution).sees == "table":
        return _each(by.call(rows.table), len(rows), by)
    return (_names(by.call(example)) for example in rows.whole())


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


def _each(answers: Sequence[Answer], rows: int, by: Use) -> Iterator[Sequence[str]]:
    """The answers for all rows at once, one by one."""
    if len(answers) != rows:
        raise ValueError(f"`{by.name}` gave {counted(len(answers), 'answer')} for {counted(rows, 'row')}")
    return map(_names, answers)


def _names(answer: Answer) -> Sequence[str]:
    return [answer] if isinstance(answer, str) else list(dict.fromkeys(answer or ()))


def _members(names: Iterable[Sequence[str]]) -> dict[str, Positions]:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for place, groups in enumerate(names):
        for group in groups:
            members[group].append(place)
    return {name: np.array(members[name], dtype=np.int64) for name in sorted(members)}
