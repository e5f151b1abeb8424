"""Judging: every case of a plan, each by its own observations and by nothing else."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Metric
from mqa_registry.errors import MqaError, NotRunError
from mqa_registry.judging.claims import StepEvaluation, evaluate, evaluate_groups
from mqa_registry.judging.evidence import gather_evidence
from mqa_registry.judging.grouped_metrics import evaluate_grouped_metric
from mqa_registry.judging.measurements import Measurement
from mqa_registry.judging.probe_results import bounds_of, judge_probe
from mqa_registry.judging.result import Result, Verdict
from mqa_registry.judging.result import Step as StepResult
from mqa_registry.judging.samples import SampleCache, load_inputs, select_groups
from mqa_registry.judging.sweeps import clean_value, compare_with_reference, perturbation_counts, summarize_sweep
from mqa_registry.judging.verdicts import Decision, decide, group_parts, never_settles, rule_for, whole_part
from mqa_registry.naming import counted
from mqa_registry.observations import Failure
from mqa_registry.stats.resampling import IntervalOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.judging.verdicts import DecisionRule
    from mqa_registry.observations import Observations, Observed, Sighted
    from mqa_registry.plan import Case, Plan, Step


def judge(plan: Plan, observations: Observations) -> tuple[Result, ...]:
    """A result for every case of the plan; pure."""
    cache = SampleCache(observations)
    return compare_with_reference([_judge_timed(plan, case, cache) for case in plan.cases], plan.suite.reference)


def _judge_timed(plan: Plan, case: Case, cache: SampleCache) -> Result:
    start = time.perf_counter()
    result = _judge_case(plan, case, cache)
    return replace(result, seconds=round(time.perf_counter() - start, 4))


def _judge_case(plan: Plan, case: Case, cache: SampleCache) -> Result:
    blank = _blank_result(case)
    observations = cache.observations
    failure = next((seen.failure for seen in _observations_of(case, observations) if seen.failure), None)
    if failure is not None:
        return _failed(blank, failure)
    try:
        if case.sights:
            return judge_probe(plan, case, blank, [observations.sights[one] for one in case.sights])
        steps = [_evaluate_step(plan, case, step, cache) for step in case.steps]
        return _conclude(plan, case, blank, steps, cache)
    except NotRunError as error:
        return _failed(blank, Failure.of_refusal(error))
    except MqaError as error:  # what one check asks for and cannot get is no other's doing
        return _failed(blank, Failure.of_error(error))
    except Exception as error:  # a measure or slice is a plugin's; its crash is its own check's verdict
        note = f"the check crashed: {type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        return replace(blank, verdict=Verdict.ERROR, note=note, evidence={"trace": trace})


def _observations_of(case: Case, observations: Observations) -> Iterator[Observed | Sighted]:
    """Everything that a case reads."""
    if case.sights:
        return (observations.sights[sight] for sight in case.sights)
    views = (view for step in case.steps for view in (step.view, step.reference) if view is not None)
    return (observations.views[view] for view in views)


def _blank_result(case: Case) -> Result:
    """A result with all that is known before anything is judged."""
    check, measure = case.check, case.check.measure
    return Result(
        Verdict.NOT_RUN,
        check=check.name,
        measure=measure.as_table(),
        definition=f"{measure.name.partition('/')[2]}/{getattr(measure.contribution, 'version', 1)}",
        data=check.data,
        backend=case.backend,
        perturb=check.perturb_table(),
        by=check.by.as_table() if check.by else None,
        against=_reference_difference(case.steps[0]),
        expect=bounds_of(check) if case.sights else case.expect.bounds(),
        critical=check.critical,
        tags=check.tags,
    )


def _reference_difference(step: Step) -> dict[str, Any] | None:
    """The reference view, by what differs from the case's own."""
    view, reference = step.view, step.reference
    if reference is None:
        return None
    differs: dict[str, Any] = {}
    if reference.backend != view.backend:
        differs["backend"] = reference.backend
    if reference.rows.data != view.rows.data:
        differs["data"] = reference.rows.data
    if reference.rows.perturb != view.rows.perturb:
        differs["perturb"] = False
    return differs


