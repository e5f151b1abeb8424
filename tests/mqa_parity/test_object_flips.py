"""Flips of boxes and instances: ties that noise decided, and damage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_parity.comparisons import agreement
from mqa_parity.flips import find_flips, flip_evidence
from mqa_parity.object_flips import measure_objects
from mqa_parity.suite import find_disagreeing_rows
from mqa_registry import Boxes, Instances, Predictions, encode_mask, masks_column

SIDES = ("x0", "y0", "x1", "y1")
BOX = pa.list_(pa.struct([*((side, pa.float64()) for side in SIDES), ("label", pa.string()), ("score", pa.float64())]))
NEAR, FAR, THERE = (0, 0, 10, 10), (5, 0, 15, 10), (50, 50, 60, 60)


def predict(rows):
    """Predictions of boxes, each given as (sides, score) or (sides, score, label)."""
    values = [
        row if row is None else [
            {**dict(zip(SIDES, map(float, sides), strict=True)), "label": (*label, "cat")[0], "score": score}
            for sides, score, *label in row
        ]
        for row in rows
    ]  # fmt: skip
    ids = [str(number) for number in range(len(rows))]
    return Predictions("boxes", pa.table({"id": ids, "boxes": pa.array(values, BOX)}), ("cat", "dog"))


def fill(rows):
    """Predictions of instances, whose masks fill the boxes."""
    values = []
    for row in predict(rows).to_pylist():
        values.append(None if row is None else [])
        for box in row or ():
            pixels = np.zeros((80, 80), bool)
            pixels[int(box["y0"]) : int(box["y1"]), int(box["x0"]) : int(box["x1"])] = True
            values[-1].append({"label": box["label"], **encode_mask(pixels), "score": box["score"]})
    ids = [str(number) for number in range(len(rows))]
    return Predictions("instances", pa.table({"id": ids, "instances": masks_column(values)}), ("cat", "dog"))


PAIRS = {
    "the same": ([(NEAR, 0.9)], [(NEAR, 0.8)], False, 0.4),
    "one that neither side is sure of": ([(NEAR, 0.9), (THERE, 0.2)], [(NEAR, 0.9)], False, 0.4),
    "a score that fell below the threshold": ([(NEAR, 0.51)], [(NEAR, 0.49)], True, 0.01),
    "a score that rose above it": ([(NEAR, 0.48)], [(NEAR, 0.9)], True, 0.02),
    "one that is gone": ([(NEAR, 0.8)], [], True, 0.3),
    "one that came": ([], [(NEAR, 0.7)], True, 0.2),
    "another label": ([(NEAR, 0.9)], [(NEAR, 0.9, "dog")], True, 0.4),
    "elsewhere": ([(NEAR, 0.9)], [(FAR, 0.9)], True, 0.4),
    "the surest of two": ([(NEAR, 0.52), (THERE, 0.9)], [(NEAR, 0.4)], True, 0.4),
    "nothing on both sides": ([], [], False, np.nan),
    "no prediction": ([(NEAR, 0.9)], None, True, np.nan),
}


@pytest.mark.parametrize("kind", [Boxes, Instances])
@pytest.mark.parametrize(("one", "other", "flipped", "margin"), PAIRS.values(), ids=PAIRS)
def test_the_margin_is_how_far_the_score_was_from_the_threshold(one, other, flipped, margin, kind):
    write = predict if kind is Boxes else fill
    found = measure_objects(write([one]), write([other]), kind, 0.5)
    assert found.values == pytest.approx([margin], nan_ok=True)
    assert agreement(write([one]), write([other])).tolist() == [not flipped]


def test_instances_with_the_same_box_and_other_pixels_are_no_counterparts():
    pixels = np.zeros((20, 20), bool)
    pixels[:10, :10] = True
    corner = np.zeros_like(pixels)
    corner[0, :10] = corner[:10, 0] = True
    one, other = (
        Predictions(
            "instances",
            pa.table({"id": ["0"], "instances": masks_column([[{"label": "cat", **encode_mask(side), "score": 0.9}]])}),
            ("cat", "dog"),
        )
        for side in (pixels, corner)
    )
    flips = find_flips(one, other)
    assert (flips.flipped.tolist(), flips.margins.tolist()) == ([True], [pytest.approx(0.4)])


def test_the_threshold_says_which_detections_count():
    one, other = predict([[(NEAR, 0.6)]]), predict([[(NEAR, 0.4)]])
    assert [bool(agreement(one, other, threshold=threshold)[0]) for threshold in (0.3, 0.5, 0.7)] == [True, False, True]


def test_a_flip_by_noise_is_a_tie_and_any_other_is_damage():
    rng = np.random.default_rng(7)
    scores = rng.uniform(0.52, 0.9, 60)
    moved = scores + rng.normal(0, 0.004, 60)
    rows = [[[(NEAR, score)] for score in side] for side in (scores, moved)]
    one = predict([*rows[0], [(NEAR, 0.502)], [(NEAR, 0.9)]])
    other = predict([*rows[1], [(NEAR, 0.498)], [(NEAR, 0.3)]])
    flips = find_flips(one, other)
    assert np.flatnonzero(flips.ties).tolist() == [60]
    assert np.flatnonzero(flips.damage).tolist() == [61]
    counts = flip_evidence(one, other).details["flips"]
    assert (counts["count"], counts["ties"], counts["damage"]) == (2, 1, 1)
    assert find_disagreeing_rows(one, other) == ("60", "61")


def test_a_target_that_is_a_crowd_is_no_object_to_be_found():
    kind = pa.list_(pa.struct([*BOX.value_type, ("iscrowd", pa.bool_())]))
    target = [{**dict(zip(SIDES, map(float, NEAR), strict=True)), "label": "cat", "iscrowd": True}]
    targets = Predictions("boxes", pa.table({"id": ["0"], "boxes": pa.array([target], kind)}), ("cat", "dog"))
    assert agreement(targets, predict([[]])).tolist() == [True]
