"""Boxes that were predicted elsewhere: as they are, as COCO and as pipelines of transformers write them."""

from __future__ import annotations

import json

import pytest

from mqa_registry import DataError
from mqa_replay.file import FileOptions, FileReplay

BOX = {"x0": 1.0, "y0": 2.0, "x1": 11.0, "y1": 22.0, "label": "dog", "score": 0.9}
SIDES = {name: BOX[name] for name in ("x0", "y0", "x1", "y1")}


@pytest.fixture
def read(tmp_path):
    def make(rows, **options):
        path = tmp_path / "boxes.jsonl"
        path.write_text("\n".join(json.dumps({"id": str(number), **row}) for number, row in enumerate(rows)), "utf-8")
        return FileReplay().read("street", FileOptions(path=path, schema="boxes", **options))

    return make


@pytest.mark.parametrize(
    "written",
    [
        BOX,
        {**SIDES, "class": "dog", "confidence": 0.9},
        {"bbox": [1, 2, 10, 20], "category": "dog", "score": 0.9},
        {"bbox": [1.0, 2.0, 10.0, 20.0], "category_id": 1, "score": 0.9},
        {"box": {"xmin": 1, "ymin": 2, "xmax": 11, "ymax": 22}, "label": "dog", "score": 0.9},
    ],
    ids=["sides", "other names", "COCO", "positions", "pipeline"],
)
def test_objects_are_boxes(read, written):
    predictions = read([{"boxes": [written]}, {"boxes": []}], classes=("cat", "dog"))
    assert predictions.to_pylist() == [[BOX], []]
    assert predictions.read == ""


def test_boxes_in_a_column_of_another_usual_name_are_named_in_the_report(read):
    predictions = read([{"detections": [BOX]}, {"detections": None}])
    assert predictions.to_pylist() == [[BOX], None]
    assert predictions.read == "boxes from `detections`"


def test_the_size_of_the_image_is_read_where_it_is_there(read):
    assert read([{"boxes": [BOX], "width": 640, "height": 480}]).table["width"].to_pylist() == [640]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({**SIDES, "label": 7}, "row `0` has a box with the label 7, which is no name"),
        ({"bbox": [1, 2, 3], "label": "dog"}, "row `0` has a `bbox` of 3 numbers"),
        ({**SIDES, "x1": 0, "label": "dog"}, "row `0` has a box with x0 1, y0 2, x1 0, y1 22"),
        ({"x0": 1, "y0": 2, "label": "dog"}, "row `0` has boxes without `x1`"),
    ],
)
def test_a_box_that_cannot_be_is_refused_with_its_row(read, written, said):
    with pytest.raises(DataError) as refused:
        read([{"boxes": [written]}])
    assert said in refused.value.message


def test_a_file_without_boxes_is_refused_with_its_columns(read):
    with pytest.raises(DataError, match="there is no column `boxes`"):
        read([{"answer": "dog"}])
