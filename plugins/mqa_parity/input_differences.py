"""Why a deployment feeds a model otherwise: each usual mistake is made on purpose, and the one that gives the same is named."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from mqa_registry import Codec, Example

    Array: TypeAlias = npt.NDArray[Any]
    Arrays: TypeAlias = Mapping[str, Array]
    Feed: TypeAlias = Sequence[Arrays]  # of one row: the arrays of each part that it is run in

LISTED_CHANNELS = 3  # in a sentence


@dataclass(frozen=True)
class Scaling:
    """Values that are `factors` times as large and then moved by `shifts`, both of shape (channels,)."""

    factors: npt.NDArray[np.float64]
    shifts: npt.NDArray[np.float64]

    @classmethod
    def fit(cls, own: Array, theirs: Array) -> Scaling:
        """The least-squares fit for each channel of arrays of the shape (rows, channels, ...).

        Of a channel whose values are all alike the factor is 1.
        """
        x, y = (np.moveaxis(one, 1, 0).reshape(one.shape[1], -1).astype(np.float64) for one in (own, theirs))
        x_mean, y_mean = x.mean(axis=1), y.mean(axis=1)
        variance = ((x - x_mean[:, None]) ** 2).sum(axis=1)
        covariance = ((x - x_mean[:, None]) * (y - y_mean[:, None])).sum(axis=1)
        factors = np.where(variance > 0, covariance / np.where(variance > 0, variance, 1.0), 1.0)
        return cls(factors, y_mean - factors * x_mean)

    def apply(self, values: Array) -> Array:
        """The values of one row, of shape (channels, ...), scaled."""
        axes = (-1, *[1] * (values.ndim - 1))
        return values * self.factors.reshape(axes) + self.shifts.reshape(axes)

    def describe(self) -> str:
        """The scaling in words that continue a sentence."""
        n_channels = min(LISTED_CHANNELS, len(self.factors))
        factors = ", ".join(f"{one:.4g}" for one in self.factors[:n_channels])
        shifts = ", ".join(f"{one:.4g}" for one in self.shifts[:n_channels])
        return f"values are multiplied by ({factors}) and moved by ({shifts}), channel by channel: the mean, the deviation or the scale is another"


def select_fed(codec: Codec, row: Arrays) -> Feed:
    """The arrays of an encoded row that a model is fed with, part by part: those that a batch has by their names.

    Where it has none by these names, all of them.
    """
    parts = codec.split(row)
    fed = [{name: part[name] for name in codec.collate([part]) if name in part} for part in parts]
    return [some or dict(part) for some, part in zip(fed, parts, strict=True)]


def encode_fed(codec: Codec, examples: Sequence[Example]) -> list[Feed]:
    """What a model is fed with for each example."""
    return [select_fed(codec, row) for row in codec.encode(examples)]


def measure_difference(own: Array, theirs: Array) -> float:
    """The largest difference of any number of two arrays; infinite where they have other shapes, or one is not finite."""
    if own.shape != theirs.shape:
        return math.inf
    if not own.size:
        return 0.0
    difference = float(np.abs(own.astype(np.float64) - theirs.astype(np.float64)).max())
    return difference if math.isfinite(difference) else math.inf


def explain_differences(
    codec: Codec, other: Codec | None, examples: Sequence[Example], theirs: Sequence[Feed], tolerance: float
) -> str:
    """What makes the inputs of a codec equal to `theirs`, in words; empty where nothing explains a single row.

    Tried are, in this order, the codec's variants, the axes in another order, and another scale of each channel, also of
    each variant. The first that makes all rows equal is it; else the one that makes the most rows equal, and more than are
    equal without it.
    """
    best = ""
    explained = sum(_are_equal(*pair, tolerance) for pair in zip(encode_fed(codec, examples), theirs, strict=True))
    for difference, rows in _candidates(codec, other, examples, theirs):
        count = sum(_are_equal(*pair, tolerance) for pair in zip(rows, theirs, strict=True))
        if count == len(theirs):
            return difference
        if count > explained:
            best, explained = f"{difference} (which explains {count} of {len(theirs)} rows)", count
    return best


def _candidates(
    codec: Codec, other: Codec | None, examples: Sequence[Example], theirs: Sequence[Feed]
) -> Iterator[tuple[str, Sequence[Feed]]]:
    """Ways to make the inputs, each with what it gives for the rows."""
    own = encode_fed(codec, examples)
    variants = [(one.difference, encode_fed(one.codec, examples)) for one in codec.variants(other)]
    yield from variants
    moved = [[{name: _move_channels(array) for name, array in part.items()} for part in row] for row in own]
    yield "the channels are the last axis in place of the first", moved
    for difference, rows in (("", own), *variants):
        scaled = _scale(rows, theirs)
        if scaled is not None:
            yield " and ".join(filter(None, (difference, scaled[0]))), scaled[1]


def _move_channels(array: Array) -> Array:
    return np.moveaxis(array, 0, -1) if array.ndim == 3 else array


def _scale(feeds: Sequence[Feed], their_feeds: Sequence[Feed]) -> tuple[str, Sequence[Feed]] | None:
    """The rows with each channel of their only array of numbers scaled to fit; None where they have other shapes, or parts.

    An array of one axis, such as the samples of a sound, is one channel, whatever its length.
    """
    if any(len(feed) != 1 for feed in (*feeds, *their_feeds)):
        return None
    rows, theirs = ([feed[0] for feed in side] for side in (feeds, their_feeds))
    names = [name for name, array in rows[0].items() if array.dtype.kind == "f" and array.ndim]
    if len(names) != 1 or any(names[0] not in row for row in theirs):
        return None
    (name,) = names
    own, given = ([row[name] for row in side] for side in (rows, theirs))
    if [array.shape for array in own] != [array.shape for array in given]:
        return None
    if all(array.ndim == 1 for array in own):
        scaling = Scaling.fit(*(np.concatenate(side)[None, None] for side in (own, given)))
        return scaling.describe(), [[{**row, name: scaling.apply(row[name][None])[0]}] for row in rows]
    if len({array.shape for array in own}) != 1:
        return None
    scaling = Scaling.fit(np.stack(own), np.stack(given))
    return scaling.describe(), [[{**row, name: scaling.apply(row[name])}] for row in rows]


def _are_equal(own: Feed, theirs: Feed, tolerance: float) -> bool:
    """Whether all inputs of all parts of a row are equal, integers exactly."""
    return len(own) == len(theirs) and all(
        part.keys() == other.keys()
        and all(
            measure_difference(array, other[name]) <= (tolerance if array.dtype.kind == "f" else 0.0)
            for name, array in part.items()
        )
        for part, other in zip(own, theirs, strict=True)
    )
