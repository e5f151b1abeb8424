"""Sounds: read as floats from what libsndfile reads, refused where they are broken, resampled without moving in time."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import signal

from mqa_registry import Blob, BlobError, DataError, RowError, Sound, read_sound, resample

RATE = 8000
NOISE = (0.2 * np.random.default_rng(7).standard_normal((1200, 2))).astype(np.float32)


def encoded(samples=NOISE, rate=RATE, kind="WAV", **options):
    content = BytesIO()
    soundfile.write(content, samples, rate, format=kind, **options)
    return content.getvalue()


def read(content, name="a.wav"):
    return read_sound(Blob(name, content))


# Reading.


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_sample_of_16_bits_is_divided_by_its_range(kind):
    sound = read(encoded(np.array([[0], [16384], [-32768], [32767]], np.int16), kind=kind))
    assert sound.rate == RATE
    assert sound.samples[:, 0].tolist() == [0.0, 0.5, -1.0, 32767 / 32768]


@pytest.mark.parametrize("kind", ["OGG", "MP3", "AIFF"])
def test_other_files_are_read_as_libsndfile_reads_them(kind):
    sound = read(encoded(kind=kind))
    assert (sound.samples.shape, sound.rate) == (NOISE.shape, RATE)


def test_mono_is_the_mean_of_the_channels():
    assert (
        read(Sound(NOISE, RATE).to_wav()).mono == ((NOISE[:, 0].astype(float) + NOISE[:, 1]) / 2).astype("f4")
    ).all()
    assert (Sound(NOISE[:, :1], RATE).mono == NOISE[:, 0]).all()


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=st.floats(-9, 9, width=32)),
    st.integers(1, 200_000),
)
@settings(max_examples=30)
def test_a_sound_that_is_written_is_read_again(samples, rate):
    sound = Sound(samples, rate)
    again = read(sound.to_wav())
    assert (again.samples == samples).all()
    assert (again.rate, again.seconds) == (rate, len(samples) / rate)
    assert sound.to_wav() == again.to_wav()


# Broken sounds.


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty: it has no bytes"),
        (b"no sound at all", "is no sound that can be read: "),
        (encoded()[:30], "is no sound that can be read: "),
        (encoded(kind="FLAC")[:1500], "is no sound that can be read: "),
        (encoded()[:1000], "is cut short: 956 of 4,800 bytes of samples are there"),
        (encoded(NOISE[:0]), "has no samples: it is 0 seconds long"),
        (Sound(np.full((3, 1), np.nan, np.float32), RATE).to_wav(), "has samples that are NaN or infinite"),
        (Sound(np.full((3, 1), np.inf, np.float32), RATE).to_wav(), "has samples that are NaN or infinite"),
    ],
    ids=["empty", "text", "header", "flac", "short", "0 seconds", "nan", "infinite"],
)
def test_a_broken_sound_is_refused_by_name_and_reason(content, reason):
    with pytest.raises(BlobError) as refused:
        read(content)
    assert refused.value.message.startswith(f"`a.wav` {reason}")
    assert "\n" not in refused.value.message


def test_a_wav_that_was_written_to_a_pipe_does_not_know_its_length():
    content = bytearray(encoded())
    start = content.index(b"data") + 4
    content[start : start + 4] = (0xFFFFFFFF).to_bytes(4, "little")
    assert len(read(bytes(content)).samples) == len(NOISE)


def test_a_sound_that_is_too_long_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr("mqa_registry.sounds.MAX_SAMPLES", 2000)
    with pytest.raises(BlobError, match="has 1,200 samples of 2 channels, and more than 2,000 in all"):
        read(encoded())


def test_numbers_without_a_rate_are_no_sound():
    with pytest.raises(DataError, match="a `ndarray` is no sound"):
        read_sound(NOISE)


# Resampling.


@pytest.mark.parametrize(("rate", "new_rate"), [(8000, 16000), (44100, 16000), (16000, 8000), (22050, 44100)])
def test_a_tone_stays_the_tone_that_it_is_at_another_rate(rate, new_rate):
    """Against the tone itself at the new rate, away from the ends, where a filter has nothing to read."""
    time = np.arange(rate // 5) / rate
    new_time = np.arange(-(-len(time) * new_rate // rate)) / new_rate
    resampled = resample(np.sin(2 * np.pi * 440 * time), rate, new_rate)
    assert len(resampled) == len(new_time)
    inner = slice(len(new_time) // 5, -len(new_time) // 5)
    np.testing.assert_allclose(resampled[inner], np.sin(2 * np.pi * 440 * new_time)[inner], atol=2e-3)


def test_what_is_above_half_of_the_new_rate_is_filtered_out():
    tone = np.sin(2 * np.pi * 7000 * np.arange(16000) / 16000)
    assert np.abs(resample(tone, 16000, 8000)[500:-500]).max() < 2e-3


def test_a_sound_that_would_have_more_samples_than_are_made_is_refused():
    """At 1 Hz, as a damaged header says, 7,000 samples are nearly two hours of silence and noise."""
    with pytest.raises(RowError, match=r"7,000 samples at 1 Hz` has 112,000,000 of them at 16,000 Hz") as caught:
        resample(np.zeros((7000, 1), np.float32), 1, 16000)
    assert caught.value.hint == "is its sampling rate right? else cut it into parts"


def test_channels_are_resampled_one_by_one_as_scipy_does_it():
    expected = np.stack([signal.resample_poly(NOISE[:, one].astype(float), 2, 1) for one in range(2)], axis=1)
    np.testing.assert_allclose(resample(NOISE, 8000, 16000), expected, atol=1e-7)
    assert (resample(NOISE, 8000, 8000) == NOISE).all()
