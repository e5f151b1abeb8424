"""Masks: their run lengths next to those of pycocotools, as targets in the forms that data have, and what cannot be one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from faster_coco_eval import mask as coco
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mqa_registry import (
    DataError,
    compare_masks,
    count_pixels,
    count_runs,
    decode_mask,
    decode_pair,
    encode_mask,
    encode_masks,
    normalize_mask,
)
from mqa_registry.types import Rows, as_predictions, get_schema, map_labels, read_targets
from mqa_registry.types.masks import IGNORED, NO_LABEL
from mqa_registry.types.schemas import MisfitError

CLASSES = ("sky", "road", "car")
SCHEMA = get_schema("masks")
CODES = np.array([[0, 0, 1], [0, 2, 1]])  # two rows and three columns of pixels

some_pixels = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40))
some_codes = arrays.arrays(np.int64, (5, 7), elements=st.integers(-1, 2))


def masks(codes=CODES):
    return encode_masks(np.asarray(codes), CLASSES)


def read(targets, kind=None, classes=CLASSES):
    table = pa.table({"id": [str(row) for row in range(len(targets))], "target": pa.array(targets, kind)})
    return read_targets(Rows(table, ()), "masks", classes, data="street").to_pylist()


def refuse(targets, **more):
    with pytest.raises(DataError) as refused:
        read(targets, **more)
    return refused.value


def labels_of(row):
    """The label of every pixel of a target, `.` for one that does not count."""
    shown = np.full(tuple(row[0]["size"]), "?", dtype="<U4")
    for mask in row:
        shown[decode_mask(mask)] = mask["label"] or "."
    return shown.tolist()


# Run lengths


@given(some_pixels)
def test_run_lengths_are_those_of_pycocotools(pixels):
    mask = encode_mask(pixels)
    expected = coco.encode(np.asfortranarray(pixels.astype(np.uint8)))
    assert mask == {"size": list(expected["size"]), "counts": bytes(expected["counts"]).decode()}
    assert np.array_equal(decode_mask(mask), pixels)


@given(some_pixels)
def test_run_lengths_are_read_as_text_as_bytes_and_as_numbers(pixels):
    mask = encode_mask(pixels)
    for counts in (mask["counts"], mask["counts"].encode(), count_runs(pixels).tolist()):
        assert normalize_mask({"size": mask["size"], "counts": counts}) == mask
    assert normalize_mask({"segmentation": mask, "category_id": 3}) == mask


def test_a_long_run_is_written_in_several_characters():
    pixels = np.zeros((3000, 2000), bool)
    pixels[-1, -1] = True
    assert (
        encode_mask(pixels)["counts"]
        == bytes(coco.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"]).decode()
    )
    assert np.array_equal(decode_mask(encode_mask(pixels)), pixels)


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        ({}, "a mask without `size`"),
        ({"size": [2, 3]}, "a mask without `counts`"),
        ({"size": [2, 3, 1], "counts": [6]}, "a mask whose `size` is [2, 3, 1]"),
        ({"size": [0, 3], "counts": []}, "a mask whose `size` is [0, 3]"),
        ({"size": [2, 3], "counts": [5]}, "a mask whose runs are not those of its 3 x 2 pixels"),
        ({"size": [2, 3], "counts": [8, -2]}, "a mask whose runs are not those of its 3 x 2 pixels"),
        ({"size": [2, 3], "counts": [2.0, 4.0]}, "a mask whose `counts` are no numbers"),
        ({"size": [2, 3], "counts": "\x1f"}, "a mask whose `counts` are no run lengths"),
        ({"size": [2, 3], "counts": "é"}, "a mask whose `counts` are no run lengths"),
        ({"size": [2, 3], "counts": "P"}, "a mask whose `counts` are no run lengths"),  # it goes on
        ({"size": [2, 3], "counts": "P" * 20 + "0"}, "a mask whose `counts` are no run lengths"),
        ({"size": [99_999, 99_999], "counts": [99_999**2]}, "a mask of 99,999 x 99,999 pixels"),
        ({"segmentation": [[0, 0, 1, 1, 2, 0]]}, "a polygon in place of a mask"),
    ],
)
def test_run_lengths_that_cannot_be_are_refused(mask, said):
    with pytest.raises(DataError) as refused:
        normalize_mask(mask)
    assert refused.value.message == said


@given(st.text(max_size=12), st.integers(1, 6), st.integers(1, 6))
def test_no_text_is_read_as_runs_of_other_pixels_than_there_are(text, height, width):
    try:
        mask = normalize_mask({"size": [height, width], "counts": text})
    except DataError:
        return
    assert decode_mask(mask).shape == (height, width)


# Maps of labels


@given(some_codes)
def test_a_map_of_labels_is_the_same_after_it_was_written(codes):
    written = masks(codes)
    assert [mask["label"] for mask in written] == [CLASSES[code] for code in np.unique(codes) if code >= 0]
    first, second = decode_pair(written, masks(np.zeros((5, 7), int)), CLASSES)
    assert np.array_equal(first, np.where(codes < 0, NO_LABEL, codes))
    assert not second.any()


@given(some_codes, some_codes)
def test_pixels_are_counted_as_one_by_one(found, actual):
    counted = actual >= 0
    expected = [
        [
            int((counted & (found == code) & (actual == code)).sum()),
            int((counted & (found == code)).sum()),
            int((counted & (actual == code)).sum()),
        ]
        for code in range(3)
    ]
    assert count_pixels(masks(found), masks(actual), CLASSES).T.tolist() == expected


def test_the_share_that_differs_is_of_the_pixels_that_count():
    other = masks([[0, 0, 0], [0, 0, 1]])
    assert compare_masks(masks(), other).share == pytest.approx(2 / 6)
    assert compare_masks([], masks()).share == 1
    assert compare_masks([], []).share == 0
    (target,) = read([[mask for mask in masks() if mask["label"] != "car"]])
    assert compare_masks(target, other).share == pytest.approx(1 / 5)
    assert compare_masks(masks(), masks([[0, 0], [0, 0]])).differs.all()  # of another image
    assert decode_pair(target, other)[0][1, 1] == IGNORED


def test_predictions_agree_where_hardly_a_pixel_has_another_label():
    codes = np.zeros((20, 20), int)
    codes[:4, 0] = 1
    one = masks(codes)
    codes[0, 5:9] = 1
    assert SCHEMA.agree(one, masks(codes))  # 4 of 400
    codes[0, 9] = 1
    assert not SCHEMA.agree(one, masks(codes))
    assert SCHEMA.agree(None, None)
    assert not SCHEMA.agree(None, one)


def test_reports_show_shares_and_no_run_lengths():
    assert SCHEMA.show(masks()) == "sky 50.0%, road 33.3%, car 16.7%"
    (target,) = read([masks()[:1]])
    assert SCHEMA.show(target) == "sky 50.0%, not counted 50.0%"
    many = encode_masks(np.arange(8).reshape(2, 4), tuple("abcdefgh"))
    assert SCHEMA.show(many).endswith("f 12.5% and 2 more")
    assert (SCHEMA.show([]), SCHEMA.show(None)) == ("no masks", None)


# Targets


def test_targets_are_read_in_the_forms_that_data_have():
    own, numbers = masks(), [count_runs(code == CODES).tolist() for code in range(3)]
    for form in (
        [{"label": mask["label"].upper(), "size": [2, 3], "counts": mask["counts"]} for mask in own],
        [{"category_id": code, "size": [2, 3], "counts": runs} for code, runs in enumerate(numbers)],
        [{"category": code, "segmentation": {"size": [2, 3], "counts": runs}} for code, runs in enumerate(numbers)],
    ):
        read_row, missing = read([form, None])
        assert [{name: mask[name] for name in ("label", "size", "counts")} for mask in read_row] == own
        assert missing is None


def test_pixels_without_a_label_do_not_count():
    (whole,), (part,), (unlabelled,) = (
        read([row]) for row in (masks(), masks()[1:], [{**mask, "label": None} for mask in masks()])
    )
    assert labels_of(whole) == [["sky", "sky", "road"], ["sky", "car", "road"]]
    assert labels_of(part) == [[".", ".", "road"], [".", "car", "road"]]
    assert {one for line in labels_of(unlabelled) for one in line} == {"."}
    assert read([[], masks()])[0] == []


def test_labels_are_mapped_as_a_suite_says_and_an_empty_one_does_not_count():
    column = pa.chunked_array([pa.array([[{**mask, "label": str(code)} for code, mask in enumerate(masks())]])])
    mapped = map_labels(column, {"0": "", "1": "road", "2": "car"}).to_pylist()
    assert labels_of(read(mapped)[0]) == [[".", ".", "road"], [".", "car", "road"]]


def test_without_classes_labels_are_texts():
    assert [mask["label"] for mask in read([[{**masks()[0], "label": "tree"}]], classes=())[0]] == ["tree", None]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([{"label": "sky", "size": [2, 3], "counts": "1"}], "has a mask whose runs are not those of its 3 x 2 pixels"),
        ([*masks(), *masks([[0, 0], [0, 0]])], "has masks of several sizes"),
        ([*masks(), *masks(2 - CODES)], "has a pixel of two labels, of which `car` is one"),
        ([{**masks()[0], "label": "tree"}], "has the label `tree`, which the model does not know"),
        ([None], "has a mask without `size`"),
    ],
)
def test_a_target_that_cannot_be_is_refused_with_its_row(row, said):
    assert refuse([masks(), row]).message.startswith(f"row 2 of the data set `street` {said}")


def test_a_column_of_something_else_is_refused():
    error = refuse(["a.png"])
    assert error.message == "column `target` of the data set `street` holds string, and masks are needed"
    assert "PNG files are read where the suite names the task" in error.hint


# Predictions


def test_predictions_made_elsewhere_may_have_fields_in_any_order_and_more_of_them():
    rows = [
        [{"area": 3, "counts": mask["counts"], "size": mask["size"], "label": mask["label"]} for mask in masks()],
        None,
    ]
    predictions = as_predictions(pa.table({"id": ["1", "2"], "masks": rows}), "masks")
    assert predictions.to_pylist() == [[{**mask, "score": None} for mask in masks()], None]


def test_a_prediction_that_cannot_be_is_refused_with_its_row():
    for row, said in (
        ([{**masks()[0], "label": None}], "row `2` has masks without `label`"),
        ([*masks(), *masks(2 - CODES)], "row `2` has a pixel of two labels, of which `car` is one"),
        (
            [{"label": "sky", "size": [2, 3], "counts": "9"}],
            "row `2` has a mask whose runs are not those of its 3 x 2 pixels",
        ),
    ):
        with pytest.raises(DataError) as refused:
            as_predictions(pa.table({"id": ["1", "2"], "masks": [masks(), row]}), "masks")
        assert refused.value.message == said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([{**masks()[0], "label": "tree"}], "gave a mask with the label `tree`, which is none of its classes"),
        ([*masks(), *masks(2 - CODES)], "gave a pixel of two labels, of which `car` is one"),
        ([{"label": "sky", "size": [2, 3], "counts": None}], "gave a mask without `counts`"),
    ],
)
def test_what_a_task_gives_is_checked(row, said):
    SCHEMA.check_decoded({"masks": pa.chunked_array([pa.array([masks(), [], None], SCHEMA.type)])}, CLASSES)
    with pytest.raises(MisfitError) as refused:
        SCHEMA.check_decoded({"masks": pa.chunked_array([pa.array([row], SCHEMA.type)])}, CLASSES)
    assert refused.value.message == said


def test_a_summary_counts_the_pixels_of_every_label():
    predictions = as_predictions(pa.table({"id": ["1"], "masks": [masks([[0, 0, 0], [0, 2, 1]])]}), "masks", CLASSES)
    table = pa.table({"id": ["1"], "target": pa.array([masks()])})
    summary = SCHEMA.summarize(predictions, read_targets(Rows(table, ()), "masks", CLASSES, data="street"))
    counts = {one.label: (one.targets, one.predicted, one.right) for one in summary.labels}
    assert counts == {"sky": (3, 4, 3), "road": (2, 1, 1), "car": (1, 1, 1)}
