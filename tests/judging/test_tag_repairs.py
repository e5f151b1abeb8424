"""Tags of targets that contradict each other are repaired, and counted."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry.judging.tag_repairs import count_repairs

CLASSES = ("O", "B-PER", "I-PER")


@pytest.mark.parametrize(
    ("targets", "repaired"),
    [
        ([["I-PER", "I-PER", "O", "I-PER"], ["B-PER", "I-PER"], None], 2),
        ([[2, 2, 0, 2], [1, 2], None], 2),
        ([["B-PER", None, "I-PER"]], 0),
        ([["O", "O"]], 0),
        (["negative"], 0),
    ],
    ids=["names", "positions", "a word without a tag", "none", "no tags"],
)
def test_entities_that_begin_without_their_tag_are_counted(targets, repaired):
    assert count_repairs(pa.table({"target": targets}), CLASSES) == repaired


def test_spans_need_no_repair():
    spans = [[{"start": 0, "end": 3, "label": "PER"}]]
    assert count_repairs(pa.table({"target": spans}), CLASSES) == 0
