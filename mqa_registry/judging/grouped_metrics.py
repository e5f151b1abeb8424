"""Grouped metrics: those that make one number of all groups of a check together."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mqa_registry.contributions import Statistic
from mqa_registry.judging.claims import Evaluation, StepEvaluation, evaluate, require_comparable_groups
from mqa_registry.judging.measurements import Measurement, MeasureOutput, estimate
from mqa_registry.stats.estimates import Undefined
from mqa_registry.stats.multiplicity import estimate_max_gap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.samples import MeasureInputs, RowSelection
    from mqa_registry.stats.estimates import Estimate
    from mqa_registry.stats.resampling import IntervalOptions
    from mqa_registry.suite import Expect

NEEDS_TWO_GROUPS = "is undefined, since it takes two groups with enough rows"


def evaluate_grouped_metric(
    inputs: MeasureInputs,
    groups: Mapping[str, RowSelection],
    small_groups: frozenset[str],
    expect: Expect,
    options: IntervalOptions,
) -> StepEvaluation:
    """The number of all groups but the small ones; each group is there to be looked at, and no claim is about it."""
    large = {name: rows for name, rows in groups.items() if name not in small_groups}
    require_comparable_groups(len(large))
    if len(large) > 1:
        measurement = Measurement.of(replace(inputs, groups=large), expect)
        found = {name: _evaluate_group(measurement, rows, options) for name, rows in groups.items()}
        refine = partial(_refine, measurement, [found[name] for name in large])
        whole = evaluate(measurement, expect, options, refine)
    else:
        measurement = Measurement(inputs, MeasureOutput(math.nan))
        found = {name: _evaluate_group(measurement, rows, options) for name, rows in groups.items()}
        whole = Evaluation(measurement, {"value": Undefined(measurement.rows, NEEDS_TWO_GROUPS)})
    return StepEvaluation(whole, found, None, small_groups, needs_two_groups=True)


def _refine(measurement: Measurement, groups: Sequence[Evaluation], value: Estimate) -> Estimate:
    """The number, corrected for the chance of the widest gap where it is made of that."""
    statistic = measurement.output.value
    if not isinstance(statistic, Statistic) or statistic.spread is None:
        return value
    rates = [[group.numbers[name] for group in groups] for name in statistic.shown]
    return estimate_max_gap(value, rates, statistic.spread, is_ratio=statistic.ratio)


def _evaluate_group(measurement: Measurement, rows: RowSelection, options: IntervalOptions) -> Evaluation:
    """What there is to see of one group: the mean of the scores that the metric shows."""
    alone = Measurement(measurement.inputs, measurement.output, selected=rows)
    statistic = measurement.output.value
    shown = statistic.shown if isinstance(statistic, Statistic) else {}
    options = replace(options, clusters=alone.clusters)
    numbers: dict[str, Estimate] = {
        name: estimate(MeasureOutput(scores[rows.view]), len(rows.view), options) for name, scores in shown.items()
    }
    return Evaluation(alone, numbers)
