"""Judging one case, a measure's or a probe's, from its own observations alone."""

from __future__ import annotations

import math
import time
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Metric
from mqa_registry.errors import MqaError
from mqa_registry.judging.claims import StepEvaluation, evaluate, evaluate_grouped_metric, evaluate_groups
from mqa_registry.judging.evidence import gather_evidence
from mqa_registry.judging.lost_rows import count_lost, find_excess, find_losses, write_notes
from mqa_registry.judging.measurements import Measurement
from mqa_registry.judging.probe_numbers import evaluate_probe, gather_probe_evidence
from mqa_registry.judging.result import CheckLocation, Result, ResultEvidence, Verdict
from mqa_registry.judging.result import Step as StepResult
from mqa_registry.judging.samples import SampleCache, load_inputs, select_groups
from mqa_registry.judging.sweeps import clean_value, count_perturbed, summarize_sweep
from mqa_registry.judging.verdicts import decide, group_parts, never_settles, rule_for, whole_part
from mqa_registry.naming import counted
from mqa_registry.observations import Failure
from mqa_registry.stats.resampling import IntervalOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.judging.verdicts import Decision, DecisionRule
    from mqa_registry.observations import Observations, ObservedView, ProbeResult
    from mqa_registry.plan import Case, Plan, Step
    from mqa_registry.suite import Check

NOTHING_CHANGED = "the perturbation changed no row, so nothing was tested"


def judge_case(plan: Plan, case: Case, cache: SampleCache) -> Result:
    """The result of one case, of observations that have everything that it reads."""
    start = time.perf_counter()
    result = _judge(plan, case, cache)
    return replace(result, seconds=round(time.perf_counter() - start, 4))


def _judge(plan: Plan, case: Case, cache: SampleCache) -> Result:
    blank = _blank_result(case)
    failure = next((one.failure for one in _observations_of(case, cache.observations) if one.failure), None)
    if failure is not None:
        return _failed(blank, failure)
    losses = find_losses(case, cache.observations)
    blank = replace(blank, evidence=ResultEvidence(lost=losses))
    if excess := find_excess(case.check, losses):
        return _failed(blank, excess)
    try:
        result = (_judge_probe if case.probe_requests else _judge_measure)(plan, case, blank, cache)
        notes = (*result.evidence.notes, *write_notes(case, losses, cache))
        return replace(result, evidence=replace(result.evidence, lost=losses, notes=notes))
    except MqaError as error:  # what one check asks for and cannot get is no other's doing
        return _failed(blank, Failure.of(error))
    except Exception as error:  # a measure or slice is a plugin's; its crash is its own check's verdict
        note = f"the check crashed: {type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        return replace(blank, verdict=Verdict.ERROR, note=note, evidence=replace(blank.evidence, traceback=trace))


def _observations_of(case: Case, observations: Observations) -> Iterator[ObservedView | ProbeResult]:
    """Everything that a case reads."""
    if case.probe_requests:
        return (observations.probe_results[request] for request in case.probe_requests)
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
        expect=_bounds_of_probe(check) if case.probe_requests else case.expect.bounds(),
        critical=check.critical,
        tags=check.tags,
        location=_locate(check),
    )


def _locate(check: Check) -> CheckLocation | None:
    location = check.location
    return CheckLocation(location.file, location.line, location.column) if location else None


def _bounds_of_probe(check: Check) -> dict[str, Any]:
    """The bounds of a probe's check as the suite file has them: of `value` flat, of other numbers by name."""
    named = {name: expect.bounds() for name, expect in check.expect.items() if name != "value"}
    return (check.expect["value"].bounds() if "value" in check.expect else {}) | named


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
    return replace(blank, verdict=verdict, note=note, evidence=replace(blank.evidence, traceback=failure.trace))


def _judge_measure(plan: Plan, case: Case, blank: Result, cache: SampleCache) -> Result:
    """The result of a metric or comparison, from its numbers at each severity."""
    observations = cache.observations
    steps = [evaluate_step(plan, case, step, cache) for step in case.steps]
    clean = clean_value(case, cache)
    rule = rule_for(steps, plan.suite.confidence, by_point=case.check.gate == "point")
    decision = decide(steps, rule)
    decision = _overrule(plan, case, steps, observations, decision) or decision
    parts = [_step_result(step, one, rule, observations) for step, one in zip(case.steps, steps, strict=True)]
    with_examples = decision.verdict is not Verdict.PASS
    evidence = gather_evidence(case.steps[-1], steps[-1], observations, with_examples=with_examples)
    if is_sweep := case.clean is not None:
        evidence = replace(evidence, sweep=summarize_sweep(parts, case.expect, clean))
    evidence = _with_required_rows(evidence, decision, steps, rule)
    return _with_parts(blank, decision, parts, evidence, is_sweep=is_sweep)


def evaluate_step(plan: Plan, case: Case, step: Step, cache: SampleCache) -> StepEvaluation:
    """One severity: the measure taken of all rows, and of every group."""
    inputs = load_inputs(case, step, cache)
    measure, options = case.check.measure, make_interval_options(plan, case, step)
    if case.check.by is None:
        return StepEvaluation(evaluate(Measurement.of(inputs, case.expect), case.expect, options))
    groups = dict(select_groups(inputs, case.check.by, step, cache))
    small = frozenset(name for name, rows in groups.items() if len(rows.view) < case.expect.min_rows)
    is_grouped = isinstance(measure.contribution, Metric) and measure.contribution.takes_groups
    evaluate_all = evaluate_grouped_metric if is_grouped else evaluate_groups
    return evaluate_all(inputs, groups, small, case.expect, options)


