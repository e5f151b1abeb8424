"""Changes between two runs on the same rows: what every measure was and is, and which rows are newly wrong.

That some measure is worse is believed after Holm's correction for the number of all that are compared.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.errors import MqaError
from mqa_registry.expect import DROP, RISE
from mqa_registry.judging.claims import StepEvaluation
from mqa_registry.judging.evaluate import evaluate_step
from mqa_registry.judging.evidence import describe_rows, differ, mcnemar_test, order_by_confidence
from mqa_registry.judging.measurements import estimate
from mqa_registry.judging.result import Change, Flips, Number, Verdict
from mqa_registry.judging.samples import SampleCache, load_inputs
from mqa_registry.judging.verdicts import make_number, rule_for, whole_part
from mqa_registry.stats.paired_proportions import PairedProportions
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.resampling import IntervalOptions
from mqa_registry.types import get_schema

if TYPE_CHECKING:
    from mqa_registry.judging.samples import MeasureInputs, Sample
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Case, Plan, View
    from mqa_registry.stats.estimates import Bools

MAX_FLIPS = 100  # newly wrong rows that a report shows


def judge_changes(plan: Plan, cache: SampleCache) -> tuple[Change, ...]:
    """A change for every case of a plan, whose reference view is that of the other run and whose bound is on the change.

    FAIL is shown to be worse than the bound allows, PASS shown not to be, and INCONCLUSIVE neither. A measure that could
    not be taken of either run is NOT-RUN, or ERROR where it crashed.
    """
    evaluations = [_try_to_evaluate(plan, case, cache) for case in plan.cases]
    steps = [one for one in evaluations if isinstance(one, StepEvaluation)]
    rule = rule_for(steps, plan.suite.confidence, by_point=False)
    changes = []
    for case, evaluation in zip(plan.cases, evaluations, strict=True):
        blank = _blank_change(case)
        if not isinstance(evaluation, StepEvaluation):
            verdict = Verdict.ERROR if type(evaluation) is not MqaError else Verdict.NOT_RUN
            changes.append(replace(blank, verdict=verdict, note=str(evaluation)))
            continue
        part = whole_part(evaluation, rule)
        name = next(name for name in (DROP.name, RISE.name) if name in part.numbers)
        before = _estimate_reference(plan, case, evaluation)
        changes.append(
            replace(blank, verdict=part.verdict, before=before, now=part.numbers["value"], change=part.numbers[name])
        )
    return tuple(changes)


def count_flips(plan: Plan, cache: SampleCache) -> tuple[Flips, ...]:
    """The rows of each view that are newly wrong and newly right, of predictions that are right or wrong as a whole."""
    observations, counted = cache.observations, {}
    for case in plan.cases:
        view = case.steps[0].view
        predictions = observations.views[view].predictions
        if view in counted or predictions is None or not get_schema(predictions.schema).is_exact:
            continue
        with suppress(MqaError):  # the change of the case says what is wrong with its rows
            inputs = load_inputs(case, case.steps[0], cache)
            if len(inputs.sample):
                counted[view] = _count_flips(view, inputs, observations, plan.suite.confidence)
    return tuple(counted.values())


def _try_to_evaluate(plan: Plan, case: Case, cache: SampleCache) -> StepEvaluation | Exception:
    failure = next(
        (cache.observations.views[view].failure for view in case.views if cache.observations.views[view].failure), None
    )
    if failure is not None:
        return MqaError(failure.message)
    try:
        return evaluate_step(plan, case, case.steps[0], cache)
    except Exception as error:  # a measure is a plugin's; its crash costs its own change alone
        return error


def _blank_change(case: Case) -> Change:
    step, check = case.steps[0], case.check
    return Change(
        check=check.name,
        measure=check.measure.as_table(),
        data=step.view.rows.data,
        backend=step.view.backend,
        perturb=tuple(use.as_table() for use in step.view.rows.perturb),
        severity=step.severity,
    )


def _estimate_reference(plan: Plan, case: Case, evaluation: StepEvaluation) -> Number:
    """The measure of the other run."""
    measurement = evaluation.whole.measurement
    assert measurement is not None
    assert measurement.reference_output is not None
    options = IntervalOptions(plan.suite.seed, f"{case.check.measure.key} {case.steps[0].view.rows.name}")
    options = replace(options, clusters=measurement.reference_clusters, proportion_interval=case.check.interval)
    return make_number(
        estimate(measurement.reference_output, measurement.reference_rows, options), plan.suite.confidence
    )


def _is_right(sample: Sample) -> Bools:
    """Whether each prediction is the target, by the classes of its own run."""
    assert sample.targets is not None
    return ~differ(sample.predictions, sample.targets)


def _count_flips(view: View, inputs: MeasureInputs, observations: Observations, confidence: float) -> Flips:
    sample, reference = inputs.sample, inputs.reference
    assert reference is not None
    was_right, is_right = (_is_right(side) for side in (reference, sample))
    newly_wrong = np.flatnonzero(was_right & ~is_right)
    positive, rows = int(np.count_nonzero(is_right & ~was_right)), len(sample)
    share = make_number(Proportion(len(newly_wrong), rows), confidence)
    test = mcnemar_test(PairedProportions(len(newly_wrong), positive, rows), is_clustered=sample.clusters is not None)
    perturbed = observations.views[view].perturbed
    assert perturbed is not None
    shown = order_by_confidence(sample, newly_wrong)[:MAX_FLIPS]
    examples = describe_rows(inputs, shown, perturbed.rows, observations.rows[view.rows.data])
    return Flips(
        view.rows.data, view.backend, tuple(use.as_table() for use in view.rows.perturb), test, share, tuple(examples)
    )
