"""Each channel and each row of an output against the baseline's error in that channel or row.

One unit of error for a whole output hides faults: boxes in pixels err by more than the whole range of the class scores
in the same output, and a row that a model divides by nearly 0 errs by more than all others are large. So an output is
also compared in groups: a channel is one index of an axis that counts neither rows nor positions, over all rows, and a
row is all numbers of one row.

In a group with k degrees of freedom (the number of its elements, where their noise is alike) let e be the root mean
square of the candidate's errors and n that of the baseline's. n is moderated towards n0, what is expected of groups of
this output, as in Smyth (2004), "Linear models and empirical Bayes methods for assessing differential expression",
equation 3 with four prior degrees of freedom:

    unit = max(n, sqrt((k n^2 + 4 n0^2) / (k + 4)))

The largest errors of both sides are compared likewise. Where both err alike and normally, (e / unit)^2 has at most an F
distribution with k and k + 4 degrees of freedom. The largest of m such groups exceeds its 1 - alpha / m quantile with a
probability of alpha at most (Bonferroni). So a group may be off by the square root of that quantile, where this is more
than its precision allows: few numbers need a larger error to be significant, and so do many channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_parity.tolerance import chance_limit, error_unit, moderate_noise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_parity.tolerance import Precision

    Array: TypeAlias = npt.NDArray[Any]
    Floats: TypeAlias = npt.NDArray[np.float64]
    Bools: TypeAlias = npt.NDArray[np.bool_]

NOISY, IGNORED = "noisy", "ignored"
ROW_STATUSES = ("", NOISY, IGNORED)  # of a row, compared with the others
MIN_CHANNEL_SIZE = 8  # numbers: smaller channels are not compared by themselves
QUIET_QUANTILE = 0.25  # of the noise of rows: what the quietest of them have
MEDIAN_QUANTILE = 0.5
USUAL_QUANTILE = 0.9  # of the noise of rows: what most of them have
NOISY_FACTOR = 30.0  # times the usual noise: such a row is not a unit for others
IGNORED_FACTOR = 100.0  # times the noise of the quietest quarter of the rows
SUMMED, MAXIMIZED = ("count", "errors", "noises", "fourths"), ("error", "noise", "magnitude")  # fields, in a merge


@dataclass(frozen=True)
class GroupSums:
    """Sums over groups of numbers; each field has one element for each group.

    `count` is how many numbers were rounded, `error` and `noise` are the largest errors of the candidate and of the
    baseline, `errors` and `noises` the sums of their squares, and `fourths` that of the fourth powers of the baseline's.
    `magnitude` is the largest exact value among those that the baseline rounded, of all where it rounded none.
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

        Satterthwaite's (sum s^2)^2 / sum s^4, where s are the standard deviations of the single numbers. For normal
        errors the same of the errors themselves is a third of that, plus two thirds.
        """
        ratio = np.divide(self.noises**2, self.fourths, out=np.ones_like(self.noises), where=self.fourths > 0)
        return np.asarray(np.clip(3 * ratio - 2, 1, np.maximum(self.count, 1)))


@dataclass(frozen=True)
class RowErrors:
    """The sums of one row's part of an output: as a whole, and per index of each axis that does not count positions."""

    row: str
    whole: GroupSums
    axes: Mapping[int, GroupSums]


@dataclass(frozen=True)
class GroupError:
    """The channel or row of an output that is farthest off, for its number of elements.

    A channel is `index` of `total` along `axis` of the output, whose axis 0 counts rows; a row has its id. `units` is
    its error in units of the baseline's, `allowed_units` the largest that it may have.
    """

    row: str | None
    axis: int | None
    index: int | None
    total: int
    elements: int
    error: float
    baseline_error: float
    units: float
    allowed_units: float


@dataclass(frozen=True)
class _GroupFamily:
    """Groups of one kind: the channels along an axis of the rows' parts, or the rows, with the noise expected of each.

    `largest` is expected of the baseline's largest error in a group, `root` of its root mean square error. `freedom` are
    the degrees of freedom of each group.
    """

    axis: int | None
    sums: GroupSums
    largest: Floats
    root: Floats
    freedom: Floats


