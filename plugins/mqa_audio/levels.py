"""Changes of the level of samples: gain, clipping, and the rounding of a telephone's codec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Le

from mqa_audio.changes import change_samples, to_amplitude

if TYPE_CHECKING:
    from mqa_registry import Example

Array: TypeAlias = npt.NDArray[np.float64]


def gain(
    example: Example,
    rng: np.random.Generator,
    *,
    severity: Annotated[float, Ge(0)] = 12.0,
    direction: Literal["quieter", "louder"] = "quieter",
) -> dict[str, bytes]:
    """A quieter or louder sound.

    `severity` is the change in dB: 6 is half or twice the amplitude. `direction` says which. A louder
    sound is not cut at full scale.
    """
    factor = to_amplitude(-severity if direction == "quieter" else severity)
    return change_samples(example, lambda samples: samples * factor)


def clipping(
    example: Example, rng: np.random.Generator, *, severity: Annotated[float, Ge(0)] = 6.0
) -> dict[str, bytes]:
    """Samples that are cut at a level, as of a recorder that is set too high.

    `severity` is how far that level is below the largest sample of the sound, in dB.
    """

    def clip(samples: Array) -> Array:
        limit = np.abs(samples).max() * to_amplitude(-severity)
        return np.clip(samples, -limit, limit)

    return change_samples(example, clip)


def mu_law(
    example: Example, rng: np.random.Generator, *, severity: Annotated[int, Ge(1), Le(15)] = 8
) -> dict[str, bytes]:
    """The rounding of a mu-law codec, as of telephones (ITU-T G.711, its continuous formula).

    Samples are cut at full scale. `severity` is 16 less the number of bits that are kept: 8 leaves 8 bits, those of a
    telephone, with mu = 255; 12 leaves 4 bits, with mu = 15. Compose it with `audio/low-pass` for the whole line.
    """
    mu = 2 ** (16 - severity) - 1
    return change_samples(example, lambda samples: expand(np.round(compress(samples, mu) * mu) / mu, mu))


def compress(samples: Array, mu: float) -> Array:
    """Samples from -1 to 1 by the mu-law, as values from 0 to 1."""
    bounded = np.clip(samples, -1, 1)
    return np.asarray((np.sign(bounded) * np.log1p(mu * np.abs(bounded)) / np.log1p(mu) + 1) / 2)


def expand(values: Array, mu: float) -> Array:
    """The inverse of `compress`."""
    signed = 2 * values - 1
    return np.asarray(np.sign(signed) * np.expm1(np.abs(signed) * np.log1p(mu)) / mu)
