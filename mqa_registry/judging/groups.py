"""Groups: which rows of a data set a slice puts where."""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.boundary import (
    ROW_SECONDS,
    RepeatedCall,
    check_group_codes,
    check_groups,
    check_row_groups,
    is_group_column,
)
from mqa_registry.contributions import Slice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from mqa_registry.suite import Use
    from mqa_registry.types import Predictions, Rows

    Positions: TypeAlias = npt.NDArray[np.int64]


def groups_of(rows: Rows, by: Use) -> dict[str, Positions]:
    """Per group, in the order of their names, the unperturbed rows in it; a row may be in several, or in none."""
    if _sees(by) == "table":
        output = by.call(rows.table)
        if is_group_column(output):
            return _positions_by_code(*check_group_codes(by.contributor, output, len(rows)))
        return _positions_by_group(check_row_groups(by.contributor, output, len(rows)))
    return _positions_by_group(group_names_of(rows, by))


def groups_of_predictions(predictions: Predictions, by: Use) -> dict[str, Positions]:
    """The same for a slice that sees what a model predicted."""
    return _positions_by_group(check_row_groups(by.contributor, by.call(predictions), len(predictions)))


def group_names_of(rows: Rows, by: Use) -> Iterator[Sequence[str]]:
    """For every unperturbed row the groups it is in."""
    if _sees(by) == "table":
        return check_row_groups(by.contributor, by.call(rows.table), len(rows))
    if opens_files(by):
        return check_row_groups(by.contributor, by.call(rows.examples()), len(rows))
    return _group_names_by_row(rows, by)


def sees_predictions(by: Use | None) -> bool:
    """Whether the groups are known only once a model has predicted."""
    return by is not None and _sees(by) == "predictions"


def opens_files(by: Use | None) -> bool:
    """Whether a slice opens the images, sounds and files of rows, which a kept run does not have."""
    return by is not None and _sees(by) == "examples"


def groups_within(row_indices: Positions | None, groups: Mapping[str, Positions]) -> dict[str, Positions]:
    """Per group of a data set, the positions of its rows in a sample that has the rows of these indices, None for all."""
    if row_indices is None:
        return dict(groups)
    size = 1 + max((int(rows[-1]) for rows in groups.values()), default=-1)
    position = np.full(max(size, 1 + int(row_indices.max(initial=-1))), -1)
    position[row_indices] = np.arange(len(row_indices))
    found = {name: position[rows] for name, rows in groups.items()}
    return {name: positions[positions >= 0] for name, positions in found.items()}


def _sees(by: Use) -> str:
    assert isinstance(by.contribution, Slice)
    return by.contribution.inputs


def _group_names_by_row(rows: Rows, by: Use) -> Iterator[Sequence[str]]:
    function = partial(by.contribution_as(Slice).function, **deepcopy(dict(by.options)))
    with RepeatedCall(by.contributor, function, seconds=ROW_SECONDS) as call:
        for example in rows.whole():
            yield check_groups(call.contributor, call(example))


def _positions_by_code(groups: Sequence[str], codes: npt.NDArray[Any]) -> dict[str, Positions]:
    """The rows of each group; `codes` has the position of every row's group, -1 for none."""
    order = np.argsort(codes, kind="stable")
    order.flags.writeable = False  # they are handed to metrics
    ends = np.cumsum(np.bincount(codes + np.int64(1), minlength=len(groups) + 1))
    return {name: order[start:stop] for name, start, stop in zip(groups, ends[:-1], ends[1:], strict=True)}


def _positions_by_group(names: Iterable[Sequence[str]]) -> dict[str, Positions]:
    members: defaultdict[str, list[int]] = defaultdict(list)
    for row, groups in enumerate(names):
        for group in groups:
            members[group].append(row)
    found = {name: np.array(members[name], dtype=np.int64) for name in sorted(members)}
    for positions in found.values():
        positions.flags.writeable = False  # they are handed to metrics
    return found
