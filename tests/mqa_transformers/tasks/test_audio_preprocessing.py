"""What a model of sounds is fed with, and the mistakes of deployments that explain another input."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_parity.input_differences import encode_fed, explain_differences
from mqa_registry import Blob, ClassifierOptions, Model, Sound, resample
from mqa_transformers.tasks.audio_classification import AudioClassification
from mqa_transformers.tasks.audio_preprocessing import AudioPreprocessing, different_settings, usual_mistakes
from tests.tones import RATE, build_extractor, draw_tone

SOUND = draw_tone(np.random.default_rng(3), 0, rate=2 * RATE, channels=2)


def fed(preprocessing, sound=SOUND):
    return preprocessing.apply(sound)["input_values"]


def test_a_sound_is_averaged_resampled_and_given_to_the_extractor():
    expected = build_extractor()(resample(SOUND.mono, 2 * RATE, RATE), sampling_rate=RATE, return_tensors="np")
    arrays = AudioPreprocessing(build_extractor()).apply(SOUND)
    assert (arrays["input_values"] == expected["input_values"][0]).all()
    assert arrays["input_values"].dtype == np.float32
    assert arrays["attention_mask"].tolist() == [1] * len(arrays["input_values"])


def test_every_usual_mistake_feeds_the_model_otherwise():
    own = fed(AudioPreprocessing(build_extractor(do_normalize=False)))
    mistakes = dict(usual_mistakes(build_extractor(do_normalize=False)))
    assert len(mistakes) == 7
    for difference, preprocessing in mistakes.items():
        given = fed(preprocessing)
        assert given.shape != own.shape or not np.allclose(given, own, atol=1e-3), difference


def test_resamplers_and_factors_do_what_they_say():
    mistakes = dict(usual_mistakes(build_extractor(do_normalize=False)))
    mono = SOUND.mono
    assert (fed(mistakes["sounds are not resampled: their samples are taken for ones at 8,000 Hz"]) == mono).all()
    nearest = next(one for text, one in mistakes.items() if "nearest sample" in text)
    assert (fed(nearest) == mono[::2]).all()
    scaled = mistakes["samples of 16 bits are not divided by 32,768"]
    np.testing.assert_allclose(fed(scaled), 32768 * resample(mono, 2 * RATE, RATE), rtol=1e-6)
    first = mistakes["the first channel is taken in place of the mean of all"]
    assert (fed(first) == resample(SOUND.samples[:, 0], 2 * RATE, RATE)).all()


def test_two_extractors_differ_in_the_settings_that_are_named():
    other = build_extractor(do_normalize=False, sampling_rate=2 * RATE)
    found = dict(different_settings(build_extractor(), other))
    assert list(found)[:2] == [
        "`do_normalize` is false in place of true",
        "`sampling_rate` is 16000 in place of 8000",
    ] or list(found)[:2] == [
        "`sampling_rate` is 16000 in place of 8000",
        "`do_normalize` is false in place of true",
    ]
    both = list(found.values())[-1]
    assert (fed(both) == SOUND.mono).all()


def test_another_gain_is_measured_of_sounds_of_any_length():
    labels = ("low", "high")
    model = Model(digest="", module=lambda: None, processor=lambda: build_extractor(do_normalize=False), labels=labels)
    codec = AudioClassification().bind(model, ClassifierOptions())
    sounds = [draw_tone(np.random.default_rng(seed), 1) for seed in range(4)]
    examples = [{"audio": Blob("a", one.to_wav())} for one in sounds]
    theirs = [
        [{**part, "input_values": part["input_values"] * np.float32(0.5)} for part in feed]
        for feed in encode_fed(codec, examples)
    ]
    assert len({len(part["input_values"]) for [part] in theirs}) > 1
    found = explain_differences(codec, None, examples, theirs, 1e-3)
    assert found.startswith("values are multiplied by (0.5) and moved by (")


@pytest.mark.parametrize("settings", [{}, {"do_normalize": False}])
def test_a_sound_of_one_sample_has_its_input(settings):
    sound = Sound(np.full((1, 1), 0.5, np.float32), RATE)
    assert fed(AudioPreprocessing(build_extractor(**settings)), sound).shape == (1,)
