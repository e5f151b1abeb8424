"""Each channel and each row of an output against PyTorch's error in that channel or row.

One yardstick for a whole output hides a fault: boxes in pixels err by more than the whole range of the class scores
beside them, and one row that a model standardises by nearly nothing errs by more than all others are large. So an
output is also held in groups: a channel is one index of an axis that counts neither rows nor positions, over all rows,
and a row is all numbers of one row.

In a group with k degrees of freedom, which are as many as its numbers where these are alike, let e be the root mean
square of the candidate's errors and n that of the reference's. n is moderated by what groups of this output are like,
n0, as in Smyth (2004), "Linear models and empirical Bayes methods for assessing differential expression", equation 3
with four prior degrees of freedom:

    yardstick = max(n, sqrt((k n^2 + 4 n0^2) / (k + 4)))

The largest errors of both sides are held in the same way. Where both err alike and normally, (e / yardstick)^2 has at
most an F distribution with k and k + 4 degrees of freedom. The largest of m such groups is above its 1 - alpha / m
quantile with a probability of alpha at most (Bonferroni), so a group may lie off by the square root of that where this
is more than what its precision allows anyway: few numbers need a larger error to tell, and so do many channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.precision import Precision

    Array: TypeAlias = npt.NDArray[Any]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

NOISY, HOPELESS = "noisy", "hopeless"
STANDINGS = ("", NOISY, HOPELESS)  # of a row among the others
ALPHA = 1e-6  # of a false alarm by chance, per output
PRIOR = 4.0  # degrees of freedom
FEWEST = 8  # numbers that a channel needs to be held by itself
QUIET = 0.25  # the share of rows that are quiet
MEDIAN = 0.5
USUAL = 0.9  # the share of rows that are as noisy as is usual, or less
NOISIER = 30.0  # times as noisy as is usual: such a row is no yardstick for others
FAR_NOISIER = 100.0  # times as noisy as the quietest quarter of the rows
ADDED, EXTREMES = ("count", "errors", "noises", "fourths"), ("error", "noise", "magnitude")  # of sums that are joined


@dataclass(frozen=True)
class Sums:
    """Of groups of numbers: how many were rounded, the largest and the summed squares of both errors, the largest value.

    `fourths` are the summed fourth powers of the reference's errors. `magnitude` is the largest exact value among those
    that the reference rounded, of all where it rounded none.
    """

    count: Floats
    error: Floats
    noise: Floats
    errors: Floats
    noises: Floats
    magnitude: Floats
    fourths: Floats

    @property
    def freedom(self) -> Floats:
        """Degrees of freedom of the noise, from 1 to `count`: few where some numbers are far noisier than the others.

        Satterthwaite's (sum s^2)^2 / sum s^4, s being the deviations of the single numbers, of which the same of the
        errors themselves is a third, plus two thirds, where they are normal.
        """
        ratio = np.divide(self.noises**2, self.fourths, out=np.ones_like(self.noises), where=self.fourths > 0)
        return np.asarray(np.clip(3 * ratio - 2, 1, np.maximum(self.count, 1)))


@dataclass(frozen=True)
class Part:
    """What one row's part of an output comes to: as a whole, and per index of each axis that counts no positions."""

    row: str
    whole: Sums
    axes: Mapping[int, Sums]


@dataclass(frozen=True)
class Group:
    """The channel or row of an output that lies farthest off, for its number of values.

    A channel is `index` of `of` along `axis` of the output, whose axis 0 counts rows; a row has its id. `times` is how
    many times as far off it is as the reference, `allowed` how many times it may be.
    """

    row: str | None
    axis: int | None
    index: int | None
    of: int
    numbers: int
    error: float
    noise: float
    times: float
    allowed: float


@dataclass(frozen=True)
class _Family:
    """Groups of one kind: the channels along an axis of the parts, or the rows, with the noise expected of each.

    `largest` is expected of the largest error of the reference in a group, `root` of their root mean square. `freedom`
    are the degrees of freedom of each group.
    """

    axis: int | None
    sums: Sums
    largest: Floats
    root: Floats
    freedom: Floats


