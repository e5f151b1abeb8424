"""Measurements: what a measure gives of the rows that a check is about, and the estimates that follow.

Rows that score NaN are ignored, by `stats/nan_policy.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry.boundary import check_measure_output
from mqa_registry.contributions import Comparison, Metric, Quantile, Scores, Statistic
from mqa_registry.stats.binned_statistics import FEW_BINS, BinnedStatistic, mean_statistic, quantile_statistic
from mqa_registry.stats.clusters import estimate_design
from mqa_registry.stats.estimates import (
    NO_ROWS,
    UNBOUNDED,
    Undefined,
    difference_span,
    estimate_point,
)
from mqa_registry.stats.means import estimate_mean
from mqa_registry.stats.nan_policy import is_ignored, omit_nan
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.quantiles import estimate_quantile
from mqa_registry.stats.resampling import bootstrap
from mqa_registry.types.blocks import BLOCK_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.contributions.functions import Reading
    from mqa_registry.judging.groups import Positions
    from mqa_registry.judging.samples import MeasureInputs, RowSelection, Sample
    from mqa_registry.stats.binned_statistics import Combine
    from mqa_registry.stats.estimates import Bools, Estimate, Floats, Ints, Span
    from mqa_registry.stats.resampling import IntervalOptions
    from mqa_registry.suite import Expect, Use
    from mqa_registry.types import Predictions

    Value: TypeAlias = Floats | Bools | Scores | Statistic | Quantile | float


@dataclass(frozen=True)
class MeasureOutput:
    """What a measure gives of some rows: a score a row (NaN where a row is ignored), a statistic, or one number.

    `span` is the range that the number cannot leave.
    """

    value: Value
    span: Span = UNBOUNDED

    @classmethod
    def of(cls, raw: Any, span: Span = UNBOUNDED) -> MeasureOutput:
        """What a comparison's or probe's function gave, in one of these forms."""
        if isinstance(raw, Statistic):
            return cls(raw, span)
        if isinstance(raw, Quantile):
            return cls(replace(raw, values=np.asarray(raw.values, dtype=np.float64)), span)
        if isinstance(raw, Scores):
            return cls(replace(raw, values=np.asarray(raw.values, dtype=np.float64)), (raw.low, raw.high))
        array = np.asarray(raw)
        if array.dtype != bool:
            array = array.astype(np.float64, copy=False)
        return cls(float(array) if array.ndim == 0 else array, span)

    @classmethod
    def of_metric(cls, raw: Any, span: Span = UNBOUNDED) -> MeasureOutput:
        """The same of a metric, whose scores a row can be anything within its range."""
        output = cls.of(raw, span)
        scores = output.value
        if not isinstance(scores, np.ndarray) or scores.dtype == bool or not all(map(math.isfinite, span)):
            return output
        return cls(Scores(_floats(scores), *span), span)

    def take(self, positions: Positions) -> MeasureOutput | None:
        """The same of some of the rows; None where the measure has to be called again."""
        if isinstance(self.value, np.ndarray):
            return replace(self, value=self.value[positions])
        if isinstance(self.value, Quantile | Scores):
            return replace(self, value=replace(self.value, values=self.value.values[positions]))
        if isinstance(self.value, Statistic) and self.value.bins is not None and self.value.n_bins <= FEW_BINS:
            return replace(self, value=Statistic(self.value.compute, self.value.bins[positions], self.value.n_bins))
        return None

    def point(self, rows: int) -> float:
        """The number alone, without what it takes to know how sure it is; NaN of no rows."""
        if isinstance(self.value, float):
            return self.value
        if isinstance(self.value, Quantile):
            return estimate_quantile(self.value.values, self.value.share, None).value
        if isinstance(self.value, Statistic):
            return self.as_statistic(rows).value
        scores, _ = omit_nan(_scores(self.value))
        return float(scores.mean()) if len(scores) else math.nan

    def as_statistic(self, rows: int) -> BinnedStatistic:
        """The number as a function of how often each kind of row is counted."""
        if isinstance(self.value, Quantile):
            return quantile_statistic(self.value.values, self.value.share)
        if isinstance(self.value, Scores):
            ends = [end for end in (self.value.low, self.value.high) if math.isfinite(end)]
            return mean_statistic(self.value.values, ends)
        if isinstance(self.value, Statistic):
            if self.value.bins is None:
                return BinnedStatistic(self.value.compute, np.arange(rows), rows)
            return BinnedStatistic(self.value.compute, self.value.bins, self.value.n_bins)
        return mean_statistic(np.asarray(self.value, dtype=np.float64))


@dataclass(frozen=True)
class Measurement:
    """A measure of the view and, for a drop or rise, of the reference; of the `selected` rows, of all if None."""

    inputs: MeasureInputs
    output: MeasureOutput
    reference_output: MeasureOutput | None = None
    selected: RowSelection | None = None

    @classmethod
    def of(cls, inputs: MeasureInputs, expect: Expect, selected: RowSelection | None = None) -> Measurement:
        """Call the measure."""
        some = inputs if selected is None else inputs.take(selected)
        reference = _measure_reference(some) if expect.needs("reference") else None
        return cls(inputs, _measure(some), reference, selected)

    def select(self, rows: RowSelection, expect: Expect) -> Measurement:
        """The same of some of the rows.

        It follows from that of all rows where the measure gives a score a row or counts few kinds of rows, since a row's
        score does not depend on the others. Any other measure is called again.
        """
        output = self.output.take(rows.view)
        reference = self.reference_output.take(rows.reference) if self.reference_output is not None else None
        if output is None or (reference is None) != (self.reference_output is None):
            return Measurement.of(self.inputs, expect, rows)
        return Measurement(self.inputs, output, reference, rows)

    @property
    def rows(self) -> int:
        return len(self.inputs.sample) if self.selected is None else len(self.selected.view)

    @property
    def reference_rows(self) -> int:
        if self.selected is not None:
            return len(self.selected.reference)
        return len(self.inputs.reference) if self.inputs.reference is not None else 0

    @cached_property
    def selected_inputs(self) -> MeasureInputs:
        """The rows themselves."""
        return self.inputs if self.selected is None else self.inputs.take(self.selected)

    @property
    def has_identical_predictions(self) -> bool:
        """Whether the reference has the same predictions in every row, to the last bit of every probability."""
        inputs = self.selected_inputs
        if inputs.reference is None or not inputs.is_paired:
            return False
        one, two = inputs.sample.predictions, inputs.reference.predictions
        return "probability" in one.table.column_names and one.table.equals(two.table)

    @property
    def clusters(self) -> Ints | None:
        clusters = self.inputs.sample.clusters
        return clusters if clusters is None or self.selected is None else clusters[self.selected.view]

    @property
    def reference_clusters(self) -> Ints | None:
        clusters = self.inputs.reference.clusters if self.inputs.reference is not None else None
        return clusters if clusters is None or self.selected is None else clusters[self.selected.reference]


def estimate(output: MeasureOutput, rows: int, options: IntervalOptions) -> Estimate:
    """The estimate of a measure on so many rows."""
    value, span = output.value, output.span
    if isinstance(value, float):
        return estimate_point(value, rows, span)
    if isinstance(value, Quantile):
        return estimate_quantile(value.values, value.share, options.clusters, span)
    if isinstance(value, Statistic):
        if value.undefined:
            return Undefined(rows, f"is undefined, since {value.undefined}", value.never_defined)
        return _bootstrap([output], rows, lambda values: values[0], options, method="bca", span=span)
    scores, clusters = omit_nan(_scores(value), options.clusters)
    if _is_proportion(output, scores):
        design = estimate_design(_floats(scores), clusters) if clusters is not None else None
        return Proportion(int(np.count_nonzero(scores)), len(scores), options.proportion_interval, design)
    return estimate_mean(_floats(scores), clusters, span, bounded=isinstance(value, Scores))


def estimate_drop(reference: MeasureOutput, candidate: MeasureOutput, rows: int, options: IntervalOptions) -> Estimate:
    """The reference less the candidate, both on the same rows in the same order."""
    span = difference_span(reference.span, candidate.span)
    outputs = reference, candidate
    if any(isinstance(one.value, float) for one in outputs):
        return estimate_point(reference.point(rows) - candidate.point(rows), rows, span)
    scores = [_scores(one.value) for one in outputs if isinstance(one.value, np.ndarray | Scores)]
    if len(scores) < 2 or (is_ignored(scores[0]) != is_ignored(scores[1])).any():
        return _bootstrap(outputs, rows, lambda values: values[0] - values[1], options, method="paired bca", span=span)
    (one, clusters), (two, _) = (omit_nan(each, options.clusters) for each in scores)
    if _is_proportion(reference, one) and _is_proportion(candidate, two):
        negative, positive = int(np.count_nonzero(one > two)), int(np.count_nonzero(two > one))
        design = estimate_design(_floats(one) - two, clusters) if clusters is not None else None
        return PairedProportions(negative, positive, len(one), design)
    bounded = all(isinstance(one.value, Scores) for one in outputs)
    with np.errstate(invalid="ignore"):  # infinity less infinity is refused as what it is
        return estimate_mean(_floats(one) - two, clusters, span, bounded=bounded, paired=True)


def _bootstrap(
    outputs: Sequence[MeasureOutput],
    rows: int,
    combine: Combine,
    options: IntervalOptions,
    *,
    method: str,
    span: Span,
) -> Estimate:
    """The estimate of a number made of measures of the same rows; undefined where there are none."""
    if not rows:
        return Undefined(0, NO_ROWS)
    return bootstrap([one.as_statistic(rows) for one in outputs], combine, options, method=method, span=span)


def _measure(inputs: MeasureInputs) -> MeasureOutput:
    measure = inputs.measure.contribution
    if not isinstance(measure, Comparison):
        return _measure_metric(inputs.measure, inputs.sample, {name: rows.view for name, rows in inputs.groups.items()})
    assert inputs.reference is not None
    if not len(inputs.sample):
        return MeasureOutput(np.zeros(0))
    pair = inputs.reference.predictions, inputs.sample.predictions
    return MeasureOutput.of(_call(inputs.measure, measure.reads, *pair), measure.range)


def _measure_reference(inputs: MeasureInputs) -> MeasureOutput | None:
    if inputs.reference is None:
        return None
    groups = {name: rows.reference for name, rows in inputs.groups.items()}
    return _measure_metric(inputs.measure, inputs.reference, groups)


def _measure_metric(measure: Use, sample: Sample, groups: Mapping[str, Positions]) -> MeasureOutput:
    """A metric of some rows; of none it is nothing, which not every metric knows."""
    if not len(sample):
        return MeasureOutput(np.zeros(0))
    metric = measure.contribution
    assert isinstance(metric, Metric)
    assert sample.targets is not None
    if metric.takes_groups:
        output = measure.call(sample.predictions, sample.targets, groups)
        return MeasureOutput.of_metric(check_measure_output(measure.contributor, output, len(sample)), metric.range)
    return MeasureOutput.of_metric(_call(measure, metric.reads, sample.predictions, sample.targets), metric.range)


def _call(measure: Use, reads: Reading, first: Predictions, second: Predictions) -> Any:
    """What a measure gives for two columns of predictions or targets, checked at the boundary.

    One that reads rows is called for some of them at a time, and what it gives is put together.
    """
    if reads == "rows" and len(first) > BLOCK_ROWS:
        blocks = ((start, min(start + BLOCK_ROWS, len(first))) for start in range(0, len(first), BLOCK_ROWS))
        parts = [_call(measure, "column", first.slice(*block), second.slice(*block)) for block in blocks]
        if (whole := _join_scores(parts)) is not None:
            return whole
    return check_measure_output(measure.contributor, measure.call(first, second), len(first))


def _join_scores(parts: Sequence[Any]) -> Floats | Bools | Scores | None:
    """The scores of all rows; None where some rows have none, or scores between other ends than those before."""
    arrays: list[Floats] = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) == len(parts):
        return np.concatenate(arrays)
    if all(isinstance(part, Scores) and (part.low, part.high) == (parts[0].low, parts[0].high) for part in parts):
        values = np.concatenate([part.values for part in parts])
        return Scores(values, parts[0].low, parts[0].high)
    return None


def _scores(value: Floats | Bools | Scores) -> Floats | Bools:
    return value.values if isinstance(value, Scores) else value


def _floats(scores: Floats | Bools) -> Floats:
    return scores.astype(np.float64, copy=False)


def _is_proportion(output: MeasureOutput, scores: Floats | Bools) -> bool:
    """Whether rows score 0 or 1, and could score nothing beyond as far as anybody says."""
    if scores.dtype == bool:
        return True
    return output.span in (UNBOUNDED, (0.0, 1.0)) and bool(((scores == 0) | (scores == 1)).all())
