"""The spectrum of a sound in a few numbers, alike for sounds that sound alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mqa_registry import read_sound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mqa_registry import Sound

    Floats = npt.NDArray[np.float64]

N_BANDS = 24
HIGHEST = 8000.0  # Hz, the upper end of the bands
FRAME_SECONDS, STEP_SECONDS = 0.025, 0.010
FLOOR = 1e-10  # power of a band, 100 dB below a sine at full scale or so
FRAMES_AT_ONCE = 4096


@dataclass(frozen=True)
class Spectrum:
    """What one sound is like over the bands of the mel scale.

    `level` is the mean power of the bands in dB, `pitch` the centre of the power among the bands, from 0 to 23, and
    `variation` the deviation of the bands over time, in dB.

    `embedding` is float32 of 48 numbers, alike for sounds that sound alike: the mean level and the deviation over time of
    each band, in dB.
    """

    level: float
    pitch: float
    variation: float
    embedding: npt.NDArray[np.float32] = field(compare=False, repr=False)

    @classmethod
    def of(cls, sound: Sound) -> Spectrum:
        powers = np.concatenate(list(_iter_band_powers(sound)))
        levels = 10 * np.log10(np.maximum(powers, FLOOR))
        means, deviations = levels.mean(axis=0), levels.std(axis=0)
        shares = np.maximum(powers, FLOOR).mean(axis=0)
        return cls(
            level=float(means.mean()),
            pitch=float(shares @ np.arange(N_BANDS) / shares.sum()),
            variation=float(deviations.mean()),
            embedding=np.concatenate([means, deviations]).astype(np.float32),
        )


def measure_spectrum(value: Any) -> Spectrum:
    """The spectrum of a sound of a row, the mean of its channels. A BlobError where it cannot be read."""
    return Spectrum.of(read_sound(value))


@lru_cache(maxsize=32)  # of the sampling rates of one data set
def make_filters(rate: int, size: int) -> Floats:
    """The weight of each frequency of a Fourier transform of `size` samples in each band, shape (frequencies, bands).

    The bands are triangles between 0 and 8 kHz, equally wide on the mel scale: 2595 log10(1 + f / 700), as HTK has it. Those
    above half of the rate have no weights.
    """
    top = 2595 * np.log10(1 + HIGHEST / 700)
    edges = 700 * (10 ** (np.linspace(0, top, N_BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(size, 1 / rate)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters: Floats = np.maximum(0.0, np.minimum(rising, falling))
    return filters


def _iter_band_powers(sound: Sound) -> Iterator[Floats]:
    """The power of each band in frames of 25 ms, 10 ms apart, under a Hann window; shape (frames, bands) at a time."""
    size, step = (max(1, round(seconds * sound.rate)) for seconds in (FRAME_SECONDS, STEP_SECONDS))
    samples = np.pad(sound.mono, (0, max(0, size - len(sound.mono))))
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::step]
    window = np.hanning(size + 2)[1:-1]  # whose ends are not 0, so that one sample is a frame, too
    n_transformed = 1 << (size - 1).bit_length()
    filters = make_filters(sound.rate, n_transformed)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        spectra = np.fft.rfft(frames[start : start + FRAMES_AT_ONCE] * window, n_transformed) / window.sum()
        yield np.square(np.abs(spectra)) @ filters