def part_of(row: str, values: tuple[Array, Array, Array], on: Bools, positions: Sequence[int]) -> Part:
    """Sum up one row's part of an output: the exact values, the reference's and the candidate's.

    Numbers where `on` is false are left out; `positions` are the axes of the part that count positions.
    """
    true, peer, found = (np.where(on, np.asarray(one, np.float64), 0.0) for one in values)
    error, noise = np.abs(found - true), np.abs(peer - true)
    axes = [axis for axis in range(true.ndim) if axis not in positions and true.shape[axis] > 1]
    sums = {axis: _summed(true, error, noise, axis) for axis in axes}
    return Part(row, _summed(true, error, noise, None), sums)


def _summed(true: Floats, error: Floats, noise: Floats, axis: int | None) -> Sums:
    others = None if axis is None else tuple(one for one in range(true.ndim) if one != axis)
    size, rounded = np.abs(true), noise > 0
    largest = size.max(axis=others)
    magnitude = np.where(rounded, size, 0.0).max(axis=others)
    return Sums(
        count=np.atleast_1d((rounded | (error > 0)).sum(axis=others).astype(np.float64)),
        error=np.atleast_1d(error.max(axis=others)),
        noise=np.atleast_1d(noise.max(axis=others)),
        errors=np.atleast_1d((error * error).sum(axis=others)),
        noises=np.atleast_1d((noise * noise).sum(axis=others)),
        magnitude=np.atleast_1d(np.where(magnitude > 0, magnitude, largest)),
        fourths=np.atleast_1d((noise**4).sum(axis=others)),
    )


def joined(sums: Sequence[Sums]) -> Sums:
    """The same groups of several parts as one."""
    count, errors, noises, fourths = (np.sum([getattr(one, name) for one in sums], axis=0) for name in ADDED)
    error, noise, magnitude = (np.max([getattr(one, name) for one in sums], axis=0) for name in EXTREMES)
    return Sums(count, error, noise, errors, noises, magnitude, fourths)


def _stacked(sums: Sequence[Sums]) -> Sums:
    """Groups side by side."""
    return Sums(*(np.concatenate([getattr(one, field.name) for one in sums]) for field in fields(Sums)))


def standing(parts: Sequence[Part], form: Precision) -> list[str]:
    """Per part of one output whether its row is usual (``), `noisy`, or `hopeless`.

    A noisy row is held against its own noise alone. In a hopeless one the reference has lost more than half of its
    digits, and is far noisier than in other rows: whatever a candidate gives there, nothing follows from it.
    """
    rows = _stacked([part.whole for part in parts])
    scale = np.maximum(rows.magnitude, np.median(rows.magnitude))
    relative = np.divide(rows.noise, scale, out=np.zeros_like(scale), where=scale > 0)
    hopeless = (relative > math.sqrt(form.eps)) & (relative > FAR_NOISIER * _lower(relative, QUIET))
    usual = np.maximum(_lower(rows.noise, USUAL), _lower(relative, USUAL) * scale)
    noisy = (rows.noise > NOISIER * usual) & (usual > 0)
    return [HOPELESS if lost else NOISY if loud else "" for lost, loud in zip(hopeless, noisy, strict=True)]


def standings(parts: Sequence[Part], form: Precision) -> dict[str, str]:
    """The same by rows: of a row that was run more than once the worst, `hopeless` being worse than `noisy`."""
    found: dict[str, str] = {}
    for part, state in zip(parts, standing(parts, form), strict=True):
        found[part.row] = max(found.get(part.row, ""), state, key=STANDINGS.index)
    return found


def farthest(parts: Sequence[Part], form: Precision) -> Group | None:
    """The group that lies farthest off for what is allowed; None where nothing was rounded, and so nothing is known."""
    states = standing(parts, form)
    kept = [part for part, state in zip(parts, states, strict=True) if state != HOPELESS]
    usual = [part for part, state in zip(parts, states, strict=True) if not state]
    if not any(part.whole.noise.any() for part in kept):
        return None
    families = [_rows(kept, usual or kept)]
    families += [_channels(axis, usual) for axis in _shared(usual)]
    number = sum(int(np.count_nonzero(family.sums.count)) for family in families)
    found = [_worst(family, number, form, [part.row for part in kept]) for family in families]
    return max(filter(None, found), key=lambda group: group.times / group.allowed, default=None)


def _shared(parts: Sequence[Part]) -> Iterator[int]:
    """The axes along which all parts are equally long: the number of boxes that were found in an image is no channel."""
    for axis in parts[0].axes if parts else ():
        if len({len(part.axes[axis].count) if axis in part.axes else 0 for part in parts}) == 1:
            yield axis


