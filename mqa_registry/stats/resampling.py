"""Resampling: how much a statistic would differ on other rows of the same kind."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mqa_registry.stats.binned import FEW_BINS, JointBins
from mqa_registry.stats.bootstrap import BootstrapEstimate, snap_to_value
from mqa_registry.stats.estimates import UNBOUNDED
from mqa_registry.stats.randomness import generator
from mqa_registry.stats.resampling_units import ClusterUnits, RowUnits
from mqa_registry.stats.unseen_rows import UnseenRowReplicates, draw_weights, extreme_values, find_worst_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.stats.binned import BinnedStatistic, Combine
    from mqa_registry.stats.estimates import Floats, Ints, Span
    from mqa_registry.stats.proportions import ProportionInterval


@dataclass(frozen=True)
class IntervalOptions:
    """How intervals are made: what the randomness of resampling depends on, how often to resample, how of a proportion.

    `clusters` has each row's cluster, shape (rows,), where rows were drawn in clusters. `identical` says that both sides
    of a drop have the same predictions in every row, probabilities and all.
    """

    seed: int
    purpose: str
    n_resamples: int = 1000
    proportion_interval: ProportionInterval = "exact"
    clusters: Ints | None = None
    identical: bool = False


def bootstrap(
    statistics: Sequence[BinnedStatistic],
    combine: Combine,
    options: IntervalOptions,
    method: str = "bca",
    span: Span = UNBOUNDED,
) -> BootstrapEstimate:
    """The estimate of a number made of statistics of the same rows, which are resampled together."""
    joint = JointBins.of(statistics)
    bins = len(joint.counts)
    units = (
        RowUnits(joint.bin_of_row, joint.counts)
        if options.clusters is None
        else ClusterUnits.of(joint.bin_of_row, bins, options.clusters)
    )
    value = float(joint.number(joint.counts[None], combine)[0])
    method = method if options.clusters is None else f"cluster {method}"
    if units.number < 2:
        undefined = np.full(options.n_resamples, np.nan)
        return BootstrapEstimate(value, joint.rows, undefined, method=method, units=units.number, span=span)
    rng = generator(options.seed, "bootstrap", options.purpose)
    resamples: list[Floats] = []
    parts = []
    for counts in units.draw(rng, options.n_resamples):
        parts.append(joint.number(counts, combine))
        resamples += [counts] if bins <= FEW_BINS else []
    replicates = snap_to_value(value, np.concatenate(parts))
    influences = _jackknife(joint, units, combine, rng)
    made = BootstrapEstimate(
        value,
        joint.rows,
        replicates,
        influences.squares,
        influences.cubes,
        method,
        units.number,
        influences.degrees_of_freedom,
        span,
    )
    freedom = 0.0 if made.is_constant else influences.degrees_of_freedom
    weights = draw_weights(generator(options.seed, "edges", options.purpose), len(replicates), freedom)
    return replace(made, unseen=_unseen_rows(joint, combine, made, weights, resamples, identical=options.identical))


def _unseen_rows(
    joint: JointBins,
    combine: Combine,
    made: BootstrapEstimate,
    weights: Floats,
    resamples: Sequence[Floats],
    *,
    identical: bool,
) -> UnseenRowReplicates | None:
    """What rows of kinds that were not seen may do; of many bins each resample is moved as far as all rows are.

    Where two sides are the same to the last bit, a row on which they differ is not taken to be of the worst kind that
    equal predictions would leave room for, but to move the number as it would a mean; of a number without a range, for
    which there is no such mean, it is of the worst kind all the same.
    """

    def number(counts: Floats) -> Floats:
        return joint.number(counts, combine)

    if not math.isfinite(made.value):
        return None
    units = made.units or made.rows
    like_a_mean = identical and made.is_constant and all(map(math.isfinite, made.span))
    unit = float(joint.counts.sum()) / units
    found = None if like_a_mean else find_worst_rows(number, joint.counts, joint.candidates, unit)
    if found is None or not any(row.step or row.slope for row in found):
        if not made.is_constant:
            return None
        return UnseenRowReplicates.from_span(made.value, made.span, weights, units)
    down, up = found
    if not resamples:
        lows, highs = (made.replicates + weights * row.step for row in (down, up))
    else:
        each = np.split(weights, np.cumsum([len(counts) for counts in resamples])[:-1])
        pairs = list(zip(resamples, each, strict=True))
        extremes = [
            np.hstack([extreme_values(number, counts, parts, some) for counts, some in pairs])
            for parts in (*down.mixtures, *up.mixtures)
        ]
        lows = np.fmin.reduce([low for low, _ in extremes])
        highs = np.fmax.reduce([high for _, high in extremes])
    return UnseenRowReplicates(lows, highs, down.slope, up.slope, weights, down.jumps or up.jumps)


@dataclass(frozen=True)
class _Influences:
    """Sums of the squares and cubes of the jackknife influences, and the degrees of freedom of the former."""

    squares: float
    cubes: float
    degrees_of_freedom: float


def _jackknife(
    joint: JointBins, units: RowUnits | ClusterUnits, combine: Combine, rng: np.random.Generator
) -> _Influences:
    """The influences of the units, each left out in turn.

    The degrees of freedom are Satterthwaite's (Biometrics Bull. 2, 1946), from how the squares vary: where few units
    have most of the influence, as positives have that are rare, those few are what there is to go by.
    """
    parts = [(joint.number(joint.counts - taken, combine), alike) for taken, alike in units.leave_out(rng)]
    without, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    defined = np.isfinite(without)
    most = max(1.0, units.number - 1.0)
    if not defined.any():
        return _Influences(0.0, 0.0, most)
    value = float(joint.number(joint.counts[None], combine)[0])
    weights, without = weights[defined], snap_to_value(value, without[defined])
    distance = np.average(without, weights=weights) - without
    squares, cubes, fourths = (float((weights * distance**power).sum()) for power in (2, 3, 4))
    spread = fourths - squares**2 / float(weights.sum())
    freedom = 2 * squares**2 / spread if spread > 0 else most
    return _Influences(squares, cubes, min(max(freedom, 1.0), most))
