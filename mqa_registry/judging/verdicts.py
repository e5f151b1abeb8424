"""Verdicts: what follows from the claims of one case; `verdict_messages.py` words the reason."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mqa_registry.judging.result import Number, Part, Verdict
from mqa_registry.judging.verdict_messages import (
    TOO_FEW_GROUPS,
    describe_claim,
    describe_close_claim,
    describe_small_group,
    describe_unsettled_claim,
)
from mqa_registry.stats.multiplicity import holm_confidences
from mqa_registry.stats.sample_size import find_hardest_claim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.claims import Evaluation, StepEvaluation
    from mqa_registry.stats.estimates import Claim, Estimate


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

    def holds(self, claim: Claim) -> bool:
        """Whether it is shown to hold."""
        if self.by_point:
            return claim.is_defined and claim.holds_at_point()
        return claim.is_defined and claim.holds(self.confidence)

    def fails(self, claim: Claim) -> bool:
        """Whether it is shown not to hold."""
        if self.by_point:
            return claim.is_defined and not claim.holds_at_point()
        return claim.fails(self.fail_confidences[claim]) and not self.holds(claim)

    def decide(self, claims: Sequence[Claim]) -> Verdict:
        """The verdict on some of the claims."""
        if any(map(self.fails, claims)):
            return Verdict.FAIL
        return Verdict.PASS if claims and all(map(self.holds, claims)) else Verdict.INCONCLUSIVE

    def with_verdicts(self, numbers: Mapping[str, Number], claims: Sequence[Claim]) -> dict[str, Number]:
        """The numbers, those that claims are about with the verdict on these alone."""
        about: dict[str, list[Claim]] = {}
        for claim in claims:
            about.setdefault(claim.number_name, []).append(claim)
        verdicts = {name: self.decide(claims) for name, claims in about.items()}
        return {name: replace(one, verdict=verdicts.get(name)) for name, one in numbers.items()}


@dataclass(frozen=True)
class Decision:
    """The verdict on a whole check, the reason, and the rows that would settle it where they can.

    `is_too_close` says that a number is so close to its bound that nobody can gather as many.
    """

    verdict: Verdict
    note: str = ""
    rows_to_settle: int | None = None
    is_too_close: bool = False


def rule_for(steps: Sequence[StepEvaluation], confidence: float, *, by_point: bool, unit: str = "rows") -> DecisionRule:
    """The rule for all severities, groups and bounds of a check together."""
    return DecisionRule.of(
        [claim for step in steps for claim in step.all_claims], confidence, by_point=by_point, unit=unit
    )


def decide(steps: Sequence[StepEvaluation], rule: DecisionRule) -> Decision:
    """The decision on all severities and groups."""
    named = [(group, claim) for step in steps for group, claims in step.claims.items() for claim in claims]
    verdict = rule.decide([claim for _, claim in named])
    if verdict is Verdict.FAIL:
        group, failed = next((group, claim) for group, claim in named if rule.fails(claim))
        return Decision(verdict, describe_claim(failed, group, rule))
    if any(step.has_too_few_groups for step in steps):
        return Decision(Verdict.INCONCLUSIVE, TOO_FEW_GROUPS)
    if verdict is Verdict.PASS or not named:
        return Decision(verdict)
    pending = [(group, claim) for group, claim in named if not rule.holds(claim)]
    hardest = find_hardest_claim([claim for _, claim in pending], rule.confidence, rule.fail_confidences)
    if hardest is not None and hardest.rows is None:
        group, closest = next((group, claim) for group, claim in pending if claim is hardest.claim)
        return Decision(verdict, describe_close_claim(closest, group, rule), is_too_close=True)
    rows = hardest.rows if hardest else None
    group, first = pending[0]
    return Decision(verdict, describe_unsettled_claim(first, group, rule, rows), rows)


def never_settles(steps: Sequence[StepEvaluation], rule: DecisionRule) -> bool:
    """Whether no number of rows would show any of the claims to hold that are not shown to."""
    pending = [claim for step in steps for claim in step.all_claims if not rule.holds(claim)]
    return bool(pending) and all(claim.estimate.never_settles for claim in pending)


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
    numbers, claims = _numbers(evaluation, rule), evaluation.claims
    if is_small:
        return Part(Verdict.INCONCLUSIVE, numbers, describe_small_group(evaluation.rows))
    failed = [claim for claim in claims if rule.fails(claim)]
    pending = [claim for claim in claims if not rule.holds(claim)]
    if not pending:
        return Part(Verdict.PASS, numbers)
    verdict = Verdict.FAIL if failed else Verdict.INCONCLUSIVE
    return Part(verdict, numbers, describe_claim((failed or pending)[0], "", rule))
