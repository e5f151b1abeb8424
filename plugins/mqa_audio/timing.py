"""Changes along time: parts that are lost, and another speed."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from annotated_types import Ge, Gt, Le

from mqa_audio.changes import change_samples, change_sounds
from mqa_registry import Sound, resample

if TYPE_CHECKING:
    from mqa_registry import Example

Array: TypeAlias = npt.NDArray[np.float64]
Samples: TypeAlias = npt.NDArray[np.float32]
Share: TypeAlias = Annotated[float, Ge(0), Le(1)]
Moved: TypeAlias = "tuple[dict[str, bytes], Any] | None"

MAX_DENOMINATOR = 100  # of a speed as a fraction, which sounds are resampled by


def time_mask(
    example: Example,
    target: Any,
    rng: np.random.Generator,
    *,
    severity: Share = 0.1,
    n_masks: Annotated[int, Ge(1), Le(100)] = 1,
) -> Moved:
    """Parts of a sound that are silent.

    `severity` is the share of the sound that they are together, `n_masks` how many there are, each in its part of the sound.
    A row whose target has times in the sound is declined.
    """
    if not has_no_times(target):
        return None
    positions = rng.random(n_masks)

    def silence(samples: Array) -> Array:
        masked = samples.copy()
        edges = np.linspace(0, len(samples), n_masks + 1)
        for position, start, stop in zip(positions, edges[:-1], edges[1:], strict=True):
            length = (stop - start) * severity
            first = start + position * (stop - start - length)
            masked[round(first) : round(first + length)] = 0
        return masked

    return change_samples(example, silence), target


def packet_loss(
    example: Example,
    rng: np.random.Generator,
    *,
    severity: Share = 0.05,
    milliseconds: Annotated[float, Gt(0), Le(1000)] = 20.0,
    concealment: Literal["silence", "repeat"] = "silence",
) -> dict[str, bytes]:
    """Packets of a call that do not arrive.

    `severity` is the probability of each packet to be lost, `milliseconds` its length. `concealment` is what stands in
    its place: `silence`, or with `repeat` the last packet that arrived.
    """

    def lose(sound: Sound) -> Sound:
        samples = sound.samples
        size = max(1, round(sound.rate * milliseconds / 1000))
        arrives = rng.random(math.ceil(len(samples) / size)) >= severity
        packets = np.pad(samples, ((0, len(arrives) * size - len(samples)), (0, 0))).reshape(len(arrives), size, -1)
        concealed = _conceal(packets, arrives, concealment).reshape(-1, samples.shape[1])
        return sound.with_samples(concealed[: len(samples)])

    return change_sounds(example, lose)


def speed(
    example: Example,
    target: Any,
    rng: np.random.Generator,
    *,
    severity: Annotated[float, Gt(1), Le(4)] = 1.1,
    direction: Literal["faster", "slower"] = "faster",
) -> Moved:
    """A sound that is played faster or slower, and so higher or lower, by resampling.

    `severity` is the factor: at 1.1 a faster sound lasts a tenth less, and is higher by 1.65 semitones. `direction` says which
    way. A row whose target has times in the sound is declined.
    """
    if not has_no_times(target):
        return None
    factor = Fraction(severity).limit_denominator(MAX_DENOMINATOR)
    old, new = (factor.numerator, factor.denominator)[:: 1 if direction == "faster" else -1]
    return change_sounds(example, lambda sound: Sound(resample(sound.samples, old, new), sound.rate)), target


def has_no_times(target: Any) -> bool:
    """Whether a target is a class, several classes, a number, or missing, and so holds for the sound as a whole."""
    if isinstance(target, list | tuple):
        return all(isinstance(one, str) for one in target)
    return target is None or isinstance(target, str | int | float)


def _conceal(packets: Samples, arrives: npt.NDArray[np.bool_], concealment: str) -> Samples:
    """Packets, shape (packets, samples, channels), with something in place of those that do not arrive."""
    if concealment == "silence":
        return packets * arrives[:, None, None]
    last = np.maximum.accumulate(np.where(arrives, np.arange(len(arrives)), -1))
    return np.asarray(packets[np.maximum(last, 0)] * (last >= 0)[:, None, None])
