"""Changes of sounds, each held against a formula or against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from mqa_audio import mqa_perturbations, mqa_slices
from mqa_audio.filters import high_pass, low_pass, lower_rate
from mqa_audio.levels import clipping, compress, expand, gain, mu_law
from mqa_audio.noise import impulse_response, noise, reverb
from mqa_audio.timing import packet_loss, speed, time_mask
from mqa_registry import Blob, Sound, read_sound, resample

RATE = 8000
SAMPLES = (0.2 * np.random.default_rng(3).standard_normal((4000, 2))).astype(np.float32)
MUSIC = Sound(SAMPLES, RATE)
EXAMPLE = {"audio": Blob("music.wav", MUSIC.to_wav())}


def rng(seed=7):
    return np.random.default_rng(seed)


def example(samples, rate=RATE):
    return {"audio": Blob("a.wav", Sound(np.asarray(samples, np.float32).reshape(len(samples), -1), rate).to_wav())}


def heard(changed):
    return read_sound(Blob("changed.wav", changed["audio"]))


def power(samples):
    return np.square(samples, dtype=np.float64).mean()


def decibels(ratio):
    return 10 * np.log10(ratio)


def tone(pitch, rate=RATE, seconds=0.5):
    return np.sin(2 * np.pi * pitch * np.arange(int(rate * seconds)) / rate)


# Noise.


@pytest.mark.parametrize("colour", ["white", "pink", "brown", "shaped"])
@pytest.mark.parametrize("severity", [-30, -10, 0, 6])
def test_noise_has_its_level_relative_to_the_sound(colour, severity):
    added = heard(noise(EXAMPLE, rng(), severity=severity, colour=colour)).samples.astype(float) - SAMPLES
    assert decibels(power(added) / power(SAMPLES)) == pytest.approx(severity, abs=1e-3)


@pytest.mark.parametrize(("colour", "slope"), [("white", 0), ("pink", -10), ("brown", -20)])
def test_the_power_of_noise_falls_with_its_frequency(colour, slope):
    """By 10 dB a decade of pink noise, and 20 of brown: Welch's estimate, fitted over two decades."""
    loud = example(1e-3 * rng().standard_normal(60_000))
    made = heard(noise(loud, rng(), severity=60, colour=colour)).samples[:, 0]
    frequencies, density = signal.welch(made, RATE, nperseg=4096)
    within = (frequencies > 30) & (frequencies < 3000)
    fitted = np.polyfit(np.log10(frequencies[within]), decibels(density[within]), 1)[0]
    assert fitted == pytest.approx(slope, abs=0.6)


def test_shaped_noise_has_the_spectrum_of_the_sound():
    made = heard(noise(example(tone(1000)), rng(), severity=0, colour="shaped")).samples[:, 0] - tone(1000)
    assert np.argmax(np.abs(np.fft.rfft(made))) == 500


def test_a_stronger_noise_is_the_same_noise_and_a_silent_sound_is_declined():
    weak, strong = (heard(noise(EXAMPLE, rng(), severity=one)).samples - SAMPLES for one in (-20, 0))
    np.testing.assert_allclose(strong, 10 * weak, atol=1e-4)
    assert noise(example(np.zeros(10)), rng()) is None
    assert (heard(noise(example([0.5]), rng(), colour="pink")).samples == 0.5).all()


# Rooms.


def test_an_impulse_comes_back_as_the_response_of_the_room():
    impulse = np.zeros(RATE)
    impulse[100] = 1
    made = heard(reverb(example(impulse), rng(), severity=0.25)).samples[:, 0]
    response = impulse_response(rng(), RATE, 0.25, 0.0)
    expected = np.convolve(impulse, response)[:RATE]
    np.testing.assert_allclose(made, expected, atol=1e-6)


def test_echoes_have_their_power_and_fall_by_60_decibels_in_the_reverberation_time():
    response = impulse_response(rng(), 16_000, 1.0, 6.0)
    assert (len(response), response[0]) == (16_000, 1.0)
    assert decibels(1 / np.square(response[1:]).sum()) == pytest.approx(6.0)
    # Schroeder's integral, from the reverberation at 0.1 s to that at 0.5 s: 24 dB.
    left = np.cumsum(np.square(response[:0:-1]))[::-1]
    assert decibels(left[1600] / left[8000]) == pytest.approx(24, abs=1.0)


# Levels.


@pytest.mark.parametrize(("direction", "change"), [("quieter", -6), ("louder", 6)])
def test_a_gain_of_six_decibels_is_half_or_twice_the_amplitude(direction, change):
    made = heard(gain(EXAMPLE, rng(), severity=6, direction=direction)).samples
    np.testing.assert_allclose(made, SAMPLES * 10 ** (change / 20), rtol=1e-6)


def test_clipping_cuts_at_a_level_below_the_peak():
    made = heard(clipping(example([0.1, -0.8, 0.5, 0.3]), rng(), severity=20 * np.log10(2))).samples[:, 0]
    np.testing.assert_allclose(made, [0.1, -0.4, 0.4, 0.3], rtol=1e-6)
    assert (heard(clipping(EXAMPLE, rng(), severity=0)).samples == SAMPLES).all()


@given(st.floats(-1, 1))
@settings(max_examples=40)
def test_a_sample_of_a_codec_is_off_by_half_a_step_of_the_compressed_scale(sample):
    (made,) = heard(mu_law(example([sample]), rng())).samples[0]
    assert (
        abs(compress(np.array(made, float), 255) - compress(np.array(np.float32(sample), float), 255))
        <= 0.5 / 255 + 1e-6
    )


