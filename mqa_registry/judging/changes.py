"""Changes between two runs on the same rows: what every measure was and is, and which rows are newly wrong.

A measure is that of a whole view, or of a group of its rows. That some measure is worse is believed after Holm's
correction for the number of all that are compared.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.contributions import Metric
from mqa_registry.errors import MqaError
from mqa_registry.expect import DROP, RISE
from mqa_registry.judging.claims import Evaluation, StepEvaluation, evaluate
from mqa_registry.judging.evaluate import evaluate_step, make_interval_options
from mqa_registry.judging.evidence import describe_rows, differ, mcnemar_test, order_by_confidence
from mqa_registry.judging.lost_rows import find_excess, find_losses
from mqa_registry.judging.measurements import Measurement, estimate
from mqa_registry.judging.result import Change, Flips, GroupFlips, Number, Verdict
from mqa_registry.judging.samples import SampleCache, load_inputs, select_groups
from mqa_registry.judging.verdicts import make_number, rule_for, whole_part
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion
from mqa_registry.types import get_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.judging.groups import Positions
    from mqa_registry.judging.result import McNemarTest
    from mqa_registry.judging.samples import MeasureInputs, RowSelection, Sample
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Case, Plan, View
    from mqa_registry.stats.estimates import Bools

MAX_FLIPS = 100  # newly wrong rows that a report shows


@dataclass(frozen=True)
class _Measure:
    """A measure of both runs: of all rows of a case's view, or of a group of them. `blank` has all but its numbers."""

    case: Case
    blank: Change
    evaluation: Evaluation | Exception


def judge_changes(plan: Plan, cache: SampleCache) -> tuple[Change, ...]:
    """The changes of every case of a plan, whose reference view is that of the other run and whose bound is on the change.

    A case has one change, of all rows; with `by` one for each group with enough rows, or for a metric that makes one
    number of groups that number. FAIL is shown to be worse than the bound allows, PASS shown not to be, and INCONCLUSIVE
    neither. A measure that could not be taken of either run is NOT-RUN, or ERROR where it crashed: once, whatever groups
    the same view has.
    """
    measures = list(_take_measures(plan, cache))
    steps = [StepEvaluation(one.evaluation) for one in measures if isinstance(one.evaluation, Evaluation)]
    rule = rule_for(steps, plan.suite.confidence, by_point=False)
    changes = []
    for one in measures:
        if not isinstance(one.evaluation, Evaluation):
            verdict = Verdict.ERROR if type(one.evaluation) is not MqaError else Verdict.NOT_RUN
            changes.append(replace(one.blank, verdict=verdict, note=str(one.evaluation)))
            continue
        part = whole_part(StepEvaluation(one.evaluation), rule)
        name = next(name for name in (DROP.name, RISE.name) if name in part.numbers)
        before = _estimate_reference(plan, one, one.evaluation)
        changes.append(
            replace(
                one.blank, verdict=part.verdict, before=before, now=part.numbers["value"], change=part.numbers[name]
            )
        )
    return tuple(changes)


def count_flips(plan: Plan, cache: SampleCache, changes: Sequence[Change]) -> tuple[Flips, ...]:
    """The rows of each view that are newly wrong and newly right, of predictions that are right or wrong as a whole.

    So too for each group of a view in which one of the `changes` is shown to be worse.
    """
    observations, counted = cache.observations, {}
    worse: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for change in changes:
        if change.group and change.verdict is Verdict.FAIL:
            worse[_grouping_key(change)].add(change.group)
    for case in plan.cases:
        view = case.steps[0].view
        names = worse.pop(_grouping_key(_blank_change(case)), set())
        predictions = observations.views[view].predictions
        if (view in counted and not names) or predictions is None or not get_schema(predictions.schema).is_exact:
            continue
        with suppress(MqaError):  # the change of the case says what is wrong with its rows
            inputs = load_inputs(case, case.steps[0], cache)
            if view not in counted and len(inputs.sample):
                counted[view] = _count_flips(view, inputs, observations, plan.suite.confidence)
            for name, rows in _select_groups(case, inputs, cache).items() if names else ():
                if name in names:
                    counted[view] = _with_group(counted[view], case, name, inputs.take(rows), plan.suite.confidence)
    return tuple(counted.values())


def _take_measures(plan: Plan, cache: SampleCache) -> Iterator[_Measure]:
    """All rows and groups of all cases. What is wrong with a measure of a view is said once."""
    failed = set()
    for case in plan.cases:
        blank = _blank_change(case)
        try:
            for group, evaluation in _evaluate(plan, case, cache):
                yield _Measure(case, replace(blank, group=group), evaluation)
        except Exception as error:  # a measure or slice is a plugin's; its crash costs its own change alone
            key = case.check.measure.key, case.steps[0].view, str(error)
            if key not in failed:
                failed.add(key)
                yield _Measure(case, blank, error)


