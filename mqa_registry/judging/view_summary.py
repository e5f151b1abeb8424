"""What the predictions of a data set by one backend look like as a whole, as their schema summarizes them.

No verdict depends on it: it is what a person looks at after one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mqa_registry.observations import Observations, ObservedView
    from mqa_registry.plan import View
    from mqa_registry.summaries import CalibrationBin, ConfusionMatrix, LabelCounts, ValueSummary
    from mqa_registry.types import Rows


@dataclass(frozen=True)
class ViewSummary:
    """The unperturbed rows of a data set as one backend predicts them.

    `rows` are those with a prediction and a target; `lost` rows have no prediction. `confusion` and `calibration` are of one class a
    row, the latter with the bins that have rows; it is empty where there are no probabilities. `labels` are of several labels a row
    and of spans, `values` of numbers.
    """

    data: str
    backend: str
    schema: str
    rows: int
    confusion: ConfusionMatrix | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    lost: int = 0
    labels: tuple[LabelCounts, ...] = ()
    values: ValueSummary | None = None


def summarize_views(observations: Observations) -> tuple[ViewSummary, ...]:
    """A summary of every view of unperturbed rows whose schema has one, and whose rows have targets.

    A data set that could not be read has none.
    """
    summaries = (
        _summarize_view(view, observed, observations.rows[view.rows.data])
        for view, observed in observations.views.items()
        if view.backend and not view.rows.perturb and view.rows.data in observations.rows
    )
    return tuple(summary for summary in summaries if summary is not None)


def _summarize_view(view: View, observed: ObservedView, rows: Rows) -> ViewSummary | None:
    import pyarrow as pa

    from mqa_registry.errors import DataError
    from mqa_registry.judging.samples import make_sample
    from mqa_registry.types import get_schema

    predictions = observed.predictions
    if predictions is None or observed.perturbed is None:
        return None
    try:
        sample = make_sample(observed, rows, view.rows.data, "required")
    except (DataError, pa.ArrowException):  # a check that needs the targets says so
        return None
    if sample.targets is None or not len(sample):
        return None
    summary = get_schema(predictions.schema).summarize(sample.predictions, sample.targets)
    if summary is None:
        return None
    return ViewSummary(
        view.rows.data,
        view.backend,
        predictions.schema,
        len(sample),
        summary.confusion,
        summary.calibration,
        observed.lost.count,
        summary.labels,
        summary.values,
    )
