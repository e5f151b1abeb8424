"""Findings: the numbers of a check on some rows, and the claims that its expectation makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from mqa_registry.errors import DataError
from mqa_registry.judging.claims import Claim
from mqa_registry.judging.measured import difference, drop, estimate, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.judging.answers import Answers
    from mqa_registry.judging.estimates import Estimate
    from mqa_registry.judging.reading import Reading
    from mqa_registry.judging.resampling import Resampling
    from mqa_registry.suite import Expect

MOST_GROUPS = 200  # of which every two are compared


@dataclass(frozen=True)
class Finding:
    """Numbers of one check on some rows, and what has to be true of them.

    `answers` are those that the numbers were made of; None for what a probe saw.
    """

    answers: Answers | None
    numbers: Mapping[str, Estimate]
    claims: Sequence[Claim] = ()

    @property
    def reading(self) -> Reading:
        """The rows themselves."""
        assert self.answers is not None
        return self.answers.reading

    @property
    def rows(self) -> int:
        """How many rows there are, whether or not they have a say in the measure."""
        return self.answers.rows if self.answers is not None else 0


def find(
    answers: Answers, expect: Expect, how: Resampling, refine: Callable[[Estimate], Estimate] | None = None
) -> Finding:
    """The numbers of some rows, and the claims on `value`, `drop` and `rise`; `refine` knows more of the value."""
    how = replace(how, clusters=answers.clusters)
    value = estimate(answers.measured, answers.rows, how)
    numbers = {"value": refine(value) if refine else value}
    if expect.max_drop is not None:
        numbers["drop"] = _drop(answers, how)
    if expect.max_rise is not None:
        numbers["rise"] = _drop(answers, how, rise=True)
    return Finding(answers, numbers, _claims(numbers, expect))


def find_gaps(answers: Answers, found: Mapping[str, Finding], expect: Expect) -> Finding:
    """The differences and ratios between every two groups, each a claim of its own; the widest is the number."""
    if expect.max_gap is None and expect.min_ratio is None:
        return Finding(answers, {})
    values = {name: finding.numbers["value"] for name, finding in found.items()}
    ordered = sorted(values, key=lambda name: -values[name].value if math.isfinite(values[name].value) else math.inf)
    gaps, ratios = [], []
    for high, low in combinations(ordered, 2):
        if (bound := expect.max_gap) is not None:
            gaps.append(Claim(f"`{high}` less `{low}`", difference(values[high], values[low]), -bound, bound, "gap"))
        if (bound := expect.min_ratio) is not None:
            share = ratio(values[low], values[high])
            ratios.append(Claim(f"`{low}` by `{high}`", share, bound, 1 / bound if bound else math.inf, "ratio"))
    numbers = {}
    if gaps:
        numbers["gap"] = max(gaps, key=_defined_first).estimate
    if ratios:
        numbers["ratio"] = max(ratios, key=lambda claim: _defined_first(claim, sign=-1)).estimate
    return Finding(answers, numbers, [*gaps, *ratios])


def refuse_many(groups: int) -> None:
    """A DataError where there are too many groups to compare every two of them."""
    if groups > MOST_GROUPS:
        raise DataError(
            f"{groups:,} groups are too many to compare every two of them",
            hint=f"slice by something with at most {MOST_GROUPS} groups, or bound each group with `min` or `max`",
        )


def _defined_first(claim: Claim, sign: int = 1) -> float:
    return sign * claim.estimate.value if claim.defined else -math.inf


def _drop(answers: Answers, how: Resampling, *, rise: bool = False) -> Estimate:
    """The reference less the view, or with `rise` the other way round."""
    before = answers.before
    assert before is not None
    if answers.whole.paired:
        pair = (answers.measured, before) if rise else (before, answers.measured)
        return drop(*pair, answers.rows, replace(how, same=answers.same))
    now = estimate(answers.measured, answers.rows, how)
    apart = replace(how, purpose=f"{how.purpose} reference", clusters=answers.clusters_before)
    then = estimate(before, answers.rows_before, apart)
    return difference(now, then) if rise else difference(then, now)


def _claims(numbers: Mapping[str, Estimate], expect: Expect) -> list[Claim]:
    claims = []
    if expect.min is not None or expect.max is not None:
        low = -math.inf if expect.min is None else expect.min
        high = math.inf if expect.max is None else expect.max
        claims.append(Claim("value", numbers["value"], low, high))
    if expect.max_drop is not None:
        claims.append(Claim("drop", numbers["drop"], high=expect.max_drop))
    if expect.max_rise is not None:
        claims.append(Claim("rise", numbers["rise"], high=expect.max_rise))
    return claims