def _evaluate(plan: Plan, case: Case, cache: SampleCache) -> list[tuple[str, Evaluation]]:
    """The measure of all rows, or of all groups together, under an empty name; else of each group with enough rows."""
    failure = next(
        (cache.observations.views[view].failure for view in case.views if cache.observations.views[view].failure), None
    )
    failure = failure or find_excess(case.check, find_losses(case, cache.observations))
    if failure is not None:
        raise MqaError(failure.message)
    step, expect = case.steps[0], case.expect
    if case.check.by is None or takes_groups(case):
        whole = evaluate_step(plan, case, step, cache).whole
        return [("", whole)] if whole.claims else []  # without two groups there is no number
    inputs = load_inputs(case, step, cache)
    measurement, options = Measurement.of(inputs, expect), make_interval_options(plan, case, step)
    return [
        (
            name,
            evaluate(measurement.select(rows, expect), expect, replace(options, purpose=f"{options.purpose} {name}")),
        )
        for name, rows in _select_groups(case, inputs, cache).items()
    ]


def takes_groups(case: Case) -> bool:
    """Whether its metric makes one number of groups."""
    metric = case.check.measure.contribution
    return isinstance(metric, Metric) and metric.takes_groups


def _select_groups(case: Case, inputs: MeasureInputs, cache: SampleCache) -> Mapping[str, RowSelection]:
    """The rows of each group of a case that has enough of them."""
    if case.check.by is None:
        return {}
    groups = select_groups(inputs, case.check.by, case.steps[0], cache)
    return {name: rows for name, rows in groups if len(rows.view) >= case.expect.min_rows}


def _blank_change(case: Case) -> Change:
    step, check = case.steps[0], case.check
    return Change(
        check=check.name,
        measure=check.measure.as_table(),
        data=step.view.rows.data,
        backend=step.view.backend,
        perturb=tuple(use.as_table() for use in step.view.rows.perturb),
        severity=step.severity,
        by=check.by.as_table() if check.by else None,
    )


def _grouping_key(change: Change) -> tuple[str, ...]:
    """What the groups of a view have in common, whatever is measured of them."""
    return change.data, change.backend, str(change.perturb), str(change.by)


def _estimate_reference(plan: Plan, measure: _Measure, evaluation: Evaluation) -> Number:
    """The measure of the other run."""
    measurement, case = evaluation.measurement, measure.case
    assert measurement is not None
    assert measurement.reference_output is not None
    options = make_interval_options(plan, case, case.steps[0])
    purpose = " ".join(filter(None, (options.purpose, measure.blank.group)))
    options = replace(options, purpose=purpose, clusters=measurement.reference_clusters)
    return make_number(
        estimate(measurement.reference_output, measurement.reference_rows, options), plan.suite.confidence
    )


def _is_right(sample: Sample) -> Bools:
    """Whether each prediction is the target, by the classes of its own run."""
    assert sample.targets is not None
    return ~differ(sample.predictions, sample.targets)


def _count_flips(view: View, inputs: MeasureInputs, observations: Observations, confidence: float) -> Flips:
    newly_wrong, test, share = _compare_correctness(inputs, confidence)
    perturbed = observations.views[view].perturbed
    assert perturbed is not None
    shown = order_by_confidence(inputs.sample, newly_wrong)[:MAX_FLIPS]
    examples = describe_rows(inputs, shown, perturbed.rows, observations.rows[view.rows.data])
    return Flips(
        view.rows.data, view.backend, tuple(use.as_table() for use in view.rows.perturb), test, share, tuple(examples)
    )


def _with_group(flips: Flips, case: Case, group: str, inputs: MeasureInputs, confidence: float) -> Flips:
    """The flips of a view, with those of the rows of a group."""
    assert case.check.by is not None
    _, test, share = _compare_correctness(inputs, confidence)
    return replace(flips, groups=(*flips.groups, GroupFlips(case.check.by.as_table(), group, test, share)))


def _compare_correctness(inputs: MeasureInputs, confidence: float) -> tuple[Positions, McNemarTest, Number]:
    """The newly wrong rows, the flips in both directions with McNemar's test, and the share of the newly wrong."""
    sample, reference = inputs.sample, inputs.reference
    assert reference is not None
    was_right, is_right = (_is_right(side) for side in (reference, sample))
    newly_wrong = np.flatnonzero(was_right & ~is_right)
    positive, rows = int(np.count_nonzero(is_right & ~was_right)), len(sample)
    share = make_number(Proportion(len(newly_wrong), rows), confidence)
    test = mcnemar_test(PairedProportions(len(newly_wrong), positive, rows), is_clustered=sample.clusters is not None)
    return newly_wrong, test, share
