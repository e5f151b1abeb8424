"""Conclusions: what follows from the findings of one case, with the reason in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqa_registry.judging.claims import failing, verdict_at_point, verdict_of
from mqa_registry.judging.result import Number, Part, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.claims import Claim
    from mqa_registry.judging.estimates import Estimate
    from mqa_registry.judging.finding import Finding
    from mqa_registry.judging.reading import Reading


@dataclass(frozen=True)
class Judged:
    """One severity of a case: what was found on all rows, in each group and between groups.

    Groups under the least number of rows are `small`. `between` says that a claim between groups was asked for.
    """

    reading: Reading
    whole: Finding
    groups: Mapping[str, Finding]
    gaps: Finding
    small: frozenset[str] = frozenset()
    between: bool = False

    @property
    def claims(self) -> dict[str, Sequence[Claim]]:
        """Everything the verdict rests on, by the group it is about; the empty name stands for all rows or groups."""
        if not self.groups:
            return {"": self.whole.claims}
        large = {name: finding.claims for name, finding in self.groups.items() if name not in self.small}
        return {**large, "": self.gaps.claims}

    @property
    def too_few(self) -> bool:
        """Whether no group, or for a gap no two groups, are large enough to judge."""
        return bool(self.groups) and len(self.groups) - len(self.small) < 1 + self.between


@dataclass(frozen=True)
class Ruling:
    """How claims are held: at a confidence, or with `point` by the bare estimate."""

    confidence: float
    point: bool = False

    def verdict(self, claims: Sequence[Claim]) -> Verdict:
        return verdict_at_point(claims) if self.point else verdict_of(claims, self.confidence)

    def failing(self, claims: Sequence[Claim]) -> list[Claim]:
        if self.point:
            return [claim for claim in claims if claim.defined and not claim.holds_at_point()]
        return failing(claims, self.confidence)

    def open(self, claims: Sequence[Claim]) -> list[Claim]:
        """The claims that are not shown to hold."""
        return [claim for claim in claims if not (claim.defined and (self.point or claim.holds(self.confidence)))]


def ruled(steps: Sequence[Judged], ruling: Ruling) -> tuple[Verdict, str, int | None]:
    """The verdict on all severities and groups, the reason, and the rows that would settle it where they can."""
    named = [(group, claim) for step in steps for group, claims in step.claims.items() for claim in claims]
    claims = [claim for _, claim in named]
    names = {id(claim): group for group, claim in named}
    verdict = ruling.verdict(claims)
    if any(step.too_few for step in steps) and verdict is not Verdict.FAIL:
        return Verdict.INCONCLUSIVE, "too few groups have enough rows to be judged", None
    if verdict is Verdict.FAIL:
        worst = ruling.failing(claims)[0]
        return verdict, _said(worst, names[id(worst)], ruling.confidence), None
    if verdict is Verdict.PASS:
        return verdict, "", None
    pending = ruling.open(claims)
    needed = [claim.rows_to_settle(ruling.confidence) for claim in pending if claim.defined]
    rows = max((count for count in needed if count is not None), default=None)
    reason = _said(pending[0], names[id(pending[0])], ruling.confidence)
    return verdict, reason + (f"; about {rows:,} rows would settle it" if rows else ""), rows


def whole_part(judged: Judged, ruling: Ruling) -> Part:
    """The numbers of all rows, with those between groups."""
    numbers = {**judged.whole.numbers, **judged.gaps.numbers}
    claims = [claim for claims in judged.claims.values() for claim in claims]
    return Part(ruling.verdict(claims), {name: number(one, ruling.confidence) for name, one in numbers.items()})


def group_parts(judged: Judged, ruling: Ruling) -> dict[str, Part]:
    """Every group with its numbers and its own verdict; the correction is for the number of groups."""
    claims = {name: claims for name, claims in judged.claims.items() if name}
    fallen = {id(claim) for claim in ruling.failing([claim for group in claims.values() for claim in group])}
    level = 1 - (1 - ruling.confidence) / max(1, sum(map(len, claims.values())))
    parts = {}
    for name, finding in judged.groups.items():
        numbers = {key: number(one, ruling.confidence, level) for key, one in finding.numbers.items()}
        if name in judged.small:
            parts[name] = Part(Verdict.INCONCLUSIVE, numbers, f"{finding.rows:,} rows are too few")
        elif any(id(claim) in fallen for claim in finding.claims):
            parts[name] = Part(Verdict.FAIL, numbers, _said(finding.claims[0], "", ruling.confidence))
        elif ruling.open(finding.claims):
            parts[name] = Part(Verdict.INCONCLUSIVE, numbers, _said(finding.claims[0], "", ruling.confidence))
        else:
            parts[name] = Part(Verdict.PASS, numbers)
    return parts


def number(one: Estimate, confidence: float, corrected: float | None = None) -> Number:
    """An estimate as reports have it: what is undefined is None."""
    interval = one.interval(confidence) if math.isfinite(one.value) else None
    low, high = interval or (None, None)
    wider = one.interval(corrected) if corrected not in (None, confidence) and interval else None
    return Number(one.value if math.isfinite(one.value) else None, low, high, one.rows, one.method, wider)


def _said(claim: Claim, group: str, confidence: float) -> str:
    """One claim in words: where the interval lies, and where the bound."""
    subject = f"{claim.text} in `{group}`" if group else claim.text
    if not claim.defined:
        return f"{subject} is undefined on {claim.estimate.rows:,} rows"
    interval = claim.estimate.interval(confidence)
    if interval is None and claim.estimate.method != "none":
        return f"{subject} is {_short(claim.estimate.value)} in every resample, which shows nothing of other rows"
    shown = _short(claim.estimate.value)
    if interval is not None:
        shown += f" [{_short(interval[0])}, {_short(interval[1])}]"
    bounds = [bound for bound in (claim.low, claim.high) if math.isfinite(bound)]
    value = claim.estimate.value
    bound = min(bounds, key=lambda one: abs(one - value))
    if claim.fails(confidence):
        return f"{subject} is {shown}, {'above' if value > bound else 'below'} {bound:g}"
    return f"{subject} is {shown}, on both sides of {bound:g}"


def _short(value: float) -> str:
    return f"{value:.1e}" if value and abs(value) < 0.0005 else f"{value:.3f}"