def sum_row_errors(
    row: str, values: tuple[Array, Array, Array], included: Bools, positions: Sequence[int]
) -> RowErrors:
    """The sums of one row's part of an output; `values` are the oracle's, the baseline's and the candidate's.

    Numbers where `included` is false are left out; `positions` are the axes of the part that count positions.
    """
    exact, baseline, candidate = (np.where(included, np.asarray(one, np.float64), 0.0) for one in values)
    error, noise = np.abs(candidate - exact), np.abs(baseline - exact)
    axes = [axis for axis in range(exact.ndim) if axis not in positions and exact.shape[axis] > 1]
    sums = {axis: _sum_errors(exact, error, noise, axis) for axis in axes}
    return RowErrors(row, _sum_errors(exact, error, noise, None), sums)


def _sum_errors(exact: Floats, error: Floats, noise: Floats, axis: int | None) -> GroupSums:
    others = None if axis is None else tuple(one for one in range(exact.ndim) if one != axis)
    size, rounded = np.abs(exact), noise > 0
    largest = size.max(axis=others)
    magnitude = np.where(rounded, size, 0.0).max(axis=others)
    return GroupSums(
        count=np.atleast_1d((rounded | (error > 0)).sum(axis=others).astype(np.float64)),
        error=np.atleast_1d(error.max(axis=others)),
        noise=np.atleast_1d(noise.max(axis=others)),
        errors=np.atleast_1d((error * error).sum(axis=others)),
        noises=np.atleast_1d((noise * noise).sum(axis=others)),
        magnitude=np.atleast_1d(np.where(magnitude > 0, magnitude, largest)),
        fourths=np.atleast_1d((noise**4).sum(axis=others)),
    )


def merge_sums(sums: Sequence[GroupSums]) -> GroupSums:
    """The sums of the same groups over several parts."""
    count, errors, noises, fourths = (np.sum([getattr(one, name) for one in sums], axis=0) for name in SUMMED)
    error, noise, magnitude = (np.max([getattr(one, name) for one in sums], axis=0) for name in MAXIMIZED)
    return GroupSums(count, error, noise, errors, noises, magnitude, fourths)


def _concatenate(sums: Sequence[GroupSums]) -> GroupSums:
    """The groups of several sums, one after the other."""
    return GroupSums(*(np.concatenate([getattr(one, field.name) for one in sums]) for field in fields(GroupSums)))


def classify_parts(parts: Sequence[RowErrors], precision: Precision) -> list[str]:
    """Per part of one output whether its row is usual (empty), `noisy`, or `ignored`.

    A noisy row is compared with its own noise only. In an ignored row the baseline has lost more than half of its digits
    and is far noisier than in other rows, so its outputs decide nothing.
    """
    rows = _concatenate([part.whole for part in parts])
    scale = np.maximum(rows.magnitude, np.median(rows.magnitude))
    relative = np.divide(rows.noise, scale, out=np.zeros_like(scale), where=scale > 0)
    ignored = (relative > math.sqrt(precision.eps)) & (
        relative > IGNORED_FACTOR * _lower_quantile(relative, QUIET_QUANTILE)
    )
    usual = np.maximum(_lower_quantile(rows.noise, USUAL_QUANTILE), _lower_quantile(relative, USUAL_QUANTILE) * scale)
    noisy = (rows.noise > NOISY_FACTOR * usual) & (usual > 0)
    return [IGNORED if one else NOISY if other else "" for one, other in zip(ignored, noisy, strict=True)]


def classify_rows(parts: Sequence[RowErrors], precision: Precision) -> dict[str, str]:
    """The same by row id; of a row that was run more than once the worst, where `ignored` is worse than `noisy`."""
    found: dict[str, str] = {}
    for part, state in zip(parts, classify_parts(parts, precision), strict=True):
        found[part.row] = max(found.get(part.row, ""), state, key=ROW_STATUSES.index)
    return found


def find_worst_group(parts: Sequence[RowErrors], precision: Precision) -> GroupError | None:
    """The group that is farthest off for what is allowed; None where the baseline rounded nothing."""
    states = classify_parts(parts, precision)
    decisive = [part for part, state in zip(parts, states, strict=True) if state != IGNORED]
    usual = [part for part, state in zip(parts, states, strict=True) if not state]
    if not any(part.whole.noise.any() for part in decisive):
        return None
    families = [_group_rows(decisive, usual or decisive)]
    families += [_group_channels(axis, usual) for axis in _find_common_axes(usual)]
    number = sum(int(np.count_nonzero(family.sums.count)) for family in families)
    found = [_find_worst_of_family(family, number, precision, [part.row for part in decisive]) for family in families]
    return max(filter(None, found), key=lambda group: group.units / group.allowed_units, default=None)


