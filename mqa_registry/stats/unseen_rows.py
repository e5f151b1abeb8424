"""Unseen rows: how far rows of kinds that were seldom seen, or never, may move a statistic at the edge of its scale.

A bootstrap knows no row but those seen: resamples of a model without a mistake have none. So one row more is counted
with every resample, of the kind that moves the statistic most, first down and then up, with the weight of an exponential
variable. Of a share that makes Clopper and Pearson's interval: it has beta variables for ends, whose counts have one
more wrong row, or one more right one. In general it is Walley's imprecise Dirichlet model with s = 1 (J. R. Stat. Soc.
B 58, 1996), and with no row but equal ones the rule of three.

Where several kinds are tried, the row may be part of each: a share of many small classes loses more by a mistake in all
than by many in one. Where more than a few rows carry the spread of the resamples, the bootstrap has seen what there is,
and the row weighs the less the more they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.stats.binned_statistics import values_with_rows

if TYPE_CHECKING:
    from mqa_registry.stats.binned_statistics import FunctionOfCounts
    from mqa_registry.stats.estimates import Ends, Floats, Ints, Span

FEW_DEGREES_OF_FREEDOM = 10.0  # twice the rows that carry a spread, up to which an unseen one weighs as much as another
TAIL_WEIGHT = -math.log(
    0.025
)  # of an unseen row at the end of an interval of 95 %, for which the worst kinds are sought
SMALL_WEIGHT = 1e-4  # rows, by which a number's slope is taken
SMALLER_WEIGHT = SMALL_WEIGHT / 10
JUMP = 0.5  # of what the small weight does: a number that the smaller one moves so far, too, jumps there
ROUNDING = 1e-9  # of a number
TINY_WEIGHT = 1e-9  # rows, which show which way a number goes
BISECTIONS = 32  # of what a row weighs, to find where a number turns
TAIL_REPLICATES = 5  # resamples on each side, beyond which a tail is continued


@dataclass(frozen=True)
class UnseenRowReplicates:
    """The replicates of a number with one more row that pulls it down, `lows`, and up, `highs`.

    `down` and `up` are what such a row does where it is a small part of all, and `weights` what it weighs in each. A
    number that the smallest part of a row moves as far as a whole one `jumps`, and no number of rows is enough to tell.
    """

    lows: Floats
    highs: Floats
    down: float
    up: float
    weights: Floats
    jumps: bool = False

    @classmethod
    def from_span(cls, value: float, span: Span, weights: Floats, units: int) -> UnseenRowReplicates | None:
        """Those of a number that nothing moves, as if it were a mean of so many units; None where its span is open."""
        if not all(map(math.isfinite, span)):
            return None
        part = weights / (units + weights)
        down, up = (end - value for end in span)
        return cls(value + part * down, value + part * up, down / units, up / units, weights)

    def interval(self, tail: float) -> Ends:
        """The ends beyond which the number lies with a chance of `tail` each."""
        scale = float(self.weights.mean()) if len(self.weights) else 0.0
        return _tail_quantile(self.lows, tail, self.down * scale), -_tail_quantile(-self.highs, tail, -self.up * scale)

    def with_rows(self, share: float, before: Floats, replicates: Floats) -> UnseenRowReplicates:
        """The same of `share` times the rows, from the replicates of these rows, `before`, and of so many.

        An unseen row is taken to do as much as it does where it is a small part of all, or as it does to these rows,
        whichever is more.
        """
        weights = self.weights / share
        lows = replicates + np.minimum(weights * self.down, (self.lows - before) / share)
        highs = replicates + np.maximum(weights * self.up, (self.highs - before) / share)
        return replace(self, lows=lows, highs=highs, weights=weights)


def _tail_quantile(replicates: Floats, tail: float, pull: float) -> float:
    """The lower quantile of replicates; beyond the outermost few it goes on as an exponential tail."""
    defined = replicates[np.isfinite(replicates)]
    edge = TAIL_REPLICATES / len(defined)
    beyond = pull * math.log(edge / tail) if tail < edge else 0.0
    return float(np.quantile(defined, min(max(tail, edge), 0.5))) + beyond


@dataclass(frozen=True)
class WorstRow:
    """The row that moves a number most one way, as parts of one row by bin, and how far it does.

    `parts` move it most as a whole row, `first` as a small part of one, each of shape (bins,). `step` is what one row
    does, `slope` the same where it is a small part of all; the number `jumps` where the smallest part of a row does no
    less than a larger one.
    """

    parts: Floats
    step: float
    slope: float = 0.0
    first: Floats | None = None
    jumps: bool = False

    @property
    def mixtures(self) -> list[Floats]:
        """The parts of a row that are tried."""
        return [self.parts] if self.first is None else [self.parts, self.first]


def find_worst_rows(
    statistic: FunctionOfCounts, counts: Floats, bins: Ints, unit: float
) -> tuple[WorstRow, WorstRow] | None:
    """What moves a number most, down and up, of units of so many rows; None where no kind of row moves it.

    `counts` has shape (all bins,), `bins` are those that rows can be in.
    """
    value = float(statistic(counts[None])[0])
    far = values_with_rows(statistic, counts, bins, TAIL_WEIGHT * unit) - value
    bins, far = bins[np.isfinite(far)], far[np.isfinite(far)]
    if not len(bins):
        return None
    order = np.argsort(far, kind="stable")
    near, nearer = (
        values_with_rows(statistic, counts, bins, weight * unit) - value for weight in (SMALL_WEIGHT, SMALLER_WEIGHT)
    )
    jumps = (np.abs(near) > ROUNDING) & (np.abs(nearer) > JUMP * np.abs(near))

    def find(sign: int, ordered: Ints) -> WorstRow:
        found = _worst_mixture(statistic, counts, ordered, unit, sign)
        moved = np.where(np.isfinite(near), sign * near, 0.0)
        most = float(moved.max())
        if most <= 0:
            return replace(found, slope=found.step)
        first = np.zeros(len(counts))
        first[bins[np.argmax(moved)]] = unit
        slope = sign * max(sign * found.step, most / SMALL_WEIGHT)
        return replace(found, slope=slope, first=first, jumps=bool(jumps[moved > 0].any()))

    return find(-1, bins[order]), find(1, bins[order[::-1]])


def find_extremes(
    statistic: FunctionOfCounts, counts: Floats, mixtures: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """The least and the most that a number comes to as rows of one of the mixtures are added, up to a weight.

    `counts` has shape (resamples, bins), `mixtures` (mixtures, bins), `weights` and both results (resamples,). Rows need
    not move a number one way: the calibration error of a model less sure than right falls with its first mistake and
    rises with the next. It is taken to turn once.
    """
    start, tiny = statistic(counts), _tiny_part(weights)
    shape = len(mixtures), len(weights)
    lows, highs, directions, is_turning = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape, bool)
    for number, parts in enumerate(mixtures):
        begin, before_end, end = (
            statistic(counts + added[:, None] * parts) for added in (tiny, weights - tiny, weights)
        )
        lows[number], highs[number] = np.fmin(start, end), np.fmax(start, end)
        directions[number] = np.sign(begin - start)
        is_turning[number] = directions[number] * (end - before_end) < 0
    numbers, resamples = np.nonzero(is_turning)
    if len(resamples):
        direction = directions[is_turning]
        turned = _value_at_turn(statistic, counts[resamples], mixtures[numbers], weights[resamples], direction)
        for most, is_most in ((lows, direction < 0), (highs, direction > 0)):
            most[numbers[is_most], resamples[is_most]] = turned[is_most]
    return np.fmin.reduce(lows), np.fmax.reduce(highs)


def _value_at_turn(
    statistic: FunctionOfCounts, counts: Floats, parts: Floats, weights: Floats, direction: Floats
) -> Floats:
    """What a number comes to where it turns, which is somewhere up to the weight of the rows that are added.

    `counts` and `parts` have shape (cases, bins), the others (cases,); `direction` is 1 where it rises first, else -1.
    """
    low, high, tiny = np.zeros(len(weights)), weights, _tiny_part(weights)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        both = (counts + added[:, None] * parts for added in (middle, middle + tiny))
        here, onward = np.split(statistic(np.concatenate(list(both))), 2)
        goes_on = direction * (onward - here) > 0
        low, high = np.where(goes_on, middle, low), np.where(goes_on, high, middle)
    return statistic(counts + high[:, None] * parts)


def _tiny_part(weights: Floats) -> Floats:
    """So little of each weight that it shows which way a number goes."""
    return np.minimum(TINY_WEIGHT, weights / 2)


def _worst_mixture(statistic: FunctionOfCounts, counts: Floats, ordered: Ints, unit: float, sign: int) -> WorstRow:
    """The worst kind, or the two, four, eight ... worst in equal parts."""

    def spread_over(width: int) -> Floats:
        parts = np.zeros(len(counts))
        parts[ordered[:width]] = unit / width
        return parts

    value = float(statistic(counts[None])[0])
    widths = [1 << power for power in range(len(ordered).bit_length())]
    moved = [float(statistic((counts + TAIL_WEIGHT * spread_over(width))[None])[0]) for width in widths]
    far = sign * (np.array(moved) - value)
    best = spread_over(widths[int(np.argmax(np.where(np.isfinite(far), far, -math.inf)))])
    step = float(statistic((counts + best)[None])[0]) - value
    return WorstRow(best, sign * max(0.0, sign * step))


def draw_weights(rng: np.random.Generator, count: int, freedom: float) -> Floats:
    """What the unseen row weighs in each resample: an exponential variable, spread evenly over its quantiles."""
    levels = (np.arange(count) + 0.5) / count
    part = min(1.0, FEW_DEGREES_OF_FREEDOM / freedom) if freedom > 0 else 1.0
    return np.asarray(-np.log(rng.permutation(levels)) * part)