def _failed(blank: Result, failure: Failure) -> Result:
    verdict = Verdict.ERROR if failure.trace else Verdict.NOT_RUN
    note = f"{failure.message} ({failure.hint})" if failure.hint else failure.message
    return replace(blank, verdict=verdict, note=note, evidence={"trace": failure.trace} if failure.trace else {})


def _evaluate_step(plan: Plan, case: Case, step: Step, cache: SampleCache) -> StepEvaluation:
    """One severity: the measure taken of all rows, and of every group."""
    inputs = load_inputs(case, step, cache)
    measure = case.check.measure
    purpose = f"{measure.key} {step.view.rows.name}"  # of no backend: equal predictions have equal intervals
    options = IntervalOptions(plan.suite.seed, purpose, proportion_interval=case.check.interval)
    if case.check.by is None:
        return StepEvaluation(evaluate(Measurement.of(inputs, case.expect), case.expect, options))
    groups = dict(select_groups(inputs, case.check.by, step, cache))
    small = frozenset(name for name, rows in groups.items() if len(rows.view) < case.expect.min_rows)
    is_grouped = isinstance(measure.contribution, Metric) and measure.contribution.takes_groups
    evaluate_all = evaluate_grouped_metric if is_grouped else evaluate_groups
    return evaluate_all(inputs, groups, small, case.expect, options)


def _conclude(plan: Plan, case: Case, blank: Result, steps: Sequence[StepEvaluation], cache: SampleCache) -> Result:
    """The verdict of all severities together, with the reason and the evidence for it."""
    observations = cache.observations
    clean = clean_value(case, cache)
    rule = rule_for(steps, plan.suite.confidence, by_point=case.check.gate == "point")
    decision = decide(steps, rule)
    overruled = _overrule(plan, case, steps, observations) or decision
    parts = [_step_result(step, one, rule, observations) for step, one in zip(case.steps, steps, strict=True)]
    is_sweep = case.clean is not None
    evidence = gather_evidence(
        case.steps[-1], steps[-1], observations, with_examples=overruled.verdict is not Verdict.PASS
    )
    if is_sweep:
        evidence["sweep"] = summarize_sweep(parts, case.expect, clean)
    if decision.rows_to_settle:
        evidence["rows_to_settle"] = decision.rows_to_settle
    if overruled.verdict is Verdict.INCONCLUSIVE and never_settles(steps, rule):
        evidence["beyond_rows"] = True
    return replace(
        blank,
        verdict=overruled.verdict,
        note=overruled.note,
        numbers={} if is_sweep else parts[0].numbers,
        groups={} if is_sweep else parts[0].groups,
        series=tuple(parts) if is_sweep else (),
        evidence=evidence,
    )


def _overrule(plan: Plan, case: Case, steps: Sequence[StepEvaluation], observations: Observations) -> Decision | None:
    """What outweighs any number: predictions that are not finite, slices and perturbations that touch nothing."""
    for step, evaluation in zip(case.steps, steps, strict=True):
        sample, reference = evaluation.inputs.sample, evaluation.inputs.reference
        if reference is not None and reference.missing:
            return Decision(Verdict.ERROR, f"the reference gave NaN or Inf on {counted(reference.missing, 'row')}")
        if sample.missing:
            verdict = Verdict.ERROR if case.backend == plan.suite.reference else Verdict.FAIL
            return Decision(verdict, f"`{case.backend}` gave NaN or Inf on {counted(sample.missing, 'row')}")
        if case.check.by is not None and not evaluation.groups:
            return Decision(Verdict.NOT_RUN, f"`{case.check.by.name}` puts no row into any group")
        seen = observations.views[step.view].seen
        if step.view.rows.perturb and seen is not None and seen.changed == 0:
            return Decision(Verdict.NOT_RUN, "the perturbation changed no row, so nothing was tested")
        if len(sample) == 0:
            return Decision(Verdict.NOT_RUN, "no row has both a prediction and what it is held against")
    return None


def _step_result(step: Step, evaluation: StepEvaluation, rule: DecisionRule, observations: Observations) -> StepResult:
    whole, seen = whole_part(evaluation, rule), observations.views[step.view].seen
    assert seen is not None
    groups, counts = group_parts(evaluation, rule), perturbation_counts(len(seen.rows), seen)
    return StepResult(whole.verdict, whole.numbers, "", step.severity or 0.0, groups, counts)
