"""Claims: the numbers of a check on all rows, in groups and between groups, and what its bounds claim of them.

A grouped metric makes one number of all groups of a check together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

from mqa_registry.contributions import Statistic
from mqa_registry.errors import DataError
from mqa_registry.expect import BOUNDS, DROP, GAP, QUANTITIES, RATIO, RISE, VALUE
from mqa_registry.judging.measurements import Measurement, MeasureOutput, estimate, estimate_drop
from mqa_registry.stats.estimates import Claim, Undefined
from mqa_registry.stats.multiplicity import estimate_max_gap
from mqa_registry.stats.unpaired_differences import difference, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.judging.samples import MeasureInputs, RowSelection
    from mqa_registry.stats.estimates import Estimate
    from mqa_registry.stats.resampling import IntervalOptions
    from mqa_registry.suite import Expect

MAX_GROUPS = 200  # of which every two are compared
NEEDS_TWO_GROUPS = "is undefined, since it takes two groups with enough rows"

# The claims of every two groups, by the words that make them.
assert {(one.quantity, one.side) for one in BOUNDS if one.quantity.need == "groups"} == {(GAP, "high"), (RATIO, "low")}


@dataclass(frozen=True)
class Evaluation:
    """The numbers of one check on some rows, and the claims on them.

    `measurement` is what the numbers were made of; None for those of a probe.
    """

    measurement: Measurement | None
    numbers: Mapping[str, Estimate]
    claims: Sequence[Claim] = ()

    @property
    def rows(self) -> int:
        """How many rows there are, whether or not the measure counts them."""
        return self.measurement.rows if self.measurement is not None else 0


@dataclass(frozen=True)
class StepEvaluation:
    """One severity of a case: all rows, each group, and the gaps between groups.

    Groups under the least number of rows are `small_groups`. `needs_two_groups` says that some bound is on a
    quantity between groups.
    """

    whole: Evaluation
    groups: Mapping[str, Evaluation] = field(default_factory=dict)
    gaps: Evaluation | None = None
    small_groups: frozenset[str] = frozenset()
    needs_two_groups: bool = False

    @property
    def inputs(self) -> MeasureInputs:
        assert self.whole.measurement is not None
        return self.whole.measurement.inputs

    @property
    def large_groups(self) -> dict[str, Evaluation]:
        return {name: one for name, one in self.groups.items() if name not in self.small_groups}

    @property
    def claims(self) -> dict[str, Sequence[Claim]]:
        """Everything the verdict rests on, by the group it is about; the empty name stands for all rows or groups."""
        if self.gaps is None:
            return {"": self.whole.claims}
        return {**{name: one.claims for name, one in self.large_groups.items()}, "": self.gaps.claims}

    @property
    def all_claims(self) -> list[Claim]:
        return [claim for claims in self.claims.values() for claim in claims]

    @property
    def has_too_few_groups(self) -> bool:
        """Whether no group, or for a gap no two groups, are large enough to judge."""
        return bool(self.groups) and len(self.large_groups) < 1 + self.needs_two_groups


def evaluate_groups(
    inputs: MeasureInputs,
    groups: Mapping[str, RowSelection],
    small_groups: frozenset[str],
    expect: Expect,
    options: IntervalOptions,
) -> StepEvaluation:
    """The numbers of all rows, of every group by itself, and of how far the groups lie apart."""
    measurement = Measurement.of(inputs, expect)
    whole = evaluate(measurement, expect, options)
    between = expect.needs("groups")
    if between:
        _require_comparable_groups(len(groups) - len(small_groups))
    evaluations = {
        name: evaluate(measurement.select(rows, expect), expect, replace(options, purpose=f"{options.purpose} {name}"))
        for name, rows in groups.items()
    }
    large = {name: one for name, one in evaluations.items() if name not in small_groups}
    return StepEvaluation(whole, evaluations, _evaluate_gaps(measurement, large, expect), small_groups, between)


def evaluate_grouped_metric(
    inputs: MeasureInputs,
    groups: Mapping[str, RowSelection],
    small_groups: frozenset[str],
    expect: Expect,
    options: IntervalOptions,
) -> StepEvaluation:
    """The number of all groups but the small ones; the groups are shown in reports and not judged."""
    large = {name: rows for name, rows in groups.items() if name not in small_groups}
    _require_comparable_groups(len(large))
    if len(large) > 1:
        measurement = Measurement.of(replace(inputs, groups=large), expect)
        evaluations = {name: _evaluate_group(measurement, rows, options) for name, rows in groups.items()}
        refine = partial(_correct_max_gap, measurement, [evaluations[name] for name in large])
        whole = evaluate(measurement, expect, options, refine)
    else:
        measurement = Measurement(inputs, MeasureOutput(math.nan))
        evaluations = {name: _evaluate_group(measurement, rows, options) for name, rows in groups.items()}
        whole = Evaluation(measurement, {"value": Undefined(measurement.rows, NEEDS_TWO_GROUPS)})
    return StepEvaluation(whole, evaluations, None, small_groups, needs_two_groups=True)


def evaluate(
    measurement: Measurement,
    expect: Expect,
    options: IntervalOptions,
    refine: Callable[[Estimate], Estimate] | None = None,
) -> Evaluation:
    """The numbers of some rows, and the claims on `value`, `drop` and `rise`; `refine` corrects the value's estimate."""
    options = replace(options, clusters=measurement.clusters)
    value = estimate(measurement.output, measurement.rows, options)
    numbers = {"value": refine(value) if refine else value}
    for quantity in (DROP, RISE):
        if expect.has(quantity):
            numbers[quantity.name] = _estimate_change(measurement, options, rise=quantity is RISE)
    return Evaluation(measurement, numbers, _claim_bounds(numbers, expect))


