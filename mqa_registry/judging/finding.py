"""Findings: the numbers of a check on some rows, and the claims that its expectation makes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

from mqa_registry.errors import DataError
from mqa_registry.judging.claims import Claim
from mqa_registry.judging.measured import Measured, difference, drop, estimate, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mqa_registry.judging.estimates import Estimate
    from mqa_registry.judging.reading import Reading
    from mqa_registry.judging.resampling import Resampling
    from mqa_registry.suite import Expect

MOST_GROUPS = 200  # of which every two are compared


@dataclass(frozen=True)
class Finding:
    """Numbers of one check on some rows, and what has to be true of them."""

    reading: Reading
    numbers: Mapping[str, Estimate]
    claims: Sequence[Claim] = ()

    @property
    def rows(self) -> int:
        """How many rows had a say in the measure."""
        return self.numbers["value"].rows


def find(reading: Reading, expect: Expect, how: Resampling) -> Finding:
    """The numbers of some rows, and the claims on `value`, `drop` and `rise`."""
    measured = _measured(reading)
    numbers = {"value": estimate(measured, len(reading.sample), how)}
    if expect.max_drop is not None:
        numbers["drop"] = _drop(reading, measured, how)
    if expect.max_rise is not None:
        numbers["rise"] = _drop(reading, measured, how, rise=True)
    return Finding(reading, numbers, _claims(numbers, expect))


def find_gaps(reading: Reading, found: Mapping[str, Finding], expect: Expect, how: Resampling) -> Finding:
    """The differences and ratios between every two groups, each a claim of its own; the widest is the number."""
    if expect.max_gap is None and expect.min_ratio is None:
        return Finding(reading, {})
    if len(found) > MOST_GROUPS:
        raise DataError(
            f"{len(found):,} groups are too many to compare every two of them",
            hint=f"slice by something with at most {MOST_GROUPS} groups, or bound each group with `min` or `max`",
        )
    values = {name: finding.numbers["value"] for name, finding in found.items()}
    ordered = sorted(values, key=lambda name: -values[name].value)
    gaps, ratios = [], []
    for high, low in combinations(ordered, 2):
        if (bound := expect.max_gap) is not None:
            gaps.append(Claim(f"`{high}` less `{low}`", difference(values[high], values[low]), -bound, bound))
        if (bound := expect.min_ratio) is not None:
            share = ratio(values[low], values[high], replace(how, purpose=f"{how.purpose} {low} by {high}"))
            ratios.append(Claim(f"`{low}` by `{high}`", share, bound, 1 / bound if bound else math.inf))
    numbers = {}
    if gaps:
        numbers["gap"] = max(gaps, key=lambda claim: claim.estimate.value).estimate
    if ratios:
        numbers["ratio"] = min(ratios, key=lambda claim: claim.estimate.value).estimate
    return Finding(reading, numbers, [*gaps, *ratios])


def _measured(reading: Reading) -> Measured:
    sample, reference = reading.sample, reading.reference
    if not reading.compares:
        return Measured.of(reading.measure.call(sample.predictions, sample.targets))
    assert reference is not None
    return Measured.of(reading.measure.call(reference.predictions, sample.predictions))


def _drop(reading: Reading, measured: Measured, how: Resampling, *, rise: bool = False) -> Estimate:
    """The reference less the view, or with `rise` the other way round."""
    reference = reading.reference
    assert reference is not None
    before = Measured.of(reading.measure.call(reference.predictions, reference.targets))
    pair = (measured, before) if rise else (before, measured)
    if reading.paired:
        return drop(*pair, len(reading.sample), how)
    rows = {id(measured): len(reading.sample), id(before): len(reference)}
    one, two = (estimate(one, rows[id(one)], replace(how, purpose=f"{how.purpose} {n}")) for n, one in enumerate(pair))
    return difference(one, two)


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
