"""Segments of speech: rules one by one, and all of them against what the package `silero-vad` makes of the same chunks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_audio.speech_segments import SegmentRules

CHUNK = 512
PLAIN = SegmentRules(threshold=0.5, end_threshold=0.35, min_speech=0, min_silence=CHUNK, padding=0)


def find(rules, *probabilities):
    return rules.find_segments(probabilities, CHUNK, len(probabilities) * CHUNK)


def test_speech_begins_at_the_threshold_and_ends_below_the_lower_one():
    assert find(PLAIN, 0.4, 0.5, 0.4, 0.36, 0.3, 0.1) == [(CHUNK, 4 * CHUNK)]
    assert find(PLAIN, 0.1, 0.9, 0.9) == [(CHUNK, 3 * CHUNK)]
    assert find(PLAIN, 0.4, 0.4) == []


def test_a_short_silence_is_within_a_segment_and_a_short_segment_is_none():
    rules = SegmentRules(0.5, 0.35, min_speech=2 * CHUNK, min_silence=3 * CHUNK, padding=0)
    assert find(rules, 0.9, 0.0, 0.0, 0.9, 0.9) == [(0, 5 * CHUNK)]
    assert find(rules, 0.9, 0.9, 0.0, 0.0, 0.0, 0.0, 0.9, 0.9, 0.9) == [(6 * CHUNK, 9 * CHUNK)]


@pytest.mark.parametrize(
    ("padding", "segments"),
    [
        (400, [(0, 3 * CHUNK + 400), (5 * CHUNK - 400, 6 * CHUNK)]),
        (600, [(0, 4 * CHUNK), (4 * CHUNK, 6 * CHUNK)]),
    ],
)
def test_padding_stays_within_the_sound_and_shares_a_short_silence(padding, segments):
    rules = SegmentRules(0.5, 0.35, min_speech=0, min_silence=CHUNK, padding=padding)
    assert find(rules, 0.9, 0.9, 0.9, 0.0, 0.0, 0.9) == segments


@given(
    st.lists(st.sampled_from([0.0, 0.2, 0.4, 0.5, 0.9]), min_size=1, max_size=40),
    st.sampled_from([0, 64, 250]),
    st.sampled_from([32, 100]),
    st.sampled_from([0, 10, 30, 100]),
    st.integers(0, CHUNK - 1),
)
@settings(max_examples=60)
def test_segments_are_those_of_the_package(probabilities, min_speech, min_silence, padding, missing):
    """The published function, given a model that says these probabilities."""
    utils = pytest.importorskip("silero_vad.utils_vad")
    import torch

    class Scripted:
        def __init__(self):
            self.left = iter(probabilities)

        def reset_states(self):
            pass

        def __call__(self, chunk, rate):
            return torch.tensor(next(self.left))

    length = len(probabilities) * CHUNK - missing
    published = utils.get_speech_timestamps(
        torch.zeros(length),
        Scripted(),
        min_speech_duration_ms=min_speech,
        min_silence_duration_ms=min_silence,
        speech_pad_ms=padding,
    )
    rules = SegmentRules(0.5, 0.35, 16 * min_speech, 16 * min_silence, 16 * padding)
    found = rules.find_segments(probabilities, CHUNK, length)
    assert found == [(one["start"], one["end"]) for one in published]
