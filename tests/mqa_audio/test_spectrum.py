"""The spectrum of sounds in a few numbers, and clusters of sounds by it."""

from __future__ import annotations

import numpy as np
import pytest
from transformers.audio_utils import mel_filter_bank

from mqa_audio.loudness import clusters
from mqa_audio.spectrum import N_BANDS, Spectrum, make_filters
from mqa_registry import Blob, DataError, Sound

RATE = 16000


def tone(pitch, level=0.5, rate=RATE):
    time = np.arange(rate // 4) / rate
    return Sound((level * np.sin(2 * np.pi * pitch * time))[:, None].astype(np.float32), rate)


def example(sound):
    return {"audio": Blob("a.wav", sound.to_wav())}


def test_the_bands_are_those_of_htk():
    theirs = mel_filter_bank(257, N_BANDS, 0, 8000, RATE, norm=None, mel_scale="htk")
    assert make_filters(RATE, 512) == pytest.approx(theirs, abs=1e-9)


def test_a_tone_is_loudest_in_its_own_band():
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), N_BANDS + 2) / 2595) - 1)
    for band in (4, 12, 20):
        assert Spectrum.of(tone(edges[band + 1])).embedding[:N_BANDS].argmax() == band


def test_twice_the_amplitude_is_six_decibels_more_in_every_band_and_changes_nothing_else():
    rng = np.random.default_rng(1)
    noise = Sound(0.1 * rng.standard_normal((RATE, 2)).astype(np.float32), RATE)
    before, after = Spectrum.of(noise), Spectrum.of(noise.with_samples(2 * noise.samples))
    assert after.embedding[:N_BANDS] - before.embedding[:N_BANDS] == pytest.approx(6.0206, abs=1e-3)
    assert after.embedding[N_BANDS:] == pytest.approx(before.embedding[N_BANDS:], abs=1e-3)
    assert (after.level - before.level, after.pitch) == (pytest.approx(6.0206, abs=1e-3), pytest.approx(before.pitch))


def test_levels_do_not_depend_on_the_rate():
    levels = [Spectrum.of(tone(1000, rate=rate)).embedding[:N_BANDS].max() for rate in (16000, 32000, 48000)]
    assert levels == pytest.approx([levels[0]] * 3, abs=1.5)  # the bins of the transform differ


def test_a_long_sound_is_transformed_part_by_part(monkeypatch):
    whole = Spectrum.of(tone(440))
    monkeypatch.setattr("mqa_audio.spectrum.FRAMES_AT_ONCE", 7)
    assert Spectrum.of(tone(440)).embedding == pytest.approx(whole.embedding, abs=1e-4)


@pytest.mark.parametrize("samples", [np.zeros((5, 1)), np.ones((1, 1)), np.zeros((RATE, 2))])
@pytest.mark.parametrize("rate", [11, 8000, 48000])
def test_silence_and_a_single_sample_have_a_spectrum_at_any_rate(samples, rate):
    assert np.isfinite(Spectrum.of(Sound(samples.astype(np.float32), rate)).embedding).all()


def test_sounds_alike_are_in_one_cluster_that_says_what_they_are_like():
    sounds = [tone(pitch, level) for pitch, level in [(200, 0.5)] * 3 + [(205, 0.5), (3000, 0.005), (3050, 0.005)]]
    groups = clusters([*map(example, sounds), {"audio": Blob("b", b"none")}], n_clusters=2)
    assert groups[:4] == [groups[0]] * 4
    assert groups[4] == groups[5]
    assert groups[4].startswith("cluster 2 of 2: quiet, high")
    assert groups[0].startswith("cluster 1 of 2: ")
    assert groups[6] is None
    with pytest.raises(DataError, match="no field `sound`"):
        clusters([example(sounds[0])], column="sound")
