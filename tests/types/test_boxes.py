"""Boxes: how far they overlap, as targets in the forms that data sets have, and what is said of those that cannot be."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import Boxes, DataError
from mqa_registry.types import Rows, as_predictions, get_schema, map_labels, read_targets
from mqa_registry.types.schemas import MisfitError

CLASSES = ("cat", "dog")
SIDES = ("x0", "y0", "x1", "y1")


def box(x0, y0, x1, y1, label="cat", score=None, **more):  # noqa: PLR0917 - as boxes are written
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": label, "score": score, **more}


def read(targets, kind=None, classes=CLASSES):
    table = pa.table({"id": [str(row) for row in range(len(targets))], "target": pa.array(targets, kind)})
    return read_targets(Rows(table, ()), "boxes", classes, data="street").to_pylist()


def refuse(targets, **more):
    with pytest.raises(DataError) as refused:
        read(targets, **more)
    return refused.value


# How far boxes overlap


def test_overlap_is_the_share_of_both_boxes_together():
    one, other = Boxes.of([box(0, 0, 10, 10), box(5, 5, 5, 9)]), Boxes.of([box(5, 0, 15, 10), box(20, 20, 30, 30)])
    assert one.overlaps(other) == pytest.approx(np.array([[50 / 150, 0], [0, 0]]))


def test_of_a_crowd_the_share_of_the_box_that_lies_in_it_counts():
    crowd = np.array([True])
    assert Boxes.of([box(0, 0, 10, 10)]).overlaps(Boxes.of([box(5, 0, 99, 99)]), crowd).tolist() == [[0.5]]


def test_boxes_that_overlap_most_are_paired_first_and_each_once():
    one = Boxes.of([box(0, 0, 10, 10), box(1, 0, 11, 10), box(50, 50, 60, 60), box(0, 0, 10, 10, "dog")])
    other = Boxes.of([box(1, 0, 11, 10), box(52, 50, 62, 60)])
    assert one.pair_with(other) == [(1, 0), (2, 1)]
    assert one.pair_with(Boxes.of([])) == []


side = st.integers(0, 40)
some_boxes = st.lists(
    st.builds(
        lambda x, y, w, h, label: box(x, y, x + w + 1, y + h + 1, label),
        side,
        side,
        side,
        side,
        st.sampled_from(CLASSES),
    ),
    max_size=5,
).map(Boxes.of)


@given(some_boxes, some_boxes)
def test_overlaps_and_pairs_are_the_same_from_both_sides(one, other):
    overlaps = one.overlaps(other)
    assert np.array_equal(overlaps, other.overlaps(one).T)
    assert ((overlaps >= 0) & (overlaps <= 1)).all()
    assert one.agrees_with(one)
    assert len(one.pair_with(other)) == len(other.pair_with(one))


def test_predictions_agree_where_confident_boxes_are_of_the_same_objects():
    agree = get_schema("boxes").agree
    one = [box(0, 0, 10, 10, score=0.9), box(30, 30, 40, 40, score=0.3)]
    assert agree(one, [box(1, 0, 11, 10, score=0.5)])  # a little elsewhere, and without the one that is not confident
    assert not agree(one, [box(1, 0, 11, 10, score=0.49)])
    assert not agree(one, [box(1, 0, 11, 10, "dog", 0.9)])
    assert not agree(one, [box(6, 0, 16, 10, score=0.9)])
    assert agree(one, [box(0, 0, 10, 10), box(50, 50, 99, 99, iscrowd=True)])  # a target, whose crowd is no object
    assert agree(None, None)
    assert not agree(None, [])


# Targets


def test_boxes_are_read_by_their_sides_and_as_coco_has_them():
    expected = [box(1.0, 2.0, 11.0, 22.0, "dog"), box(0.0, 0.0, 5.0, 5.0)]
    plain = [{"bbox": [1, 2, 10, 20], "category": "dog"}, {"bbox": [0, 0, 5, 5], "category": "Cat"}]
    positions = [{"bbox": [1.0, 2.0, 10.0, 20.0], "category_id": 1}, {"bbox": [0.0, 0.0, 5.0, 5.0], "category_id": 0}]
    hub = {"id": [7, 8], "bbox": [[1.0, 2.0, 10.0, 20.0], [0.0, 0.0, 5.0, 5.0]], "category": [1, 0]}
    for target in ([{name: one[name] for name in (*SIDES, "label")} for one in expected], plain, positions, hub):
        (row,) = read([target])
        assert row == [one | {"area": None, "iscrowd": False} for one in expected]


def test_areas_and_crowds_are_kept_and_rows_may_have_no_objects_or_no_target():
    objects = [{"bbox": [0, 0, 4, 4], "category": "cat", "area": 9, "iscrowd": 1}]
    assert read([objects, [], None]) == [[box(0.0, 0.0, 4.0, 4.0, area=9.0, iscrowd=True)], [], None]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (box(5, 0, 3, 4), "row 2 of the data set `street` has a box with x0 5, y0 0, x1 3, y1 4"),
        (box(-9, 0, 3, 4), "row 2 of the data set `street` has a box outside of its image, with x0 -9"),
        (box(0, math.nan, 3, 4), "row 2 of the data set `street` has a box whose `y0` is nan"),
        (box(0, 0, math.inf, 4), "row 2 of the data set `street` has a box whose `x1` is inf"),
        (box(0, 0, 3, None), "row 2 of the data set `street` has a box without `y1`"),
        (box(0, 0, 3, 4, None), "row 2 of the data set `street` has a box without `label`"),
        (box(0, 0, 3, 4, "cow"), "row 2 of the data set `street` has the label `cow`, which the model does not know"),
        ({"bbox": [0, 0, 3], "category": "cat"}, "row 2 of the data set `street` has a `bbox` of 3 numbers"),
        (
            {"bbox": [0, 0, 3, 4], "category": 2},
            "row 2 of the data set `street` has the label `2`, and the model has 2",
        ),
    ],
)
def test_a_box_that_cannot_be_is_refused_with_its_row(target, said):
    assert said in refuse([[], [target]]).message


def test_an_object_of_lists_has_as_many_of_each():
    said = refuse([{"bbox": [[0, 0, 3, 4]], "category": [0, 1]}]).message
    assert said == "row 1 of the data set `street` has 1 of `bbox` and 2 of `category`"


def test_labels_of_objects_are_mapped_as_a_suite_says_and_those_without_left_out():
    meanings = {"1": "dog", "17": "cat", "3": ""}
    plain = [{"bbox": [0, 0, 1, 1], "category_id": 17}, {"bbox": [0, 0, 2, 2], "category_id": 3}]
    hub = {"bbox": [[0, 0, 2, 2], [0, 0, 1, 1]], "category": [3, 1]}
    for target, expected in ((plain, "cat"), (hub, "dog")):
        column = map_labels(pa.chunked_array([pa.array([target, None])]), meanings)
        first, second = read(column.to_pylist(), column.type)
        assert first == [box(0.0, 0.0, 1.0, 1.0, expected, area=None, iscrowd=False)]
        assert second is None


def test_other_targets_are_refused_by_their_type():
    assert "holds string, and boxes are needed" in refuse(["cat"]).message


# Predictions


def test_a_prediction_from_elsewhere_has_its_sides_in_their_order():
    table = pa.table({"id": ["a", "b"], "boxes": [[], [box(0.0, 0.0, 1.0, 1.0), box(0.0, 4.0, 1.0, 2.0)]]})
    with pytest.raises(DataError, match="row `b` has a box with x0 0, y0 4, x1 1, y1 2"):
        as_predictions(table, "boxes")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (box(0.0, 4.0, 1.0, 2.0), "gave a box with x0 0, y0 4, x1 1, y1 2"),
        (box(0.0, 0.0, math.nan, 2.0), "gave a box with x0 0, y0 0, x1 nan, y1 2"),
        (box(0.0, 0.0, None, 2.0), "gave a box without one of its sides"),
        (box(0.0, 0.0, 1.0, 2.0, "cow"), "gave a box with the label `cow`, which is none of its classes"),
    ],
)
def test_a_codec_gives_boxes_that_can_be(found, said):
    column = pa.chunked_array([pa.array([[], [found]], get_schema("boxes").type)])
    with pytest.raises(MisfitError, match=said):
        get_schema("boxes").check_decoded({"boxes": column}, CLASSES)
