"""Resampling: rows, or clusters of rows, drawn again for a bootstrap and left out for a jackknife."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.stats.binned_statistics import BINS_AT_ONCE, FEW_BINS, JointBins
from mqa_registry.stats.bootstrap import BootstrapEstimate, snap_to_value
from mqa_registry.stats.estimates import UNBOUNDED
from mqa_registry.stats.randomness import generator
from mqa_registry.stats.unseen_rows import UnseenRowReplicates, draw_weights, find_extremes, find_worst_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mqa_registry.stats.binned_statistics import BinnedStatistic, Combine
    from mqa_registry.stats.estimates import Floats, Ints, Span
    from mqa_registry.stats.proportions import ProportionInterval

ROWS_PER_BIN = 12  # from so many rows a bin on, counts of bins are quicker to draw than rows
JACKKNIFE_BLOCKS = 200  # of units, where there are more than few


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
    value = float(joint.compute(joint.counts[None], combine)[0])
    method = method if options.clusters is None else f"cluster {method}"
    if units.n_units < 2:
        undefined = np.full(options.n_resamples, np.nan)
        return BootstrapEstimate(value, joint.rows, undefined, method=method, units=units.n_units, span=span)
    rng = generator(options.seed, "bootstrap", options.purpose)
    resamples: list[Floats] = []
    parts = []
    for counts in units.draw(rng, options.n_resamples):
        parts.append(joint.compute(counts, combine))
        resamples += [counts] if bins <= FEW_BINS else []
    replicates = snap_to_value(value, np.concatenate(parts))
    influences = _jackknife(joint, units, combine, rng)
    estimate = BootstrapEstimate(
        value,
        joint.rows,
        replicates,
        influences.squares,
        influences.cubes,
        method,
        units.n_units,
        influences.degrees_of_freedom,
        span,
    )
    freedom = 0.0 if estimate.is_constant else influences.degrees_of_freedom
    weights = draw_weights(generator(options.seed, "edges", options.purpose), len(replicates), freedom)
    return replace(
        estimate, unseen=_unseen_rows(joint, combine, estimate, weights, resamples, identical=options.identical)
    )


def _unseen_rows(
    joint: JointBins,
    combine: Combine,
    estimate: BootstrapEstimate,
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

    def compute(counts: Floats) -> Floats:
        return joint.compute(counts, combine)

    if not math.isfinite(estimate.value):
        return None
    units = estimate.units or estimate.rows
    like_a_mean = identical and estimate.is_constant and all(map(math.isfinite, estimate.span))
    unit = float(joint.counts.sum()) / units
    found = None if like_a_mean else find_worst_rows(compute, joint.counts, joint.candidates, unit)
    if found is None or not any(row.step or row.slope for row in found):
        if not estimate.is_constant:
            return None
        return UnseenRowReplicates.from_span(estimate.value, estimate.span, weights, units)
    down, up = found
    if not resamples:
        lows, highs = (estimate.replicates + weights * row.step for row in (down, up))
    else:
        each = np.split(weights, np.cumsum([len(counts) for counts in resamples])[:-1])
        pairs = zip(resamples, each, strict=True)
        mixtures = np.array([*down.mixtures, *up.mixtures])
        extremes = [find_extremes(compute, counts, mixtures, some) for counts, some in pairs]
        lows, highs = (np.concatenate(ends) for ends in zip(*extremes, strict=True))
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
    parts = [(joint.compute(joint.counts - taken, combine), alike) for taken, alike in units.leave_out(rng)]
    without, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    defined = np.isfinite(without)
    most = units.n_units - 1.0
    if not defined.any():
        return _Influences(0.0, 0.0, most)
    value = float(joint.compute(joint.counts[None], combine)[0])
    weights, without = weights[defined], snap_to_value(value, without[defined])
    distance = np.average(without, weights=weights) - without
    squares, cubes, fourths = (float((weights * distance**power).sum()) for power in (2, 3, 4))
    spread = fourths - squares**2 / float(weights.sum())
    freedom = 2 * squares**2 / spread if spread > 0 else most
    return _Influences(squares, cubes, min(max(freedom, 1.0), most))


@dataclass(frozen=True)
class RowUnits:
    """Rows drawn one by one: what is resampled is how many of them fall into each bin.

    `bin_of_row` is each row's, `counts` how many there are in each.
    """

    bin_of_row: Ints
    counts: Floats

    @property
    def n_units(self) -> int:
        return len(self.bin_of_row)

    def draw(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """Counts of bins in as many resamples, shape (resamples, bins), some at a time."""
        bins = len(self.counts)
        if bins * ROWS_PER_BIN <= self.n_units:
            for size in _chunk_sizes(count, bins):
                yield rng.multinomial(self.n_units, self.counts / self.n_units, size=size).astype(np.float64)
            return
        # In the order of their bins, so that the counts of neighbours lie side by side.
        bin_of_unit = np.sort(self.bin_of_row)
        ordered = None if (bin_of_unit == np.arange(self.n_units)).all() else bin_of_unit
        for size in _chunk_sizes(count, self.n_units):
            yield _draw_units(rng, self.n_units, size, bins, ordered)

    def leave_out(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """What a row, or a block of rows where there are many kinds, takes with it; and how many there are like it."""
        bins = len(self.counts)
        if bins <= FEW_BINS:
            filled = self.counts > 0
            yield np.eye(bins)[filled], self.counts[filled]
            return
        for blocks in _draw_blocks(rng, self.bin_of_row, bins):
            yield blocks, np.ones(len(blocks))


@dataclass(frozen=True)
class ClusterUnits:
    """Rows drawn in clusters: what is resampled is how often each cluster is counted, with all its rows."""

    table: Any  # clusters by bins, a sparse matrix of how many rows
    n_units: int

    @classmethod
    def of(cls, bin_of_row: Ints, bins: int, clusters: Ints) -> ClusterUnits:
        from scipy import sparse

        names, codes = np.unique(clusters, return_inverse=True)
        cells = codes, bin_of_row.astype(np.int64, copy=False)
        table = sparse.csr_array((np.ones(len(codes)), cells), shape=(len(names), bins))
        return cls(table, len(names))

    def draw(self, rng: np.random.Generator, count: int) -> Iterator[Floats]:
        """Counts of bins in as many resamples, shape (resamples, bins), some at a time."""
        for size in _chunk_sizes(count, max(self.table.shape)):
            yield _draw_units(rng, self.n_units, size, self.n_units) @ self.table

    def leave_out(self, rng: np.random.Generator) -> Iterator[tuple[Floats, Floats]]:
        """What a cluster, or a block of them where there are many, takes with it."""
        if self.n_units > FEW_BINS:
            for blocks in _draw_blocks(rng, np.arange(self.n_units), self.n_units):
                yield blocks @ self.table, np.ones(len(blocks))
            return
        step = max(1, BINS_AT_ONCE // self.table.shape[1])
        for start in range(0, self.n_units, step):
            some = self.table[start : start + step].toarray()
            yield some, np.ones(len(some))


def _chunk_sizes(count: int, width: int) -> Iterator[int]:
    """How many resamples to make at a time, so that their counts fit."""
    chunk = max(1, BINS_AT_ONCE // max(width, 1))
    yield from (min(chunk, count - start) for start in range(0, count, chunk))


def _draw_units(rng: np.random.Generator, units: int, size: int, bins: int, bin_of_unit: Ints | None = None) -> Floats:
    """As many units as there are, drawn with replacement and counted by the bin they are in, shape (size, bins)."""
    # The same numbers as without a type, and sooner.
    drawn = rng.integers(units, size=(size, units), dtype=np.int32 if units < 2**31 else np.int64).astype(np.int64)
    if bin_of_unit is not None:
        drawn = bin_of_unit[drawn].astype(np.int64, copy=False)
    if size > 1:
        drawn += np.arange(size)[:, None] * bins
    return np.bincount(drawn.ravel(), minlength=size * bins).reshape(size, bins).astype(np.float64)


def _draw_blocks(rng: np.random.Generator, bin_of_unit: Ints, bins: int) -> Iterator[Floats]:
    """Blocks of units put together at random, as counts of bins, shape (blocks, bins), a few at a time."""
    block_of_unit = rng.integers(JACKKNIFE_BLOCKS, size=len(bin_of_unit))
    order = np.argsort(block_of_unit, kind="stable")
    blocks = np.split(bin_of_unit[order], np.searchsorted(block_of_unit[order], np.arange(1, JACKKNIFE_BLOCKS)))
    step = max(1, BINS_AT_ONCE // bins)
    for start in range(0, JACKKNIFE_BLOCKS, step):
        some = [np.bincount(members, minlength=bins) for members in blocks[start : start + step]]
        yield np.array(some, dtype=np.float64)