def claim_range(name: str, number: Estimate, expect: Expect) -> Claim:
    """That a number is at least `min` and at most `max`."""
    return Claim(name, number, *expect.limits(VALUE))


def _require_comparable_groups(groups: int) -> None:
    """A DataError where there are too many groups to compare every two of them."""
    if groups > MAX_GROUPS:
        raise DataError(
            f"{groups:,} groups are too many to compare every two of them",
            hint=f"slice by something with at most {MAX_GROUPS} groups, or bound each group with `min` or `max`",
        )


def _evaluate_gaps(measurement: Measurement, groups: Mapping[str, Evaluation], expect: Expect) -> Evaluation:
    """The differences and ratios between every two groups, each a claim of its own; the widest is the number."""
    if not expect.needs("groups"):
        return Evaluation(measurement, {})
    values = {name: one.numbers["value"] for name, one in groups.items()}
    ordered = sorted(values, key=lambda name: -values[name].value if math.isfinite(values[name].value) else math.inf)
    gaps, ratios = [], []
    for high, low in combinations(ordered, 2):
        if expect.has(GAP):
            _, bound = expect.limits(GAP)
            gaps.append(Claim(f"`{high}` less `{low}`", difference(values[high], values[low]), -bound, bound, "gap"))
        if expect.has(RATIO):
            bound, _ = expect.limits(RATIO)
            share = ratio(values[low], values[high])
            ratios.append(Claim(f"`{low}` by `{high}`", share, bound, 1 / bound if bound else math.inf, "ratio"))
    numbers = {}
    if gaps:
        numbers["gap"] = max(gaps, key=_value_if_defined).estimate
    if ratios:
        numbers["ratio"] = max(ratios, key=lambda claim: _value_if_defined(claim, sign=-1)).estimate
    return Evaluation(measurement, numbers, [*gaps, *ratios])


def _value_if_defined(claim: Claim, sign: int = 1) -> float:
    return sign * claim.estimate.value if claim.is_defined else -math.inf


def _estimate_change(measurement: Measurement, options: IntervalOptions, *, rise: bool = False) -> Estimate:
    """The reference less the view, or with `rise` the other way round."""
    output, reference = measurement.output, measurement.reference_output
    assert reference is not None
    if measurement.inputs.is_paired:
        pair = (output, reference) if rise else (reference, output)
        identical = measurement.has_identical_predictions
        return estimate_drop(*pair, measurement.rows, replace(options, identical=identical))
    now = estimate(output, measurement.rows, options)
    purpose, clusters = f"{options.purpose} reference", measurement.reference_clusters
    before = estimate(reference, measurement.reference_rows, replace(options, purpose=purpose, clusters=clusters))
    return difference(now, before) if rise else difference(before, now)


def _claim_bounds(numbers: Mapping[str, Estimate], expect: Expect) -> list[Claim]:
    bounded = (quantity for quantity in QUANTITIES if quantity.need != "groups" and expect.has(quantity))
    return [Claim(quantity.name, numbers[quantity.name], *expect.limits(quantity)) for quantity in bounded]


def _correct_max_gap(measurement: Measurement, groups: Sequence[Evaluation], value: Estimate) -> Estimate:
    """The number, corrected for the chance of the widest gap where it is made of that."""
    statistic = measurement.output.value
    if not isinstance(statistic, Statistic) or statistic.pairwise is None:
        return value
    rates = [[group.numbers[name] for group in groups] for name in statistic.per_group]
    return estimate_max_gap(value, rates, statistic.pairwise, is_ratio=statistic.ratio)


def _evaluate_group(measurement: Measurement, rows: RowSelection, options: IntervalOptions) -> Evaluation:
    """What there is to see of one group: the mean of the scores that the metric shows."""
    alone = Measurement(measurement.inputs, measurement.output, selected=rows)
    statistic = measurement.output.value
    scores_by_name = statistic.per_group if isinstance(statistic, Statistic) else {}
    options = replace(options, clusters=alone.clusters)
    numbers: dict[str, Estimate] = {
        name: estimate(MeasureOutput(scores[rows.view]), len(rows.view), options)
        for name, scores in scores_by_name.items()
    }
    return Evaluation(alone, numbers)
