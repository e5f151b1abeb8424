"""Verdicts: what follows from the claims of one case, with the reason in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mqa_registry.judging.result import Number, Part, Verdict
from mqa_registry.naming import counted
from mqa_registry.stats.multiplicity import holm_confidences
from mqa_registry.stats.sample_size import rows_to_settle_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.claims import Evaluation, StepEvaluation
    from mqa_registry.stats.estimates import Claim, Estimate, Interval

HUGE = 1e9  # from here on, a number is written in powers of ten
SMALLEST = 0.0005  # below, a number is written in powers of ten, too
NEVER_SETTLES = "one more of a kind not seen yet would move it as far, so more {} like these do not settle it"


@dataclass(frozen=True)
class DecisionRule:
    """How the claims of a whole check are decided: at a confidence, or with `by_point` by the bare estimate.

    A check passes when every claim holds, without correction, since it says that all of them do (intersection-union);
    it fails when some claim fails after Holm's correction for their number. `fail_confidences` has the confidence at
    which each claim has to fail. `unit` is what there would have to be more of to settle it.
    """

    confidence: float
    by_point: bool
    fail_confidences: Mapping[Claim, float]
    unit: str = "rows"

    @classmethod
    def of(
        cls, claims: Sequence[Claim], confidence: float, *, by_point: bool = False, unit: str = "rows"
    ) -> DecisionRule:
        """The rule for all claims of a check: those on all severities, groups and bounds together."""
        return cls(confidence, by_point, {} if by_point else holm_confidences(claims, confidence), unit)

    def fails(self, claim: Claim) -> bool:
        if self.by_point:
            return claim.is_defined and not claim.holds_at_point()
        return claim.fails(self.fail_confidences[claim])

    def is_open(self, claim: Claim) -> bool:
        """Whether it is not shown to hold."""
        return not (claim.is_defined and (self.by_point or claim.holds(self.confidence)))

    def decide(self, claims: Sequence[Claim]) -> Verdict:
        """The verdict on some of the claims."""
        if any(self.fails(claim) for claim in claims):
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if not claims or any(map(self.is_open, claims)) else Verdict.PASS

    def with_verdicts(self, numbers: Mapping[str, Number], claims: Sequence[Claim]) -> dict[str, Number]:
        """The numbers, those that claims are about with the verdict on these alone."""
        about: dict[str, list[Claim]] = {}
        for claim in claims:
            about.setdefault(claim.number_name, []).append(claim)
        verdicts = {name: self.decide(claims) for name, claims in about.items()}
        return {name: replace(one, verdict=verdicts.get(name)) for name, one in numbers.items()}


@dataclass(frozen=True)
class Decision:
    """The verdict on a whole check, the reason, and the rows that would settle it where they can."""

    verdict: Verdict
    note: str = ""
    rows_to_settle: int | None = None


def rule_for(steps: Sequence[StepEvaluation], confidence: float, *, by_point: bool, unit: str = "rows") -> DecisionRule:
    """The rule for all severities, groups and bounds of a check together."""
    return DecisionRule.of(
        [claim for step in steps for claim in step.all_claims], confidence, by_point=by_point, unit=unit
    )


def decide(steps: Sequence[StepEvaluation], rule: DecisionRule) -> Decision:
    """The decision on all severities and groups."""
    named = [(group, claim) for step in steps for group, claims in step.claims.items() for claim in claims]
    verdict = rule.decide([claim for _, claim in named])
    if any(step.has_too_few_groups for step in steps) and verdict is not Verdict.FAIL:
        return Decision(Verdict.INCONCLUSIVE, "too few groups have enough rows to be judged")
    if verdict is Verdict.FAIL:
        group, worst = next((group, claim) for group, claim in named if rule.fails(claim))
        return Decision(verdict, _describe(worst, group, rule))
    if verdict is Verdict.PASS or not named:
        return Decision(verdict)
    pending = [(group, claim) for group, claim in named if rule.is_open(claim)]
    rows = rows_to_settle_all([claim for _, claim in pending], rule.confidence, rule.fail_confidences)
    group, first = pending[0]
    reason = _describe(first, group, rule)
    if first.estimate.never_settles:
        more = "" if first.estimate.undefined_reason else f"; {NEVER_SETTLES.format(rule.unit)}"
    else:
        more = f"; about {rows:,} {rule.unit} would settle it" if rows else ""
    return Decision(verdict, reason + more, rows)


def never_settles(steps: Sequence[StepEvaluation], rule: DecisionRule) -> bool:
    """Whether all that is open is such as no rows would settle."""
    claims = [claim for step in steps for claim in step.all_claims if rule.is_open(claim)]
    return bool(claims) and all(claim.estimate.never_settles for claim in claims)


def whole_part(step: StepEvaluation, rule: DecisionRule) -> Part:
    """The numbers of all rows, with those between groups."""
    found = [step.whole, *([step.gaps] if step.gaps else [])]
    numbers = {name: each for one in found for name, each in _numbers(one, rule).items()}
    return Part(rule.decide(step.all_claims), rule.with_verdicts(numbers, step.all_claims))


def group_parts(step: StepEvaluation, rule: DecisionRule) -> dict[str, Part]:
    """Every group with its numbers and the verdict on it alone."""
    return {name: _group_part(one, rule, is_small=name in step.small_groups) for name, one in step.groups.items()}


def make_number(estimate: Estimate, confidence: float, corrected_confidence: float | None = None) -> Number:
    """An estimate as reports have it: what is undefined, or has no end, is None.

    `corrected_confidence` is that of a second interval, where the number is one of several that are judged together.
    """
    interval = estimate.interval(confidence) if math.isfinite(estimate.value) else None
    low, high = (end if math.isfinite(end) else None for end in interval) if interval else (None, None)
    wider = None
    if interval and corrected_confidence is not None and corrected_confidence != confidence:
        wider = estimate.interval(corrected_confidence)
    value = estimate.value if math.isfinite(estimate.value) else None
    return Number(value, low, high, estimate.rows, estimate.method, wider)


def _numbers(evaluation: Evaluation, rule: DecisionRule) -> dict[str, Number]:
    """The numbers; one that a claim is about has the interval that the claim has to fail by, too."""
    levels = {id(claim.estimate): rule.fail_confidences.get(claim) for claim in evaluation.claims}
    return {name: make_number(one, rule.confidence, levels.get(id(one))) for name, one in evaluation.numbers.items()}


def _group_part(evaluation: Evaluation, rule: DecisionRule, *, is_small: bool) -> Part:
    numbers = _numbers(evaluation, rule)
    if is_small:
        return Part(Verdict.INCONCLUSIVE, numbers, f"{counted(evaluation.rows, 'row is', 'rows are')} too few")
    for verdict, decides in ((Verdict.FAIL, rule.fails), (Verdict.INCONCLUSIVE, rule.is_open)):
        first = next((claim for claim in evaluation.claims if decides(claim)), None)
        if first is not None:
            return Part(verdict, numbers, _describe(first, "", rule))
    return Part(Verdict.PASS, numbers)


def _describe(claim: Claim, group: str, rule: DecisionRule) -> str:
    """One claim in words: where the interval lies, and where the bound."""
    subject = f"{claim.text} in `{group}`" if group else claim.text
    if claim.estimate.undefined_reason:
        return f"{subject} {claim.estimate.undefined_reason}"
    interval = claim.estimate.interval(rule.confidence)
    value = claim.estimate.value
    text = _format_estimate(value, interval)
    bound = min((bound for bound in (claim.low, claim.high) if math.isfinite(bound)), key=lambda one: abs(one - value))
    if claim.fails(rule.confidence):
        return f"{subject} is {text}, {'above' if value > bound else 'below'} {bound:g}"
    if interval is not None and math.isinf(interval[claim.nearest_bound_is_above]):
        open_end = "above" if claim.nearest_bound_is_above else "below"
        return f"{subject} is {text}, left open {open_end} by {claim.estimate.rows:,} {rule.unit}"
    return f"{subject} is {text}, on both sides of {bound:g}"


def _format_estimate(value: float, interval: Interval) -> str:
    """An estimate with its interval; without decimals where all of it is whole, as counts are."""
    ends = interval or ()
    is_whole = all(one.is_integer() for one in map(float, (value, *ends)) if math.isfinite(one))
    to_text = _format_whole if is_whole else _format_decimal
    return to_text(value) + (
        f" [{', '.join('…' if math.isinf(end) else to_text(end) for end in ends)}]" if ends else ""
    )


def _format_whole(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < HUGE else _format_decimal(value)


def _format_decimal(value: float) -> str:
    return f"{value:.1e}" if value and not SMALLEST <= abs(value) < HUGE else f"{value:.3f}"
