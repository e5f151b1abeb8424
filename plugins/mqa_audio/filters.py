"""Frequencies that are taken out: filters, and a lower sampling rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
from annotated_types import Ge, Gt, Le

from mqa_audio.changes import change_sounds
from mqa_registry import Sound, read_sound, resample

if TYPE_CHECKING:
    from mqa_registry import Example

Order: TypeAlias = Annotated[int, Ge(1), Le(16)]
Cutoff: TypeAlias = Annotated[float, Gt(0)]


def low_pass(
    example: Example, rng: np.random.Generator, *, cutoff: Cutoff = 3400.0, order: Order = 4
) -> dict[str, bytes] | None:
    """A sound without its high frequencies, by a Butterworth filter.

    `cutoff` is the frequency in Hz at which 3 dB are lost, 3,400 as of a telephone, and `order` that of the filter. A sound
    with no frequencies above it is declined.
    """
    return _filter(example, "lowpass", cutoff, order)


def high_pass(
    example: Example, rng: np.random.Generator, *, cutoff: Cutoff = 300.0, order: Order = 4
) -> dict[str, bytes] | None:
    """A sound without its low frequencies, by a Butterworth filter.

    `cutoff` is the frequency in Hz at which 3 dB are lost, 300 as of a telephone, and `order` that of the filter. A sound
    with no frequencies above it is declined.
    """
    return _filter(example, "highpass", cutoff, order)


def lower_rate(
    example: Example, rng: np.random.Generator, *, severity: Annotated[float, Gt(1), Le(64)] = 2.0
) -> dict[str, bytes] | None:
    """A sound at a lower sampling rate, and back at its own.

    `severity` is what the rate is divided by: 2 leaves 8 kHz of 16 kHz, and so what is below 4 kHz. Both ways it is resampled
    by a polyphase filter. The length stays. A sound with less than a sample then is declined.
    """
    sounds = {name: read_sound(value) for name, value in example.items()}
    if any(round(sound.rate / severity) < 1 or len(sound.samples) < severity for sound in sounds.values()):
        return None

    def lower(sound: Sound) -> Sound:
        rate = round(sound.rate / severity)
        restored = resample(resample(sound.samples, sound.rate, rate), rate, sound.rate)
        return sound.with_samples(restored[: len(sound.samples)])

    return change_sounds(example, lower)


def _filter(
    example: Example, kind: Literal["lowpass", "highpass"], cutoff: float, order: int
) -> dict[str, bytes] | None:
    if any(2 * cutoff >= read_sound(value).rate for value in example.values()):
        return None

    def remove_frequencies(sound: Sound) -> Sound:
        from scipy import signal

        sections = signal.butter(order, cutoff, kind, fs=sound.rate, output="sos")
        return sound.with_samples(signal.sosfilt(sections, sound.samples.astype(np.float64), axis=0))

    return change_sounds(example, remove_frequencies)
