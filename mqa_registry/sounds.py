"""Sounds of rows: files and bytes, read as floats, resampled, and written as WAV again.

A sound is float32 of shape (samples, channels) at a sampling rate. Integers of a file are divided by the largest of their
width, so that they lie within -1 and 1; floats are as they are. libsndfile reads every file: the standard library reads WAV
alone, and of that no floats.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.errors import BlobError, DataError, RowError, summarize_error
from mqa_registry.extras import optional_import
from mqa_registry.types.blobs import Blob

if TYPE_CHECKING:
    from typing import BinaryIO

    import numpy.typing as npt

MAX_SAMPLES = 100_000_000  # of all channels: 400 MB as floats, an hour and three quarters at 16 kHz
SHORT_DATA = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)  # in libsndfile's log of a WAV file
UNKNOWN_BYTES = 0x7FFF0000  # from here on, what writes WAV to a pipe means that it does not know how long it will be
FLOAT_FORMAT = 3  # of WAV: IEEE floats
FORMATS_HINT = "libsndfile reads WAV, FLAC, OGG, MP3, AIFF and others"


@dataclass(frozen=True)
class Sound:
    """Samples, float32 of shape (samples, channels), and how many of them there are in a second."""

    samples: npt.NDArray[np.float32]
    rate: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    @property
    def mono(self) -> npt.NDArray[np.float32]:
        """The mean of the channels, shape (samples,)."""
        if self.samples.shape[1] == 1:
            return self.samples[:, 0]
        mean: npt.NDArray[np.float32] = self.samples.mean(axis=1, dtype=np.float64).astype(np.float32)
        return mean

    def with_samples(self, samples: npt.NDArray[np.floating[Any]]) -> Sound:
        """Other samples at the same rate."""
        return Sound(samples.astype(np.float32), self.rate)

    def to_wav(self) -> bytes:
        """The bytes of a WAV file of 32-bit floats: the same samples give the same bytes, and reading gives them back."""
        data = np.ascontiguousarray(self.samples, "<f4").tobytes()
        channels = self.samples.shape[1]
        layout = struct.pack(
            "<4sIHHIIHHH", b"fmt ", 18, FLOAT_FORMAT, channels, self.rate, self.rate * channels * 4, channels * 4, 32, 0
        )
        length = struct.pack("<4sII", b"fact", 4, len(self.samples))
        body = b"WAVE" + layout + length + struct.pack("<4sI", b"data", len(data)) + data
        return struct.pack("<4sI", b"RIFF", len(body)) + body


def read_sound(value: Any) -> Sound:
    """The sound of a row: a `Blob` that libsndfile reads, such as WAV, FLAC, OGG and MP3.

    Raises a BlobError for one that is empty, damaged, cut short, 0 seconds or more than 100 million samples long, or has
    numbers that are not finite; a DataError for any other value, which has no sampling rate.
    """
    if isinstance(value, Blob):
        return _read_file(value)
    raise DataError(
        f"a `{type(value).__name__}` is no sound: it says no sampling rate",
        hint="give a file, or the bytes of one, such as a WAV",
    )


def resample(samples: npt.NDArray[np.floating[Any]], rate: int, new_rate: int) -> npt.NDArray[np.float32]:
    """Samples, the first axis, at another rate: `scipy.signal.resample_poly`, with its Kaiser window (beta 5).

    The low-pass filter is linear in phase, so that nothing moves in time; ceil(samples * new_rate / rate) are given. Raises
    a RowError where these would be more than 100 million.
    """
    if rate == new_rate:
        return samples.astype(np.float32)
    number = math.ceil(samples.size * new_rate / rate)
    if number > MAX_SAMPLES:
        raise RowError(
            f"a sound of {len(samples):,} samples at {rate:,} Hz",
            f"has {number:,} of them at {new_rate:,} Hz, and more than {MAX_SAMPLES:,} are not made",
            hint="is its sampling rate right? else cut it into parts",
        )
    from scipy import signal

    common = math.gcd(rate, new_rate)
    resampled = signal.resample_poly(samples.astype(np.float64), new_rate // common, rate // common)
    return np.asarray(resampled, np.float32)


def _read_file(blob: Blob) -> Sound:
    if blob.size == 0:
        raise BlobError(blob.name, "is empty: it has no bytes", hint="was it copied whole?")
    with blob.open() as file:
        samples, rate = _decode(blob, file)
    if not len(samples):
        raise BlobError(blob.name, "has no samples: it is 0 seconds long")
    if not np.isfinite(samples).all():
        raise BlobError(
            blob.name, "has samples that are NaN or infinite", hint="what wrote it divided by 0, or overflowed"
        )
    return Sound(samples, rate)


def _decode(blob: Blob, file: BinaryIO) -> tuple[npt.NDArray[np.float32], int]:
    with optional_import("soundfile"):
        import soundfile
    try:
        with soundfile.SoundFile(file) as sound:
            _check_length(blob, sound.frames, sound.channels)
            _check_whole(blob, str(sound.extra_info))
            return sound.read(dtype="float32", always_2d=True), int(sound.samplerate)
    except (BlobError, MemoryError):
        raise
    except Exception as error:
        reason = summarize_error(error).partition(": ")[2] or summarize_error(error)
        raise BlobError(
            blob.name, f"is no sound that can be read: {reason}", hint=f"is it whole? {FORMATS_HINT}"
        ) from error


def _check_length(blob: Blob, frames: int, channels: int) -> None:
    """Refuse a sound of too many samples, of which none has been decoded yet."""
    if frames * channels > MAX_SAMPLES:
        raise BlobError(
            blob.name,
            f"has {frames:,} samples of {channels} channels, and more than {MAX_SAMPLES:,} in all are not decoded",
            hint="cut it into parts",
        )


def _check_whole(blob: Blob, log: str) -> None:
    """Refuse a WAV file with fewer bytes of samples than it says, which libsndfile reads as far as they go."""
    found = SHORT_DATA.search(log)
    if found is not None and 0 < (declared := int(found[1])) < UNKNOWN_BYTES:
        raise BlobError(
            blob.name,
            f"is cut short: {int(found[2]):,} of {declared:,} bytes of samples are there",
            hint="was it copied whole?",
        )
