"""Judging: every case of a plan, each by its own observations and by nothing else."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mqa_registry.contributions import Metric
from mqa_registry.errors import MqaError, NotRunError
from mqa_registry.judging.answers import Answers
from mqa_registry.judging.conclusion import Judged, Ruling, beyond_rows, group_parts, ruled, whole_part
from mqa_registry.judging.evidence import evidence_of
from mqa_registry.judging.finding import find, find_gaps, refuse_many
from mqa_registry.judging.material import Material
from mqa_registry.judging.reading import read, selections
from mqa_registry.judging.resampling import Resampling
from mqa_registry.judging.result import Result, Verdict
from mqa_registry.judging.result import Step as JudgedStep
from mqa_registry.judging.sighted import bounds_of, of_sights
from mqa_registry.judging.sweeps import beside, curve, undisturbed, validity
from mqa_registry.judging.together import together
from mqa_registry.naming import counted
from mqa_registry.options import takes_groups
from mqa_registry.predict import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.judging.reading import Reading, Selection
    from mqa_registry.plan import Case, Plan, Step
    from mqa_registry.predict import Observations, Observed, Sighted


def judge(plan: Plan, observations: Observations) -> tuple[Result, ...]:
    """A result for every case of the plan; pure."""
    material = Material(observations)
    return beside([_timed(plan, case, material) for case in plan.cases], plan.suite.reference)


def _timed(plan: Plan, case: Case, material: Material) -> Result:
    start = time.perf_counter()
    result = _judged(plan, case, material)
    return replace(result, seconds=round(time.perf_counter() - start, 4))


def _judged(plan: Plan, case: Case, material: Material) -> Result:
    blank = _blank(case)
    observations = material.observations
    failure = next((seen.failure for seen in _read_by(case, observations) if seen.failure), None)
    if failure is not None:
        return _failed(blank, failure)
    try:
        if case.sights:
            return replace(blank, **of_sights(plan, case, [observations.sights[one] for one in case.sights]))
        steps = [_step(plan, case, step, material) for step in case.steps]
        clean = undisturbed(case, material)
        return _concluded(plan, case, blank, steps, observations, clean=clean)
    except NotRunError as error:
        return _failed(blank, Failure.of_refusal(error))
    except MqaError as error:  # what one check asks for and cannot get is no other's doing
        return _failed(blank, Failure.of_error(error))
    except Exception as error:  # a measure or slice is a plugin's; its crash is its own check's verdict
        note = f"the check crashed: {type(error).__name__}: {error}"
        return replace(blank, verdict=Verdict.ERROR, note=note, evidence={"trace": _trace(error)})


def _read_by(case: Case, observations: Observations) -> Iterator[Observed | Sighted]:
    if case.sights:
        return (observations.sights[sight] for sight in case.sights)
    views = (view for step in case.steps for view in (step.view, step.reference) if view is not None)
    return (observations.views[view] for view in views)


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))


def _blank(case: Case) -> Result:
    """A result with all that is known before anything is judged."""
    check, measure = case.check, case.check.measure
    return Result(
        Verdict.NOT_RUN,
        check=check.name,
        measure=measure.spelled(),
        definition=f"{measure.name.partition('/')[2]}/{getattr(measure.contribution, 'version', 1)}",
        data=check.data,
        backend=case.backend,
        perturb=check.spelled.get("perturb"),
        by=check.by.spelled() if check.by else None,
        against=_against(case.steps[0]),
        expect=bounds_of(check) if case.sights else case.expect.bounds(),
        critical=check.critical,
        tags=check.tags,
    )


def _against(step: Step) -> dict[str, Any] | None:
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


def _step(plan: Plan, case: Case, step: Step, material: Material) -> Judged:
    """One severity: the measure taken of all rows, and of every group."""
    reading = read(case, step, material)
    purpose = f"{case.check.measure.key} {step.view.rows.name}"  # of no backend: equal answers have equal intervals
    how = Resampling(plan.suite.seed, purpose, share=case.check.interval)
    if case.check.by is None:
        return Judged(find(Answers.of(reading, case.expect), case.expect, how))
    groups = dict(selections(reading, case.check.by, step, material))
    small = frozenset(name for name, rows in groups.items() if len(rows.view) < case.expect.min_rows)
    if isinstance(case.check.measure.contribution, Metric) and takes_groups(case.check.measure.contribution):
        return together(reading, groups, small, case.expect, how)
    return _apart(case, reading, groups, small, how)


def _apart(
    case: Case, reading: Reading, groups: Mapping[str, Selection], small: frozenset[str], how: Resampling
) -> Judged:
    """The measure taken of all rows and of every group, and how far the groups lie apart."""
    answers = Answers.of(reading, case.expect)
    whole = find(answers, case.expect, how)
    between = case.expect.max_gap is not None or case.expect.min_ratio is not None
    if between:
        refuse_many(len(groups) - len(small))
    found = {
        name: find(answers.at(rows, case.expect), case.expect, replace(how, purpose=f"{how.purpose} {name}"))
        for name, rows in groups.items()
    }
    large = {name: finding for name, finding in found.items() if name not in small}
    return Judged(whole, found, find_gaps(answers, large, case.expect), small, between)


def _concluded(
    plan: Plan, case: Case, blank: Result, steps: Sequence[Judged], observations: Observations, *, clean: float
) -> Result:
    """The verdict of all severities together, with the reason and the evidence for it."""
    ruling = Ruling.on(steps, plan.suite.confidence, point=case.check.gate == "point")
    verdict, note, needed = ruled(steps, ruling)
    verdict, note = _overruled(plan, case, steps, observations) or (verdict, note)
    parts = [_part(step, judged, ruling, observations) for step, judged in zip(case.steps, steps, strict=True)]
    swept = case.clean is not None
    evidence = evidence_of(case.steps[-1], steps[-1], observations, shown=verdict is not Verdict.PASS)
    evidence |= {"sweep": curve(parts, case.expect, clean)} if swept else {}
    return replace(
        blank,
        verdict=verdict,
        note=note,
        numbers={} if swept else parts[0].numbers,
        groups={} if swept else parts[0].groups,
        series=tuple(parts) if swept else (),
        evidence=evidence
        | ({"rows_to_settle": needed} if needed else {})
        | ({"beyond_rows": True} if verdict is Verdict.INCONCLUSIVE and beyond_rows(steps, ruling) else {}),
    )


def _overruled(
    plan: Plan, case: Case, steps: Sequence[Judged], observations: Observations
) -> tuple[Verdict, str] | None:
    """What outweighs any number: answers that are not finite, slices and perturbations that touch nothing."""
    for step, judged in zip(case.steps, steps, strict=True):
        sample, reference = judged.reading.sample, judged.reading.reference
        if reference is not None and reference.missing:
            return Verdict.ERROR, f"the reference gave NaN or Inf on {counted(reference.missing, 'row')}"
        if sample.missing:
            verdict = Verdict.ERROR if case.backend == plan.suite.reference else Verdict.FAIL
            return verdict, f"`{case.backend}` gave NaN or Inf on {counted(sample.missing, 'row')}"
        if case.check.by is not None and not judged.groups:
            return Verdict.NOT_RUN, f"`{case.check.by.name}` puts no row into any group"
        seen = observations.views[step.view].seen
        if step.view.rows.perturb and seen is not None and seen.changed == 0:
            return Verdict.NOT_RUN, "the perturbation changed no row, so nothing was tested"
        if len(sample) == 0:
            return Verdict.NOT_RUN, "no row has both an answer and what it is held against"
    return None


def _part(step: Step, judged: Judged, ruling: Ruling, observations: Observations) -> JudgedStep:
    whole, seen = whole_part(judged, ruling), observations.views[step.view].seen
    assert seen is not None
    groups = group_parts(judged, ruling)
    return JudgedStep(whole.verdict, whole.numbers, "", step.severity or 0.0, groups, validity(len(seen.rows), seen))