def _rows(parts: Sequence[Part], usual: Sequence[Part]) -> _Family:
    """Rows are like one another, and as noisy as most, or as their values are large.

    What is noisy in one row is so in others: a row has no more degrees of freedom than the channels of all rows tell.
    """
    rows, most = (_stacked([part.whole for part in some]) for some in (parts, usual))
    kinds = (most.noise, _root(most.noises, most.count))
    largest, root = (np.maximum(_lower(one, USUAL), _relative(one, most, USUAL) * rows.magnitude) for one in kinds)
    even = min((_evenness(joined([part.axes[axis] for part in usual]).noises) for axis in _shared(usual)), default=1.0)
    return _Family(None, rows, largest, root, np.minimum(rows.freedom, np.maximum(1.0, even * rows.count)))


def _evenness(noises: Floats) -> float:
    """The share of channels that would have all the noise, were it spread evenly over them: (sum v)^2 / (n sum v^2)."""
    return float(noises.sum() ** 2 / (len(noises) * (noises**2).sum())) if noises.any() else 1.0


def _channels(axis: int, parts: Sequence[Part]) -> _Family:
    """Channels may be anything, and are as noisy as their values are large.

    What a channel has of one row, as at tokens that are the same word, may err as one; so a channel has no more degrees
    of freedom than there are rows.
    """
    sums = joined([part.axes[axis] for part in parts])
    sums = replace(sums, count=np.where(sums.count < FEWEST, 0, sums.count))
    largest, root = (
        _relative(one, sums, MEDIAN) * sums.magnitude for one in (sums.noise, _root(sums.noises, sums.count))
    )
    return _Family(axis, sums, largest, root, np.minimum(sums.freedom, len({part.row for part in parts})))


def _relative(noise: Floats, sums: Sums, share: float) -> float:
    """A quantile of the noise of groups as a share of their largest values."""
    known = (sums.count > 0) & (sums.magnitude > 0)
    return _lower(noise[known] / sums.magnitude[known], share)


def _worst(family: _Family, number: int, form: Precision, rows: Sequence[str]) -> Group | None:
    """The group of a family that is farthest off for what is allowed of the worst of so many; None where none is held."""
    axis, sums = family.axis, family.sums
    held = sums.count > 0
    if not held.any():
        return None
    count, freedom = np.where(held, sums.count, 1), family.freedom
    least = form.floor * sums.magnitude + form.least
    by_largest = sums.error / np.maximum(moderated(sums.noise, family.largest, freedom), least)
    by_root = _root(sums.errors, count) / np.maximum(moderated(_root(sums.noises, count), family.root, freedom), least)
    times = np.stack([np.where(held, one, 0.0) for one in (by_largest, by_root)])
    allowed = np.stack([np.maximum(one, chance(freedom, number)) for one in (form.allowed, form.allowed_root)])
    kind, worst = divmod(int(np.argmax(times / allowed)), len(count))
    return Group(
        row=rows[worst] if axis is None else None,
        axis=None if axis is None else axis + 1,
        index=None if axis is None else worst,
        of=len(count),
        numbers=int(count[worst]),
        error=float(sums.error[worst]),
        noise=float(sums.noise[worst]),
        times=float(times[kind, worst]),
        allowed=float(allowed[kind, worst]),
    )


def moderated(noise: Floats, prior: Floats, freedom: Floats) -> Floats:
    """The noise of groups, raised towards what is expected of them the more, the fewer degrees of freedom they have."""
    return np.maximum(noise, np.sqrt((freedom * noise**2 + PRIOR * prior**2) / (freedom + PRIOR)))


def chance(freedom: Floats, groups: int) -> Floats:
    """How many times as far off the worst of so many groups may lie by chance: the root of the F quantile."""
    below = special.betaincinv((freedom + PRIOR) / 2, freedom / 2, ALPHA / groups)
    return np.asarray(np.sqrt((freedom + PRIOR) / freedom * (1 / below - 1)))


def allowed_of(numbers: int, allowed: float) -> float:
    """How many times as far off a whole output of so many numbers may lie: what is allowed, or what chance may do."""
    return max(allowed, float(chance(np.array(float(numbers)), 1))) if numbers else allowed


def _root(squares: Floats, count: Floats) -> Floats:
    return np.asarray(np.sqrt(squares / np.maximum(count, 1)))


def _lower(values: Floats, share: float) -> float:
    """A quantile that is one of the values, the lower one: of few values the largest never counts as usual."""
    return float(np.quantile(values, share, method="lower")) if len(values) else 0.0
