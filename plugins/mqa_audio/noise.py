"""Noise that is added to a sound, and the echoes of a room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from annotated_types import Gt, Le

from mqa_audio.changes import change_samples, change_sounds, is_silent, measure_power, to_amplitude

if TYPE_CHECKING:
    from mqa_registry import Example, Sound

Array: TypeAlias = npt.NDArray[np.float64]
Colour: TypeAlias = Literal["white", "pink", "brown", "shaped"]

EXPONENTS = {"white": 0.0, "pink": 0.5, "brown": 1.0}  # of the frequency, which amplitudes are divided by
DECAY = 3 * np.log(10)  # 60 dB, as a natural logarithm of the amplitude


def noise(
    example: Example, rng: np.random.Generator, *, severity: float = -10.0, colour: Colour = "white"
) -> dict[str, bytes] | None:
    """Noise, at a level relative to the sound.

    `severity` is that level in dB, the negative of the signal-to-noise ratio: -20 is an SNR of 20 dB, 0 noise as strong as
    the sound, both by their power over the whole sound. `colour` is `white`, `pink` (the power falls with the frequency),
    `brown` (with its square), or `shaped`: noise with the sound's own spectrum, as of many voices at once. A silent sound is
    declined.
    """
    if is_silent(example):
        return None

    def add_noise(samples: Array) -> Array:
        white = rng.standard_normal(samples.shape)
        added = _shape_by(white, samples) if colour == "shaped" else _colour(white, EXPONENTS[colour])
        power = measure_power(added)
        if power == 0:  # of a sound of one sample, whose noise has no frequency but 0
            return samples
        return np.asarray(samples + added * np.sqrt(measure_power(samples) / power) * to_amplitude(severity))

    return change_samples(example, add_noise)


def reverb(
    example: Example,
    rng: np.random.Generator,
    *,
    severity: Annotated[float, Gt(0), Le(10)] = 0.3,
    direct_to_reverberant: float = 0.0,
) -> dict[str, bytes]:
    """The echoes of a room, by an impulse response of noise that decays exponentially.

    `severity` is the reverberation time in seconds, in which echoes fall by 60 dB: 0.3 of an office, 2 of a church.
    `direct_to_reverberant` is the power of the direct sound relative to all echoes, in dB. The direct sound and the length
    stay as they are. Channels are in the same room.
    """

    def add_echoes(sound: Sound) -> Sound:
        from scipy import signal

        response = impulse_response(rng, sound.rate, severity, direct_to_reverberant)
        echoing = signal.fftconvolve(sound.samples.astype(np.float64), response[:, None], axes=0)
        return sound.with_samples(echoing[: len(sound.samples)])

    return change_sounds(example, add_echoes)


def impulse_response(rng: np.random.Generator, rate: int, seconds: float, direct_to_reverberant: float) -> Array:
    """A 1 for the direct sound, then noise that falls by 60 dB in `seconds`, shape (samples,)."""
    number = max(2, round(rate * seconds))
    tail = rng.standard_normal(number - 1) * np.exp(-DECAY * np.arange(1, number) / number)
    tail *= to_amplitude(-direct_to_reverberant) / np.sqrt(np.square(tail).sum())
    return np.concatenate([[1.0], tail])


def _colour(white: Array, exponent: float) -> Array:
    """White noise whose amplitudes are divided by a power of the frequency; the frequency 0 is taken out."""
    if exponent == 0:
        return white
    spectrum = np.fft.rfft(white, axis=0)
    frequencies = np.arange(len(spectrum), dtype=np.float64)
    weights = np.divide(1.0, frequencies**exponent, out=np.zeros_like(frequencies), where=frequencies > 0)
    return np.asarray(np.fft.irfft(spectrum * weights[:, None], n=len(white), axis=0))


def _shape_by(white: Array, samples: Array) -> Array:
    """Noise with the phases of white noise, and the amplitudes of a sound."""
    spectrum: npt.NDArray[Any] = np.fft.rfft(white, axis=0)
    phases = np.exp(1j * np.angle(spectrum))
    return np.asarray(np.fft.irfft(np.abs(np.fft.rfft(samples, axis=0)) * phases, n=len(white), axis=0))
