"""Replayed predictions: read from where they were made, and brought into the order of the rows by their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.boundary import check_predictions
from mqa_registry.contributions import Replay
from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.execution.rows.member_targets import MEMBER
from mqa_registry.naming import counted
from mqa_registry.observations import Failure, ObservedView
from mqa_registry.types import Predictions
from mqa_registry.types.blocks import BLOCK_ROWS, take_table
from mqa_registry.types.id_join import match_ids
from mqa_registry.types.tables.spool import TableSpool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    import pyarrow as pa

    from mqa_registry.observations import PerturbedRows
    from mqa_registry.plan import View
    from mqa_registry.suite import Use
    from mqa_registry.types import Rows

    Positions = npt.NDArray[np.int64]


def replay(view: View, use: Use, perturbed: PerturbedRows, scratch: Callable[[], Path] | None = None) -> ObservedView:
    """The replayed predictions for the rows of one view, in their order. Predictions for further rows are ignored.

    Large ones are in files in the folder that `scratch` gives. A DataError where a row has no prediction; a failure where
    the replay crashes or cannot run.
    """
    replayer = use.contribution_as(Replay)
    try:
        if scratch is None:
            output = use.call_method(replayer.read, view.rows.name)
        else:
            output = use.call_method(replayer.read_to_disk, view.rows.name, scratch)
        given = check_predictions(use.contributor, output, "")
    except (ContributionError, NotRunError) as error:
        return ObservedView(perturbed, failure=Failure.of(error))
    ids = perturbed.rows.ids
    columns = _order_columns(given, None if given.ids.equals(ids) else _find_rows(view, given, ids), scratch)
    # The ids of the rows themselves, which are mapped from a file already where they are many.
    predictions = Predictions(given.schema, columns.add_column(0, "id", ids), given.classes, given.read)
    _check_members(view, predictions, perturbed.rows)
    return ObservedView(perturbed, predictions, lost=perturbed.lost)


def _find_rows(view: View, given: Predictions, ids: pa.ChunkedArray) -> Positions:
    """The position of each row's prediction; a DataError where one has none."""
    positions = match_ids(ids, given.ids)
    if (missing := np.flatnonzero(positions < 0)).size:
        raise DataError(
            f"backend `{view.backend}` has no prediction for {len(missing):,} of {counted(len(ids), 'row')} of"
            f" `{view.rows.name}`, `{ids[int(missing[0])]}` among them",
            hint="predictions are joined by `id`; `mqa rows SUITE --out DIR` writes every row with its id",
        )
    return positions


def _check_members(view: View, predictions: Predictions, rows: Rows) -> None:
    """A DataError where a ranking names what is no member of its row, of rows that name their members."""
    if predictions.schema != "ranking" or MEMBER not in rows.fields:
        return
    members = rows.table.column(MEMBER)
    for start in range(0, len(rows), BLOCK_ROWS):
        pairs = zip(
            predictions.main.slice(start, BLOCK_ROWS).to_pylist(),
            members.slice(start, BLOCK_ROWS).to_pylist(),
            strict=True,
        )
        for row, (ranking, names) in enumerate(pairs, start):
            if unknown := sorted(set(ranking or ()).difference(names)):
                raise DataError(
                    f"backend `{view.backend}` ranks `{unknown[0]}` for the row `{rows.ids[row]}` of `{view.rows.name}`,"
                    " which has no such member",
                    hint="members are told apart by their names in `member`",
                )


def _order_columns(given: Predictions, positions: Positions | None, scratch: Callable[[], Path] | None) -> pa.Table:
    """The columns but the ids at these positions, all where they are None.

    They are copied in either case, so that the file of large predictions is let go, with the ids that were read of it.
    """
    columns = given.table.drop_columns(["id"])
    with TableSpool(scratch) as spool:
        for start in range(0, len(given) if positions is None else len(positions), BLOCK_ROWS):
            spool.append(
                columns.slice(start, BLOCK_ROWS)
                if positions is None
                else take_table(columns, positions[start : start + BLOCK_ROWS])
            )
        return spool.finish(columns.schema)
