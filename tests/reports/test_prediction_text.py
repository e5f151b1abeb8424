"""Predictions in one line, as reports have them."""

from __future__ import annotations

import pytest

from mqa_registry import format_prediction

SPAN = {"start": 14, "end": 26, "label": "PER", "score": 0.85}
BOX = {"x0": 12.2, "y0": 30.0, "x1": 55.6, "y1": 75.1, "label": "disc", "score": None}


@pytest.mark.parametrize(
    ("prediction", "text"),
    [
        ("positive", "positive"),
        (0.5, "0.500"),
        (["music", "rain"], "music, rain"),
        ([], "none"),
        ("", "none"),
        ([SPAN], "PER 14-26 (0.850)"),
        ([SPAN, {**SPAN, "label": "LOC", "score": None}], "PER 14-26 (0.850), LOC 14-26"),
        ([BOX], "disc (12, 30, 56, 75)"),
        ([{"id": "b", "relevance": 1.0}, {"id": "c", "relevance": 2.0}], "b, c"),
    ],
)
def test_a_prediction_is_one_line_of_what_it_is(prediction, text):
    assert format_prediction(prediction) == text
