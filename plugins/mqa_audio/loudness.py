"""What sounds are like, in numbers, and slices by them: loudness, length, silence, and clusters of those alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeAlias

import numpy as np
from annotated_types import Ge, Le

from mqa_audio.changes import measure_power
from mqa_audio.spectrum import measure_spectrum
from mqa_registry import (
    BlobError,
    BlobMeasures,
    DataError,
    Sound,
    Trait,
    did_you_mean,
    group_by_number,
    group_by_vector,
    read_sound,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mqa_registry import Example

Bins: TypeAlias = Annotated[int, Ge(2), Le(9)]
Clusters: TypeAlias = Annotated[int, Ge(2), Le(50)]
Groups: TypeAlias = "list[str | None]"

FRAME_SECONDS = 0.02
SILENCE = -40.0  # dB under the loudest frame
FLOOR = -120.0  # dBFS, of digital silence
TRAITS = (("quiet", "loud", "level"), ("low", "high", "pitch"), ("steady", "changing", "variation"))
_SPECTRA = BlobMeasures(measure_spectrum)


def loudness(
    examples: Iterable[Example], *, edges: list[float] | None = None, n_bins: Bins | None = None, column: str = "audio"
) -> Groups:
    """How loud a sound is: the root mean square of its samples, in dB relative to full scale.

    `edges` are where one range ends and the next begins, as `[-40, -20]`; left out, the groups are equally large parts of the
    data, `n_bins` of them, or 4. `column` is the field with the sound. A sound that cannot be read is in no group.
    """
    return group_by_number(_measure_all(examples, measure_loudness, column), "loudness", edges, n_bins)


def length(
    examples: Iterable[Example], *, edges: list[float] | None = None, n_bins: Bins | None = None, column: str = "audio"
) -> Groups:
    """How long a sound is, in seconds.

    `edges` are where one range ends and the next begins, as `[1, 5]`; left out, the groups are equally large parts of the
    data, `n_bins` of them, or 4. `column` is the field with the sound. A sound that cannot be read is in no group.
    """
    return group_by_number(_measure_all(examples, lambda sound: sound.seconds, column), "length", edges, n_bins)


def silence(
    examples: Iterable[Example], *, edges: list[float] | None = None, n_bins: Bins | None = None, column: str = "audio"
) -> Groups:
    """How much of a sound is silent: the share of its frames of 20 ms that are 40 dB or more below the loudest one.

    `edges` are where one range ends and the next begins, as `[0.2, 0.5]`; left out, the groups are equally large parts of the
    data, `n_bins` of them, or 4. `column` is the field with the sound. A sound that cannot be read is in no group.
    """
    return group_by_number(_measure_all(examples, measure_silence, column), "silence", edges, n_bins)


def clusters(examples: Iterable[Example], *, n_clusters: Clusters = 8, column: str = "audio") -> Groups:
    """Which sounds are alike: clusters by k-means over the mean levels, and the deviations, of 24 bands of the mel scale.

    `n_clusters` is how many there are: say it before you look at errors. The clusters follow from the sounds alone, and not
    from predictions or targets: so the worst of them is a weak slice whose interval holds as that of any other group.
    `cluster 3 of 8: quiet, high` is the third largest, and most of its sounds are quieter and higher than three quarters of all. There
    are fewer where fewer sounds differ. `column` is the field with the sound. A sound that cannot be read is in no group.
    """
    spectra = list(_SPECTRA.of_all(_select(example, column) for example in examples))
    traits = [
        Trait(low, high, [np.nan if one is None else getattr(one, quantity) for one in spectra])
        for low, high, quantity in TRAITS
    ]
    return group_by_vector([None if one is None else one.embedding for one in spectra], n_clusters, traits=traits)


def name_no_columns() -> list[str]:
    """The columns that the slices read besides the fields of the model: none."""
    return []


def measure_loudness(sound: Sound) -> float:
    """The level of a sound in dBFS, -120 at least; a square wave at full scale has 0, a sine -3.01."""
    return _to_decibels(measure_power(sound.samples))


def measure_silence(sound: Sound) -> float:
    """The share of frames that are silent, from 0 to 1; 1 of a sound without any level."""
    if not sound.samples.any():
        return 1.0
    size = max(1, round(FRAME_SECONDS * sound.rate))
    starts = np.arange(0, len(sound.samples), size)
    squares = np.add.reduceat(np.square(sound.samples, dtype=np.float64).mean(axis=1), starts)
    powers = squares / np.diff(np.append(starts, len(sound.samples)))
    return float((powers <= powers.max() * 10 ** (SILENCE / 10)).mean())


def _to_decibels(power: float) -> float:
    return max(FLOOR, 10 * float(np.log10(power))) if power > 0 else FLOOR


def _measure_all(examples: Iterable[Example], measure: Callable[[Sound], float], column: str) -> list[float]:
    """A number of the sound of each example; NaN of one that cannot be read."""
    return [_measure(_select(example, column), measure) for example in examples]


def _select(example: Example, column: str) -> object:
    if column not in example:
        listed = ", ".join(f"`{name}`" for name in example)
        hint = f"{did_you_mean(column, list(example))} the fields are {listed}".strip()
        raise DataError(f"the rows have no field `{column}`", hint=hint)
    return example[column]


def _measure(value: object, measure: Callable[[Sound], float]) -> float:
    try:
        return measure(read_sound(value))
    except BlobError:
        return float("nan")
