"""Lost rows: whether the views that a check reads lost more rows than it allows, and what its report says of them.

A lost row has no prediction, so no number counts it. It may well be one that the model would get wrong: a check that
loses rows without having said that it may is NOT-RUN.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import redact_message
from mqa_registry.judging.groups import sees_predictions
from mqa_registry.judging.samples import positions_of
from mqa_registry.naming import counted
from mqa_registry.observations import Failure, LostRow, ViewLoss

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.judging.samples import SampleCache
    from mqa_registry.observations import LostRows, Observations
    from mqa_registry.plan import Case, View
    from mqa_registry.suite import Check

MAX_SHOWN = 20  # lost rows of a view that a result names
MAX_NAMED_GROUPS = 3  # that a note names
HINT = "see why they fail, or allow so many with `max_lost`"


def find_losses(case: Case, observations: Observations) -> tuple[ViewLoss, ...]:
    """The views that a case reads and that lost rows, each once: reference views and the clean view of a sweep too."""
    return tuple(
        ViewLoss(
            view=view.rows.name,
            backend=view.backend,
            rows=rows_left + lost.count,
            lost=lost.count,
            first=tuple(LostRow(row.id, redact_message(row.reason)) for row in lost.named[:MAX_SHOWN]),
        )
        for view, rows_left, lost in _list_views(case, observations)
        if lost
    )


def count_lost(case: Case, observations: Observations) -> dict[View, int]:
    """How many rows each view that a case reads lost."""
    return {view: lost.count for view, _, lost in _list_views(case, observations)}


def find_excess(check: Check, losses: Sequence[ViewLoss]) -> Failure | None:
    """Why a check cannot be judged: the view that lost the largest share of its rows of those that lost too many."""
    excess = [loss for loss in losses if not _is_allowed(loss, check.max_lost)]
    if not excess:
        return None
    worst = max(excess, key=lambda loss: loss.lost / loss.rows)
    reason = f": {worst.first[0].reason}" if worst.first else ""
    return Failure(f"{_describe(worst)}, and `max_lost` is {check.max_lost}; {_name_first(worst)}{reason}", HINT)


def write_notes(case: Case, losses: Sequence[ViewLoss], cache: SampleCache) -> tuple[str, ...]:
    """What a report says of lost rows that a check allows, whatever its verdict: how many, and of which groups."""
    if not losses:
        return ()
    worst = max(losses, key=lambda loss: loss.lost / loss.rows)
    others = f", and rows of {counted(len(losses) - 1, 'other view')} too" if len(losses) > 1 else ""
    note = f"{_describe(worst)}{others}: no number counts them, which `max_lost = {case.check.max_lost}` allows"
    groups = _describe_groups(_count_by_group(case, cache))
    return ("; ".join(filter(None, [note, _name_first(worst), groups])),)


def _list_views(case: Case, observations: Observations) -> Iterator[tuple[View, int, LostRows]]:
    """Every view that a case reads, how many rows are left of it, and those that it lost.

    A probe that reads no predictions says itself what it could not read.
    """
    if case.probe_requests and case.probe_requests[0].probe.inputs != "predictions":
        for request in case.probe_requests:
            result = observations.probe_results[request]
            yield request.view, result.rows, result.lost
        return
    for view in dict.fromkeys(case.views):
        observed = observations.views[view]
        yield view, len(observed.perturbed.rows) if observed.perturbed else 0, observed.lost


def _is_allowed(loss: ViewLoss, max_lost: float) -> bool:
    """Whether a view may lose so many rows: a whole number is one of rows, any other a share."""
    return (loss.lost if isinstance(max_lost, int) else loss.lost / loss.rows) <= max_lost


def _count_by_group(case: Case, cache: SampleCache) -> dict[str, int]:
    """How many rows of each group some view of a case lost; empty where groups are made of predictions, or not all named."""
    by, observations = case.check.by, cache.observations
    lost_rows = {view: lost for view, _, lost in _list_views(case, observations) if lost}
    if by is None or sees_predictions(by) or any(lost.count > len(lost.named) for lost in lost_rows.values()):
        return {}
    ids: dict[str, set[str]] = {}
    for view, lost in lost_rows.items():
        ids.setdefault(view.rows.data, set()).update(row.id for row in lost.named)
    counts: Counter[str] = Counter()
    for data, names in ids.items():
        rows = positions_of(pa.chunked_array([pa.array(sorted(names), pa.string())]), observations.rows[data].ids)
        for group, members in cache.groups(data, by).items():
            counts[group] += int(np.isin(members, rows).sum())
    return {group: count for group, count in counts.items() if count}


def _describe(loss: ViewLoss) -> str:
    on = f" on `{loss.backend}`" if loss.backend else ""
    are = "is" if loss.lost == 1 else "are"
    return f"{loss.lost:,} of {counted(loss.rows, 'row')} of `{loss.view}`{on} {are} lost"


def _name_first(loss: ViewLoss) -> str:
    return f"the first is `{loss.first[0].id}`" if loss.first else ""


def _describe_groups(groups: Mapping[str, int]) -> str:
    """The groups with the most lost rows."""
    if not groups:
        return ""
    shown = Counter(groups).most_common(MAX_NAMED_GROUPS)
    named = ", ".join(f"{count:,} in `{name}`" for name, count in shown)
    more = f" and others in {counted(len(groups) - len(shown), 'more group')}" if len(groups) > len(shown) else ""
    return f"of the groups, {named}{more}"
