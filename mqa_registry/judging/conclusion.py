"""Conclusions: what follows from the findings of one case, with the reason in words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mqa_registry.judging.claims import holm
from mqa_registry.judging.result import Number, Part, Verdict
from mqa_registry.naming import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.claims import Claim
    from mqa_registry.judging.estimates import Estimate, Interval
    from mqa_registry.judging.finding import Finding
    from mqa_registry.judging.reading import Reading


_HUGE = 1e9  # from here on, a number is written in powers of ten
_NO_MATTER = "one more of a kind not seen yet would move it as far, so more {} like these do not settle it"
TRIED = 20  # open claims for which the rows that would settle them are searched, those that need the most


@dataclass(frozen=True)
class Judged:
    """One severity of a case: what was found on all rows, in each group and between groups.

    Groups under the least number of rows are `small`. `between` says that a claim between groups was asked for.
    """

    whole: Finding
    groups: Mapping[str, Finding] = field(default_factory=dict)
    gaps: Finding | None = None
    small: frozenset[str] = frozenset()
    between: bool = False

    @property
    def reading(self) -> Reading:
        assert self.whole.answers is not None
        return self.whole.answers.whole

    @property
    def claims(self) -> dict[str, Sequence[Claim]]:
        """Everything the verdict rests on, by the group it is about; the empty name stands for all rows or groups."""
        if self.gaps is None:
            return {"": self.whole.claims}
        large = {name: finding.claims for name, finding in self.groups.items() if name not in self.small}
        return {**large, "": self.gaps.claims}

    @property
    def too_few(self) -> bool:
        """Whether no group, or for a gap no two groups, are large enough to judge."""
        return bool(self.groups) and len(self.groups) - len(self.small) < 1 + self.between


@dataclass(frozen=True)
class Ruling:
    """How the claims of a whole check are held: at a confidence, or with `point` by the bare estimate.

    `levels` has for each claim, by its `id`, the confidence at which it has to fail, corrected for the number of all.
    `unit` is what there would have to be more of to settle it.
    """

    confidence: float
    point: bool
    levels: Mapping[int, float]
    unit: str = "rows"

    @classmethod
    def on(cls, steps: Sequence[Judged], confidence: float, *, point: bool, unit: str = "rows") -> Ruling:
        """The ruling on all severities, groups and bounds of a check together."""
        claims = [claim for step in steps for claims in step.claims.values() for claim in claims]
        return cls(confidence, point, {} if point else holm(claims, confidence), unit)

    def fails(self, claim: Claim) -> bool:
        if self.point:
            return claim.defined and not claim.holds_at_point()
        return claim.fails(self.levels[id(claim)])

    def open(self, claim: Claim) -> bool:
        """Whether it is not shown to hold."""
        return not (claim.defined and (self.point or claim.holds(self.confidence)))

    def verdict(self, claims: Sequence[Claim]) -> Verdict:
        """The verdict on some of the claims."""
        if any(self.fails(claim) for claim in claims):
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if not claims or any(map(self.open, claims)) else Verdict.PASS

    def with_verdicts(self, numbers: Mapping[str, Number], claims: Sequence[Claim]) -> dict[str, Number]:
        """The numbers, those that claims are about with the verdict on these alone."""
        about: dict[str, list[Claim]] = {}
        for claim in claims:
            about.setdefault(claim.number, []).append(claim)
        verdicts = {name: self.verdict(claims) for name, claims in about.items()}
        return {name: replace(one, verdict=verdicts.get(name)) for name, one in numbers.items()}


def ruled(steps: Sequence[Judged], ruling: Ruling) -> tuple[Verdict, str, int | None]:
    """The verdict on all severities and groups, the reason, and the rows that would settle it where they can."""
    named = [(group, claim) for step in steps for group, claims in step.claims.items() for claim in claims]
    verdict = ruling.verdict([claim for _, claim in named])
    if any(step.too_few for step in steps) and verdict is not Verdict.FAIL:
        return Verdict.INCONCLUSIVE, "too few groups have enough rows to be judged", None
    if verdict is Verdict.FAIL:
        group, worst = next((group, claim) for group, claim in named if ruling.fails(claim))
        return verdict, _said(worst, group, ruling), None
    if verdict is Verdict.PASS or not named:
        return verdict, "", None
    pending = [(group, claim) for group, claim in named if ruling.open(claim)]
    rows = _rows_to_settle([claim for _, claim in pending], ruling)
    group, first = pending[0]
    reason = _said(first, group, ruling)
    if first.beyond_rows:
        return verdict, reason + ("" if first.estimate.flaw else f"; {_NO_MATTER.format(ruling.unit)}"), rows
    return verdict, reason + (f"; about {rows:,} {ruling.unit} would settle it" if rows else ""), rows


def beyond_rows(steps: Sequence[Judged], ruling: Ruling) -> bool:
    """Whether all that is open is such as no rows would settle."""
    claims = [claim for step in steps for claims in step.claims.values() for claim in claims if ruling.open(claim)]
    return bool(claims) and all(claim.beyond_rows for claim in claims)


def whole_part(judged: Judged, ruling: Ruling) -> Part:
    """The numbers of all rows, with those between groups."""
    found = [judged.whole, *([judged.gaps] if judged.gaps else [])]
    claims = [claim for claims in judged.claims.values() for claim in claims]
    numbers = {name: each for finding in found for name, each in _numbers(finding, ruling).items()}
    return Part(ruling.verdict(claims), ruling.with_verdicts(numbers, claims))


def group_parts(judged: Judged, ruling: Ruling) -> dict[str, Part]:
    """Every group with its numbers and its own verdict."""
    return {name: _group(finding, ruling, small=name in judged.small) for name, finding in judged.groups.items()}


def number(one: Estimate, confidence: float, corrected: float | None = None) -> Number:
    """An estimate as reports have it: what is undefined, or has no end, is None."""
    interval = one.interval(confidence) if math.isfinite(one.value) else None
    low, high = (end if math.isfinite(end) else None for end in interval) if interval else (None, None)
    wider = one.interval(corrected) if corrected not in (None, confidence) and interval else None
    return Number(one.value if math.isfinite(one.value) else None, low, high, one.rows, one.method, wider)


def _numbers(finding: Finding, ruling: Ruling) -> dict[str, Number]:
    """What was found, and beside a number that a claim is about the interval that the claim has to fail by."""
    levels = {id(claim.estimate): ruling.levels.get(id(claim)) for claim in finding.claims}
    return {name: number(one, ruling.confidence, levels.get(id(one))) for name, one in finding.numbers.items()}


def _group(finding: Finding, ruling: Ruling, *, small: bool) -> Part:
    if small:
        return Part(
            Verdict.INCONCLUSIVE, _numbers(finding, ruling), f"{counted(finding.rows, 'row is', 'rows are')} too few"
        )
    telling = next((claim for claim in finding.claims if ruling.fails(claim)), None)
    if telling is not None:
        return Part(Verdict.FAIL, _numbers(finding, ruling), _said(telling, "", ruling))
    telling = next((claim for claim in finding.claims if ruling.open(claim)), None)
    if telling is not None:
        return Part(Verdict.INCONCLUSIVE, _numbers(finding, ruling), _said(telling, "", ruling))
    return Part(Verdict.PASS, _numbers(finding, ruling))


def _rows_to_settle(claims: Sequence[Claim], ruling: Ruling) -> int | None:
    """The rows that would settle the claim that needs the most, of those that rows can settle."""
    known = [(claim, (ruling.confidence, ruling.levels.get(id(claim)))) for claim in claims if claim.defined]
    rough = [(claim.roughly_to_settle(*levels) or 0, claim, levels) for claim, levels in known]
    most = sorted((each for each in rough if each[0]), key=lambda each: -each[0])[:TRIED]
    return max((rows for _, claim, levels in most if (rows := claim.rows_to_settle(*levels))), default=None)


def _said(claim: Claim, group: str, ruling: Ruling) -> str:
    """One claim in words: where the interval lies, and where the bound."""
    subject = f"{claim.text} in `{group}`" if group else claim.text
    if claim.estimate.flaw:
        return f"{subject} {claim.estimate.flaw}"
    interval = claim.estimate.interval(ruling.confidence)
    value = claim.estimate.value
    shown = _shown(value, interval)
    bound = min((bound for bound in (claim.low, claim.high) if math.isfinite(bound)), key=lambda one: abs(one - value))
    if claim.fails(ruling.confidence):
        return f"{subject} is {shown}, {'above' if value > bound else 'below'} {bound:g}"
    if interval is not None and math.isinf(interval[claim.bound_above]):
        open_end = "above" if claim.bound_above else "below"
        return f"{subject} is {shown}, left open {open_end} by {claim.estimate.rows:,} {ruling.unit}"
    return f"{subject} is {shown}, on both sides of {bound:g}"


def _shown(value: float, interval: Interval) -> str:
    """An estimate with its interval; without decimals where all of it is whole, as counts are."""
    ends = interval or ()
    whole = all(one.is_integer() for one in map(float, (value, *ends)) if math.isfinite(one))
    spell = _whole if whole else _short
    return spell(value) + (f" [{', '.join('…' if math.isinf(end) else spell(end) for end in ends)}]" if ends else "")


def _whole(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < _HUGE else _short(value)


def _short(value: float) -> str:
    return f"{value:.1e}" if value and not 0.0005 <= abs(value) < _HUGE else f"{value:.3f}"
