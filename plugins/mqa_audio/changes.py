"""Changes of the sounds of an example: read, changed as floats, and written as WAV of 32-bit floats.

Floats are not cut at full scale, so that a change does what it says and no more. A clipping recorder is `audio/clipping`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mqa_registry import Sound, read_sound

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from mqa_registry import Example

    Array: TypeAlias = npt.NDArray[np.float64]


def change_sounds(example: Example, change: Callable[[Sound], Sound]) -> dict[str, bytes]:
    """Every sound of an example after a change."""
    return {name: change(read_sound(value)).to_wav() for name, value in example.items()}


def change_samples(example: Example, change: Callable[[Array], npt.NDArray[np.floating[Any]]]) -> dict[str, bytes]:
    """Every sound of an example after a change of its samples, shape (samples, channels)."""
    return change_sounds(example, lambda sound: sound.with_samples(change(sound.samples.astype(np.float64))))


def is_silent(example: Example) -> bool:
    """Whether all samples of a sound of an example are 0."""
    return any(not read_sound(value).samples.any() for value in example.values())


def measure_power(samples: npt.NDArray[np.floating[Any]]) -> float:
    """The mean of the squares of all samples."""
    return float(np.square(samples, dtype=np.float64).mean())


def to_amplitude(decibels: float) -> float:
    """What a level in dB multiplies samples by."""
    return float(10 ** (decibels / 20))
