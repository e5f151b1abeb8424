"""Preprocessing of sounds: mono, resampled, then a feature extractor; as it should be, or as deployments do it by mistake."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from mqa_registry import resample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from mqa_registry import Sound

    Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

Resampler: TypeAlias = Literal["polyphase", "linear", "fft", "nearest", "none"]

FULL_SCALE = 32768  # a sample of 16 bits that is not divided by it
RESAMPLERS: Mapping[Resampler, str] = {
    "none": "sounds are not resampled: their samples are taken for ones at {} Hz",
    "nearest": "sounds are resampled to {} Hz by the nearest sample in place of a polyphase filter",
    "linear": "sounds are resampled to {} Hz by linear interpolation in place of a polyphase filter",
    "fft": "sounds are resampled to {} Hz by a Fourier transform in place of a polyphase filter",
}
# Settings of a feature extractor that are not its own arithmetic, but names and versions.
NAMES = frozenset({"feature_extractor_type", "processor_class", "image_processor_type", "_processor_class"})
MAX_CHANGES = 3  # settings that are changed together


@dataclass(frozen=True)
class AudioPreprocessing:
    """How a sound becomes a model's input: mono, at the rate of a feature `extractor`, and then by that.

    `factor` multiplies the samples. With `first_channel`, that is taken in place of the mean of the channels.
    """

    extractor: Any
    resampler: Resampler = "polyphase"
    first_channel: bool = False
    factor: float = 1.0

    def apply(self, sound: Sound) -> Arrays:
        """The arrays of one sound, without the axis of rows."""
        rate = int(self.extractor.sampling_rate)
        mono = sound.samples[:, 0] if self.first_channel else sound.mono
        samples = _resample(mono, sound.rate, rate, self.resampler) * np.float32(self.factor)
        encoded = self.extractor(samples, sampling_rate=rate, return_tensors="np")
        return {name: _without_rows(np.asarray(array)) for name, array in encoded.items()}


def usual_mistakes(extractor: Any) -> Iterator[tuple[str, AudioPreprocessing]]:
    """What deployments do otherwise than the feature extractor of a model, in words that continue a sentence."""
    rate = f"{int(extractor.sampling_rate):,}"
    for resampler, text in RESAMPLERS.items():
        yield text.format(rate), AudioPreprocessing(extractor, resampler=resampler)
    yield "the first channel is taken in place of the mean of all", AudioPreprocessing(extractor, first_channel=True)
    is_normalized = read_settings(extractor).get("do_normalize")
    if isinstance(is_normalized, bool):
        other = _with_settings(extractor, {"do_normalize": not is_normalized})
        text = "not normalized (`do_normalize` is false)" if is_normalized else "normalized (`do_normalize` is true)"
        yield f"values are {text}", AudioPreprocessing(other)
    yield "samples of 16 bits are not divided by 32,768", AudioPreprocessing(extractor, factor=FULL_SCALE)


def different_settings(extractor: Any, other: Any) -> Iterator[tuple[str, AudioPreprocessing]]:
    """The settings in which another extractor differs from a model's own: each, then two and three of them together."""
    own, theirs = read_settings(extractor), read_settings(other)
    names = [name for name in own if name in theirs and own[name] != theirs[name]]
    for number in range(1, min(MAX_CHANGES, len(names)) + 1):
        for chosen in combinations(names, number):
            changes = [f"`{name}` is {_show(theirs[name])} in place of {_show(own[name])}" for name in chosen]
            changed = _with_settings(extractor, {name: theirs[name] for name in chosen})
            yield " and ".join(changes), AudioPreprocessing(changed)


def read_settings(extractor: Any) -> dict[str, Any]:
    """The settings of a feature extractor as it saves them, by their names."""
    return {name: value for name, value in extractor.to_dict().items() if name not in NAMES}


def _resample(samples: npt.NDArray[np.float32], rate: int, new_rate: int, resampler: Resampler) -> npt.NDArray[Any]:
    if rate == new_rate or resampler == "none":
        return samples
    if resampler == "polyphase":
        return resample(samples, rate, new_rate)
    number = -(-len(samples) * new_rate // rate)
    if resampler == "fft":
        from scipy import signal

        return np.asarray(signal.resample(samples.astype(np.float64), number), np.float32)
    positions = np.arange(number) * (rate / new_rate)
    if resampler == "nearest":
        return np.asarray(samples[np.minimum(positions.astype(np.int64), len(samples) - 1)])
    return np.asarray(np.interp(positions, np.arange(len(samples)), samples), np.float32)


def _with_settings(extractor: Any, settings: Mapping[str, Any]) -> Any:
    """A copy of an extractor with other settings, which makes its filters anew."""
    return type(extractor).from_dict({**extractor.to_dict(), **settings})


def _show(value: Any) -> str:
    return "not set" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _without_rows(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array of one row, of a batch that has no other."""
    row: npt.NDArray[Any] = array[0]
    return row.astype(np.float32) if array.dtype.kind == "f" else row.astype(np.int64)
