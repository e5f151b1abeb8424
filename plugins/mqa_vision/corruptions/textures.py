"""Textures made of noise: fog as a plasma fractal, and frost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mqa_vision.corruptions.filters import Array

FIRST_AMPLITUDE = 100.0  # of the coarsest detail of a plasma
SPECTRUM_SLOPE = 1.2  # frost's amplitude falls with this power of the frequency
VEIN_WIDTH = 0.25  # of a crystal's edge, in deviations of the noise
VEINS = 1.0  # their weight beside that of the noise
# Mean of red, green and blue, and the deviation, in the photographs of frost of the published code.
FROST_LOOKS = (
    ((0.305, 0.585, 0.650), 0.08),
    ((0.787, 0.805, 0.841), 0.09),
    ((0.787, 0.805, 0.841), 0.09),
    ((0.540, 0.599, 0.648), 0.11),
    ((0.441, 0.484, 0.528), 0.17),
)


def make_plasma(side: int, decay: float, rng: np.random.Generator) -> Array:
    """A plasma fractal from 0 to 1, by the diamond-square algorithm on a torus.

    Its side is the power of two from `side` on. Each finer detail is weaker by the factor `decay`.
    """
    size = max(2, 1 << (side - 1).bit_length())
    heights = np.zeros((size, size))
    step, amplitude = size, FIRST_AMPLITUDE

    def displace(total: Array) -> Array:
        """The mean of four neighbours, given their sum, displaced at random."""
        displaced: Array = total / 4 + amplitude * rng.uniform(-amplitude, amplitude, total.shape)
        return displaced

    while step >= 2:
        half = step // 2
        corners = heights[::step, ::step]
        rows = corners + np.roll(corners, -1, axis=0)
        heights[half::step, half::step] = displace(rows + np.roll(rows, -1, axis=1))
        middles = heights[half::step, half::step]
        across = middles + np.roll(middles, 1, axis=0) + (corners + np.roll(corners, -1, axis=1))
        heights[::step, half::step] = displace(across)
        down = middles + np.roll(middles, 1, axis=1) + (corners + np.roll(corners, -1, axis=0))
        heights[half::step, ::step] = displace(down)
        step, amplitude = half, amplitude / decay
    heights -= heights.min()
    plasma: Array = heights / heights.max()
    return plasma


def make_frost(height: int, width: int, rng: np.random.Generator) -> Array:
    """Frost of red, green and blue from 0 to 1, shape (height, width, 3).

    Noise whose amplitude falls with the frequency gives clouds of ice. Where it crosses zero, there are bright veins: the
    edges of crystals. Both are scaled to the mean and the deviation of one of `FROST_LOOKS`.
    """
    colour, deviation = FROST_LOOKS[rng.integers(len(FROST_LOOKS))]
    clouds, crystals = _make_noise(height, width, rng), _make_noise(height, width, rng)
    ice = clouds + VEINS * np.exp(-np.abs(crystals) / VEIN_WIDTH)
    ice = (ice - ice.mean()) / max(float(ice.std()), 1e-12)
    frost: Array = np.clip(np.asarray(colour) + deviation * ice[:, :, np.newaxis], 0, 1)
    return frost


def _make_noise(height: int, width: int, rng: np.random.Generator) -> Array:
    """Noise of mean 0 and deviation 1 whose amplitude falls with the frequency."""
    spectrum: Any = np.fft.rfft2(rng.standard_normal((height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = 1
    spectrum[0, 0] = 0
    noise: Array = np.fft.irfft2(spectrum / frequency**SPECTRUM_SLOPE, (height, width))
    return noise / max(float(noise.std()), 1e-12)
