"""Numbers of what sounds are like, and slices by them."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_audio.loudness import length, loudness, measure_loudness, measure_silence, silence
from mqa_registry import Blob, DataError, Sound

RATE = 8000
SINE = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)


def sound(samples):
    return Sound(np.asarray(samples, np.float32).reshape(len(samples), -1), RATE)


def example(samples):
    return {"audio": Blob("a.wav", sound(samples).to_wav())}


def test_loudness_is_the_root_mean_square_in_decibels_of_full_scale():
    assert measure_loudness(sound(SINE)) == pytest.approx(-3.0103, abs=1e-3)
    assert measure_loudness(sound(0.1 * np.sign(SINE + 1e-9))) == pytest.approx(-20, abs=1e-3)
    assert measure_loudness(sound(np.zeros(5))) == -120


def test_silence_is_the_share_of_frames_far_below_the_loudest():
    parts = [SINE[:800], np.zeros(1600), 0.02 * SINE[:800], 0.001 * SINE[:800]]  # -34 and -60 dB
    assert measure_silence(sound(np.concatenate(parts))) == pytest.approx(0.6)
    assert measure_silence(sound(np.zeros(800))) == 1
    assert measure_silence(sound(SINE[1:2])) == 0


def test_slices_name_ranges_parts_and_no_group_of_a_broken_sound():
    examples = [example(factor * SINE) for factor in (0.01, 0.1, 1)]
    assert loudness([*examples, {"audio": Blob("b", b"none")}], edges=[-30, -10]) == [
        "loudness under -30", "loudness -30 to -10", "loudness -10 and over", None,
    ]  # fmt: skip
    assert length([example(SINE[:4000]), example(SINE)], n_bins=2) == ["length 1/2 (0.5 to 0.5)", "length 2/2 (1 to 1)"]
    assert silence(examples[:1], edges=[0.5]) == ["silence under 0.5"]
    with pytest.raises(DataError, match="no field `sound`"):
        silence(examples, column="sound")