def _find_common_axes(parts: Sequence[RowErrors]) -> Iterator[int]:
    """The axes along which all parts have one length. An axis of the boxes found in an image has no channels."""
    for axis in parts[0].axes if parts else ():
        if len({len(part.axes[axis].count) if axis in part.axes else 0 for part in parts}) == 1:
            yield axis


def _group_rows(parts: Sequence[RowErrors], usual: Sequence[RowErrors]) -> _GroupFamily:
    """Rows are expected to be as noisy as most rows, or as noisy as most in proportion to their largest values.

    Channels that are noisy in one row are noisy in others, so a row has no more degrees of freedom than the noise of the
    channels over all rows has.
    """
    rows, most = (_concatenate([part.whole for part in some]) for some in (parts, usual))
    kinds = (most.noise, _root_mean_square(most.noises, most.count))
    largest, root = (
        np.maximum(_lower_quantile(one, USUAL_QUANTILE), _relative_noise(one, most, USUAL_QUANTILE) * rows.magnitude)
        for one in kinds
    )
    even = min(
        (
            _measure_evenness(merge_sums([part.axes[axis] for part in usual]).noises)
            for axis in _find_common_axes(usual)
        ),
        default=1.0,
    )
    return _GroupFamily(None, rows, largest, root, np.minimum(rows.freedom, np.maximum(1.0, even * rows.count)))


def _measure_evenness(noises: Floats) -> float:
    """The share of channels that an even spread of the noise would need: (sum v)^2 / (n sum v^2)."""
    return float(noises.sum() ** 2 / (len(noises) * (noises**2).sum())) if noises.any() else 1.0


def _group_channels(axis: int, parts: Sequence[RowErrors]) -> _GroupFamily:
    """Channels are expected to be noisy in proportion to their largest values.

    The numbers of a channel in one row may err alike, as at tokens of the same word, so a channel has no more degrees of
    freedom than there are rows.
    """
    sums = merge_sums([part.axes[axis] for part in parts])
    sums = replace(sums, count=np.where(sums.count < MIN_CHANNEL_SIZE, 0, sums.count))
    largest, root = (
        _relative_noise(one, sums, MEDIAN_QUANTILE) * sums.magnitude
        for one in (sums.noise, _root_mean_square(sums.noises, sums.count))
    )
    return _GroupFamily(axis, sums, largest, root, np.minimum(sums.freedom, len({part.row for part in parts})))


def _relative_noise(noise: Floats, sums: GroupSums, quantile: float) -> float:
    """A quantile of the noise of groups, as a share of their largest values."""
    rounded = (sums.count > 0) & (sums.magnitude > 0)
    return _lower_quantile(noise[rounded] / sums.magnitude[rounded], quantile)


def _find_worst_of_family(
    family: _GroupFamily, number: int, precision: Precision, rows: Sequence[str]
) -> GroupError | None:
    """The group of a family that is farthest off, for what is allowed to the worst of `number` groups; None if it has none."""
    axis, sums = family.axis, family.sums
    compared = sums.count > 0
    if not compared.any():
        return None
    count, freedom = np.where(compared, sums.count, 1), family.freedom
    noises = (
        moderate_noise(sums.noise, family.largest, freedom),
        moderate_noise(_root_mean_square(sums.noises, count), family.root, freedom),
    )
    units = [error_unit(noise, sums.magnitude, precision.floor, precision.least) for noise in noises]
    errors = (sums.error, _root_mean_square(sums.errors, count))
    in_units = np.stack([np.where(compared, error / unit, 0.0) for error, unit in zip(errors, units, strict=True)])
    allowed = np.stack(
        [np.maximum(one, chance_limit(freedom, number)) for one in (precision.allowed, precision.allowed_root)]
    )
    kind, worst = divmod(int(np.argmax(in_units / allowed)), len(count))
    return GroupError(
        row=rows[worst] if axis is None else None,
        axis=None if axis is None else axis + 1,
        index=None if axis is None else worst,
        total=len(count),
        elements=int(count[worst]),
        error=float(sums.error[worst]),
        baseline_error=float(sums.noise[worst]),
        units=float(in_units[kind, worst]),
        allowed_units=float(allowed[kind, worst]),
    )


def _root_mean_square(squares: Floats, count: Floats) -> Floats:
    return np.asarray(np.sqrt(squares / np.maximum(count, 1)))


def _lower_quantile(values: Floats, quantile: float) -> float:
    """A quantile that is one of the values, the lower one, so that the largest of few values never counts as usual."""
    return float(np.quantile(values, quantile, method="lower")) if len(values) else 0.0