def test_the_codec_is_the_formula_of_g711():
    assert compress(np.array([-1.0, 0.0, 0.01, 2.0]), 255).tolist() == pytest.approx(
        [0.0, 0.5, (np.log(1 + 2.55) / np.log(256) + 1) / 2, 1.0]
    )
    values = np.linspace(0, 1, 9)
    np.testing.assert_allclose(compress(expand(values, 255), 255), values, atol=1e-12)
    assert len(np.unique(heard(mu_law(EXAMPLE, rng(), severity=13)).samples)) <= 8


# Frequencies.


@pytest.mark.parametrize(("change", "kind"), [(low_pass, "lowpass"), (high_pass, "highpass")])
def test_a_filter_is_that_of_scipy_and_loses_3_decibels_at_its_cutoff(change, kind):
    numerator, denominator = signal.butter(4, 1000, kind, fs=RATE)
    made = heard(change(EXAMPLE, rng(), cutoff=1000)).samples
    np.testing.assert_allclose(made, signal.lfilter(numerator, denominator, SAMPLES.astype(float), axis=0), atol=1e-5)
    at_cutoff = heard(change(example(tone(1000)), rng(), cutoff=1000)).samples[2000:]
    assert decibels(power(at_cutoff) / 0.5) == pytest.approx(-3.01, abs=0.05)
    assert change(EXAMPLE, rng(), cutoff=4000) is None


def test_a_lower_rate_leaves_what_is_below_half_of_it():
    kept, lost = (heard(lower_rate(example(tone(pitch)), rng(), severity=4)).samples for pitch in (300, 2000))
    np.testing.assert_allclose(kept[500:-500, 0], tone(300)[500:-500], atol=5e-3)
    assert np.abs(lost[500:-500]).max() < 5e-3
    made = heard(lower_rate(EXAMPLE, rng(), severity=2.5)).samples
    assert (made == resample(resample(SAMPLES, 8000, 3200), 3200, 8000)[: len(SAMPLES)]).all()
    assert lower_rate(example([0.1]), rng()) is None


# Time.


@pytest.mark.parametrize("n_masks", [1, 4])
def test_a_mask_silences_its_share_and_leaves_the_rest(n_masks):
    changed, target = time_mask(EXAMPLE, "music", rng(), severity=0.2, n_masks=n_masks)
    made = heard(changed).samples
    silent = (made == 0).all(axis=1)
    assert target == "music"
    assert silent.mean() == pytest.approx(0.2, abs=0.001)
    assert np.count_nonzero(np.diff(silent.astype(int)) == 1) <= n_masks
    assert (made[~silent] == SAMPLES[~silent]).all()


def test_lost_packets_are_silent_or_repeat_the_last_one():
    ramp = np.repeat(np.arange(1.0, 41.0), 160)  # a packet of 20 ms for each number
    lost = rng().random(40) < 0.3
    made = heard(packet_loss(example(ramp[:-7]), rng(), severity=0.3)).samples[:, 0]
    np.testing.assert_allclose(made, np.where(np.repeat(lost, 160), 0, ramp)[:-7])
    repeated = heard(packet_loss(example(ramp), rng(), severity=0.3, concealment="repeat")).samples[::160, 0]
    expected = 0.0
    for number, (is_lost, given_) in enumerate(zip(lost, repeated, strict=True), start=1):
        expected = expected if is_lost else float(number)
        assert given_ == expected


def test_more_packets_are_lost_at_a_higher_probability_and_those_that_were():
    few, many = (heard(packet_loss(EXAMPLE, rng(), severity=one)).samples[:, 0] == 0 for one in (0.1, 0.5))
    assert few.mean() < many.mean()
    assert not (few & ~many).any()


@pytest.mark.parametrize(("direction", "pitch", "length"), [("faster", 550, 0.4), ("slower", 352, 0.625)])
def test_a_faster_sound_is_shorter_and_higher(direction, pitch, length):
    changed, _ = speed(example(tone(440)), "music", rng(), severity=1.25, direction=direction)
    made = heard(changed)
    assert made.rate == RATE
    assert made.seconds == pytest.approx(length, abs=1 / RATE)
    time = np.arange(len(made.samples)) / RATE
    np.testing.assert_allclose(made.samples[500:-500, 0], np.sin(2 * np.pi * pitch * time)[500:-500], atol=5e-3)


@pytest.mark.parametrize(
    ("target", "stays"),
    [
        ("cat", True),
        (1.5, True),
        (None, True),
        (["a", "b"], True),
        ([{"start": 1, "end": 2}], False),
        ([0.0, 1.0], False),
    ],
)
@pytest.mark.parametrize("change", [time_mask, speed])
def test_a_row_is_declined_where_its_target_has_times(change, target, stays):
    assert (change(EXAMPLE, target, rng()) is not None) is stays


# All of them.


@pytest.mark.parametrize("perturbation", list(mqa_perturbations()), ids=lambda one: one.name)
@pytest.mark.parametrize("length", [1, 2, 333])
def test_every_change_takes_sounds_of_any_length_and_is_the_same_each_time(perturbation, length):
    arguments = ("music",) if perturbation.target_effect == "moves" else ()
    made = [perturbation.function(example(SAMPLES[:length]), *arguments, rng()) for _ in range(2)]
    assert made[0] == made[1]
    if made[0] is not None:
        sound = heard(made[0][0] if arguments else made[0])
        assert np.isfinite(sound.samples).all()
        assert sound.samples.shape[1] == 2


def test_every_contribution_of_the_plugin_requires_the_extra():
    assert {one.requires for one in (*mqa_perturbations(), *mqa_slices())} == {("soundfile",)}
