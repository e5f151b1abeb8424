"""Instances: how far their masks overlap, as targets in the forms that data sets have, and what is said of those that cannot be."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mqa_registry import DataError, Instances, count_runs, encode_mask
from mqa_registry.types import Rows, as_predictions, get_schema, map_labels, read_targets
from mqa_registry.types.schemas import MisfitError

CLASSES = ("cat", "dog")
SCHEMA = get_schema("instances")
LEFT, MOST, RIGHT = (np.array([line, line], bool) for line in ([1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]))


def instance(pixels, label="cat", score=None, **more):
    return {"label": label, **encode_mask(np.asarray(pixels, bool)), "score": score, **more}


def read(targets, classes=CLASSES):
    table = pa.table({"id": [str(row) for row in range(len(targets))], "target": pa.array(targets)})
    return read_targets(Rows(table, ()), "instances", classes, data="street").to_pylist()


# How far masks overlap


def test_overlap_is_the_share_of_both_masks_together():
    one, other = Instances.of([instance(LEFT), instance(~LEFT & LEFT)]), Instances.of([instance(MOST), instance(RIGHT)])
    assert one.overlaps(other) == pytest.approx(np.array([[4 / 6, 0], [0, 0]]))
    assert (one.areas.tolist(), one.size) == ([4.0, 0.0], (2, 4))


def test_of_a_crowd_the_share_of_the_mask_that_lies_in_it_counts():
    one, crowd = Instances.of([instance(MOST)]), Instances.of([instance(LEFT | RIGHT)])
    assert one.overlaps(crowd, np.array([True])).tolist() == [[4 / 6]]


def test_masks_of_images_of_other_sizes_have_nothing_in_common():
    one, other = Instances.of([instance(LEFT)]), Instances.of([instance(LEFT.T)])
    assert one.overlaps(other).tolist() == [[0]]
    assert one.pair_with(Instances.of([])) == Instances.of(None).pair_with(one) == []


some_masks = st.lists(arrays.arrays(bool, (5, 4)), max_size=4)


@given(some_masks, some_masks)
def test_overlaps_are_those_of_the_pixels_and_of_coco(one, other):
    from faster_coco_eval.core import mask as coco_mask

    ours, theirs = ([instance(pixels) for pixels in masks] for masks in (one, other))
    overlaps = Instances.of(ours).overlaps(Instances.of(theirs))
    assert overlaps.shape == (len(one), len(other))
    unions = np.array([[(first | second).sum() for second in other] for first in one]).reshape(overlaps.shape)
    shared = np.array([[(first & second).sum() for second in other] for first in one]).reshape(overlaps.shape)
    assert overlaps == pytest.approx(shared / np.maximum(unions, 1))
    if one and other:
        coco = np.array(coco_mask.iou(ours, theirs, [0] * len(other)))
        assert overlaps[unions > 0] == pytest.approx(coco.reshape(overlaps.shape)[unions > 0])


@given(some_masks)
def test_instances_agree_with_themselves(masks):
    some = Instances.of([instance(pixels) for pixels in masks if pixels.any()])
    assert some.agrees_with(some)
    assert some.take(np.arange(len(some))[::-1]).agrees_with(some)


# Predictions


def test_predictions_agree_where_confident_instances_are_the_same_objects():
    agree = SCHEMA.agree
    assert agree([instance(LEFT, score=0.9)], [instance(MOST, score=0.6)])  # an IoU of 4 / 6
    assert agree([instance(LEFT, score=0.9), instance(RIGHT, score=0.4)], [instance(LEFT, score=0.9)])
    assert agree([instance(LEFT, score=0.9)] * 2, [instance(LEFT, score=0.9)] * 2)  # two of one label
    assert not agree([instance(LEFT, score=0.9)] * 2, [instance(LEFT, score=0.9)])
    assert not agree([instance(LEFT, score=0.9)], [instance(LEFT, "dog", score=0.9)])
    assert agree([instance(LEFT, iscrowd=True)], [])
    assert agree(None, None)
    assert not agree(None, [])


def test_reports_show_scores_and_shares_and_no_run_lengths():
    assert (
        SCHEMA.show([instance(MOST, score=0.5), instance(RIGHT, "dog", 0.98)]) == "dog 0.98 on 25.0%, cat 0.50 on 75.0%"
    )
    (target,) = read([[instance(RIGHT, iscrowd=True), instance(LEFT)]])
    assert SCHEMA.show(target) == "cat on 50.0%, a crowd of cat on 25.0%"
    assert SCHEMA.show([instance(LEFT, score=0.5)] * 8).endswith("cat 0.50 on 50.0% and 2 more")
    assert (SCHEMA.show([]), SCHEMA.show(None)) == ("no instances", None)


def test_predictions_made_elsewhere_may_have_fields_in_any_order_and_more_of_them():
    own = instance(LEFT)
    rows = [[{"area": 4, "counts": own["counts"], "size": own["size"], "label": "cat"}], None]
    assert as_predictions(pa.table({"id": ["1", "2"], "instances": rows}), "instances").to_pylist() == [[own], None]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([{**instance(LEFT), "label": None}], "row `2` has instances without `label`"),
        ([instance(LEFT), instance(LEFT.T)], "row `2` has masks of several sizes"),
        ([{**instance(LEFT), "counts": "9"}], "row `2` has a mask whose runs are not those of its 4 x 2 pixels"),
    ],
)
def test_a_prediction_that_cannot_be_is_refused_with_its_row(row, said):
    with pytest.raises(DataError) as refused:
        as_predictions(pa.table({"id": ["1", "2"], "instances": [[instance(LEFT)], row]}), "instances")
    assert refused.value.message == said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([instance(LEFT, "cow")], "gave an instance with the label `cow`, which is none of its classes"),
        ([instance(LEFT), instance(LEFT.T)], "gave masks of several sizes"),
        ([{**instance(LEFT), "counts": None}], "gave a mask without `counts`"),
        ([None], "gave an instance with the label `None`, which is none of its classes"),
    ],
)
def test_what_a_task_gives_is_checked(row, said):
    whole = [[instance(LEFT), instance(MOST)], [], None]  # which overlap
    SCHEMA.check_decoded({"instances": pa.chunked_array([pa.array(whole, SCHEMA.type)])}, CLASSES)
    with pytest.raises(MisfitError) as refused:
        SCHEMA.check_decoded({"instances": pa.chunked_array([pa.array([row], SCHEMA.type)])}, CLASSES)
    assert refused.value.message == said


# Targets


def test_targets_are_read_in_the_forms_that_data_have():
    runs = encode_mask(LEFT)
    for form in (
        {"label": "CAT", **runs},
        {"category_id": 0, "size": [2, 4], "counts": count_runs(LEFT).tolist()},
        {"category": 0, "segmentation": runs, "bbox": [0, 0, 2, 2]},
    ):
        read_row, missing, empty = read([[{**form, "area": 3, "iscrowd": 1}, form], None, []])
        assert read_row == [instance(LEFT, area=3.0, iscrowd=True), instance(LEFT, area=None, iscrowd=False)]
        assert (missing, empty) == (None, [])


def test_labels_are_mapped_as_a_suite_says():
    column = pa.chunked_array([pa.array([[instance(LEFT, "1"), instance(RIGHT, "2")]])])
    mapped = map_labels(column, {"1": "dog", "2": "cat"}).to_pylist()
    assert [one["label"] for one in read(mapped)[0]] == ["dog", "cat"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([instance(LEFT, None)], "has an instance without `label`"),
        ([instance(LEFT, "cow")], "has the label `cow`, which the model does not know"),
        ([instance(LEFT), instance(LEFT.T)], "has masks of several sizes"),
        ([instance(LEFT, area=-1.0)], "has an instance whose `area` is -1.0"),
        ([{**instance(LEFT), "counts": "1"}], "has a mask whose runs are not those of its 4 x 2 pixels"),
    ],
)
def test_a_target_that_cannot_be_is_refused_with_its_row(row, said):
    with pytest.raises(DataError) as refused:
        read([[instance(LEFT)], row])
    assert refused.value.message.startswith(f"row 2 of the data set `street` {said}")


def test_a_column_of_something_else_is_refused_and_one_of_nulls_is_unknown():
    with pytest.raises(DataError, match="`target` of the data set `street` holds string, and instances are needed"):
        read(["a.png"])
    assert read([None, None]) == [None, None]
