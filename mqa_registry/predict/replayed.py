"""A replayed backend: predictions that were made elsewhere, joined to the rows by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mqa_registry.boundary import checked_predictions
from mqa_registry.contributions import Replay
from mqa_registry.errors import ContributionError, DataError, NotRunError
from mqa_registry.naming import counted
from mqa_registry.observations import Failure, ObservedView, PerturbedRows

if TYPE_CHECKING:
    from mqa_registry.plan import View
    from mqa_registry.suite import Use


def replay(view: View, use: Use, seen: PerturbedRows) -> ObservedView:
    """The predictions for the rows of one view; rows that have none are a DataError, further ones are left alone."""
    try:
        brought = checked_predictions(use.who, use.call_method(use.contribution_as(Replay).read, view.rows.name), "")
    except NotRunError as error:
        return ObservedView(seen, failure=Failure.of_refusal(error))
    except ContributionError as error:
        return ObservedView(seen, failure=Failure.of_error(error))
    places = pc.index_in(seen.rows.ids, brought.ids.combine_chunks())
    if places.null_count:
        strangers = seen.rows.ids.filter(places.is_null())
        raise DataError(
            f"backend `{view.backend}` has no prediction for {len(strangers):,} of {counted(len(places), 'row')} of"
            f" `{view.rows.name}`, `{strangers[0]}` among them",
            hint="predictions are joined by `id`; `mqa rows SUITE --out DIR` writes every row with its id",
        )
    return ObservedView(seen, brought.take(places.combine_chunks() if isinstance(places, pa.ChunkedArray) else places))
