"""Flips of masks: ties, whose pixels changed at borders, and damage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_parity.comparisons import agreement
from mqa_parity.decisions import DecisionRule
from mqa_parity.flips import find_flips, flip_evidence, flip_rate
from mqa_parity.mask_flips import measure_differences, pixel_agreement
from mqa_parity.suite import find_disagreeing_rows
from mqa_registry import Predictions, encode_masks, masks_column

CLASSES = ("sky", "road")
SIZE = 20


def half(column=10):
    """Sky on the left, and road from a column on."""
    return np.tile((np.arange(SIZE) >= column).astype(int), (SIZE, 1))


def with_island(codes, pixels):
    """The same with so many pixels of road in the midst of the sky."""
    changed = codes.copy()
    changed[5 : 5 + pixels, 3] = 1
    return changed


def predict(maps):
    rows = [None if codes is None else encode_masks(codes, CLASSES) for codes in maps]
    ids = [str(number) for number in range(len(rows))]
    return Predictions("masks", pa.table({"id": ids, "masks": masks_column(rows)}), CLASSES)


def test_pixels_that_changed_are_counted_and_those_away_from_borders():
    maps = [half(), half(11), half(12), with_island(half(), 4), None]
    found = measure_differences(predict([half()] * 5), predict(maps))
    assert found[:4] == pytest.approx(np.array([[0, 0], [0.05, 0], [0.1, 0.05], [0.01, 0.01]]))
    assert np.isnan(found[4]).all()
    assert pixel_agreement(predict([half()]), predict([half(12)])) == pytest.approx([0.9])


def test_a_row_flips_where_more_than_a_share_of_its_pixels_have_another_label():
    one, other = predict([half()] * 4), predict([with_island(half(), 4), with_island(half(), 5), None, half()])
    assert flip_rate(one, other).tolist() == [False, True, True, False]
    assert agreement(one, other, max_pixels=0.0).tolist() == [False, False, False, True]
    assert agreement(predict([None]), predict([None])).tolist() == [True]
    assert find_disagreeing_rows(one, other) == ("2", "1")


def test_a_flip_at_a_border_is_a_tie_and_one_away_from_it_is_damage():
    flips = find_flips(predict([half()] * 3), predict([half(11), half(13), with_island(half(), 6)]))
    assert flips.flipped.all()
    assert flips.ties.tolist() == [True, False, False]
    assert flips.margins == pytest.approx([0, 0.1, 0.015])


def test_what_changes_away_from_borders_in_rows_that_did_not_flip_is_usual():
    one = predict([half()] * 42)
    maps = [with_island(half(), 3) for _ in range(40)]
    flips = find_flips(one, predict([*maps, with_island(half(11), 3), with_island(half(11), 6)]))
    assert np.flatnonzero(flips.ties).tolist() == [40]
    assert np.flatnonzero(flips.damage).tolist() == [41]
    counts = flip_evidence(one, predict([*maps, with_island(half(11), 3), half()])).details["flips"]
    assert (counts["count"], counts["ties"], counts["damage"]) == (1, 1, 0)


def test_a_tie_never_has_more_than_a_hundredth_of_its_pixels_away_from_borders():
    one = predict([half()] * 41)
    maps = [with_island(half(), 10) for _ in range(40)]
    flips = find_flips(one, predict([*maps, half(13)]), DecisionRule(max_pixels=0.03))
    assert np.flatnonzero(flips.damage).tolist() == [40]
    assert flips.limit == 0.01


def test_masks_of_another_image_are_others():
    flips = find_flips(predict([half()]), predict([half()[:10]]))
    assert flips.damage.tolist() == [True]