def make_interval_options(plan: Plan, case: Case, step: Step) -> IntervalOptions:
    """How the intervals of all rows of a severity are made."""
    purpose = f"{case.check.measure.key} {step.view.rows.name}"  # of no backend: equal predictions have equal intervals
    return IntervalOptions(plan.suite.seed, purpose, proportion_interval=case.check.interval)


def _overrule(
    plan: Plan, case: Case, steps: Sequence[StepEvaluation], observations: Observations, decision: Decision
) -> Decision | None:
    """What outweighs any number: predictions that are not finite, slices and perturbations that touch nothing."""
    for step, evaluation in zip(case.steps, steps, strict=True):
        sample, reference = evaluation.inputs.sample, evaluation.inputs.reference
        if reference is not None and reference.missing:
            return replace(
                decision,
                verdict=Verdict.ERROR,
                note=f"the reference gave NaN or Inf on {counted(reference.missing, 'row')}",
            )
        if sample.missing:
            verdict = Verdict.ERROR if case.backend == plan.suite.reference else Verdict.FAIL
            return replace(
                decision, verdict=verdict, note=f"`{case.backend}` gave NaN or Inf on {counted(sample.missing, 'row')}"
            )
        if case.check.by is not None and not evaluation.groups:
            return replace(decision, verdict=Verdict.NOT_RUN, note=f"`{case.check.by.name}` puts no row into any group")
        perturbed = observations.views[step.view].perturbed
        if step.view.rows.perturb and perturbed is not None and perturbed.changed == 0:
            return replace(decision, verdict=Verdict.NOT_RUN, note=NOTHING_CHANGED)
        if len(sample) == 0:
            return replace(
                decision, verdict=Verdict.NOT_RUN, note="no row has both a prediction and what it is held against"
            )
    return None


def _step_result(step: Step, evaluation: StepEvaluation, rule: DecisionRule, observations: Observations) -> StepResult:
    whole, perturbed = whole_part(evaluation, rule), observations.views[step.view].perturbed
    assert perturbed is not None
    lost = observations.views[step.view].lost.count
    groups, counts = group_parts(evaluation, rule), count_perturbed(len(perturbed.rows), perturbed, lost=lost)
    return StepResult(whole.verdict, whole.numbers, "", step.severity or 0.0, groups, counts)


def _judge_probe(plan: Plan, case: Case, blank: Result, cache: SampleCache) -> Result:
    """The result of a probe, from the table that it made at each severity."""
    observed = [cache.observations.probe_results[request] for request in case.probe_requests]
    tables = [one.table for one in observed if one.table is not None]
    pairs = list(zip(case.probe_requests, tables, strict=True))
    steps = [evaluate_probe(plan, case.check, request, table) for request, table in pairs]
    unit = "rows" if case.probe_requests[0].probe.cacheable else "repetitions"  # more of what is timed, not of the data
    rule = rule_for(steps, plan.suite.confidence, by_point=case.check.gate == "point", unit=unit)
    decision = decide(steps, rule)
    if case.steps[-1].view.rows.perturb and not any(one.changed for one in observed):
        decision = replace(decision, verdict=Verdict.NOT_RUN, note=NOTHING_CHANGED)
    wholes = [whole_part(one, rule) for one in steps]
    lost = count_lost(case, cache.observations)
    parts = [
        StepResult(
            whole.verdict,
            whole.numbers,
            "",
            step.severity or 0.0,
            group_parts(evaluation, rule),
            count_perturbed(one.rows, one, lost=lost[step.view]),
        )
        for step, evaluation, whole, one in zip(case.steps, steps, wholes, observed, strict=True)
    ]
    worst = next((number for number, part in enumerate(parts) if part.verdict is not Verdict.PASS), -1)
    evidence = gather_probe_evidence(*pairs[worst], observed[worst])
    if is_sweep := case.steps[0].severity is not None:
        evidence = replace(evidence, sweep=summarize_sweep(parts, case.expect, math.nan))
    evidence = _with_required_rows(evidence, decision, steps, rule)
    return _with_parts(blank, decision, parts, evidence, is_sweep=is_sweep)


def _with_required_rows(
    evidence: ResultEvidence, decision: Decision, steps: Sequence[StepEvaluation], rule: DecisionRule
) -> ResultEvidence:
    """The evidence with how many more rows, or repetitions, would settle an open check, or that none would."""
    is_inconclusive = decision.verdict is Verdict.INCONCLUSIVE
    return replace(
        evidence,
        required_rows=decision.rows_to_settle or None,
        required_unit=rule.unit if is_inconclusive else "rows",
        never_settles=is_inconclusive and never_settles(steps, rule),
        too_close=decision.is_too_close,
    )


def _with_parts(
    blank: Result, decision: Decision, parts: Sequence[StepResult], evidence: ResultEvidence, *, is_sweep: bool
) -> Result:
    """The result with its verdict, and the numbers of its one severity or, of a sweep, of every one."""
    return replace(
        blank,
        verdict=decision.verdict,
        note=decision.note,
        numbers={} if is_sweep else parts[0].numbers,
        groups={} if is_sweep else parts[0].groups,
        series=tuple(parts) if is_sweep else (),
        evidence=evidence,
    )
