"""Masks and instances that were predicted elsewhere: as they are, and as COCO's results write them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mqa_registry import DataError, count_runs, encode_mask
from mqa_replay.file import FileOptions, FileReplay

PIXELS = np.array([[0, 1, 1], [0, 0, 1]], bool)
RUNS = encode_mask(PIXELS)
MASK = {"label": "road", **RUNS, "score": None}


@pytest.fixture
def read(tmp_path):
    def make(rows, schema="masks", **options):
        path = tmp_path / "masks.jsonl"
        path.write_text("\n".join(json.dumps({"id": str(number), **row}) for number, row in enumerate(rows)), "utf-8")
        return FileReplay().read("street", FileOptions(path=path, schema=schema, **options))

    return make


@pytest.mark.parametrize(
    "written",
    [
        {"label": "road", **RUNS},
        {"class": "road", "size": [2, 3], "counts": count_runs(PIXELS).tolist()},
        {"category_id": 1, "segmentation": RUNS},
    ],
    ids=["text", "numbers", "COCO"],
)
def test_objects_are_masks(read, written):
    predictions = read([{"masks": [written]}, {"masks": []}], classes=("sky", "road"))
    assert predictions.to_pylist() == [[MASK], []]
    assert (predictions.classes, predictions.read) == (("sky", "road"), "")


def test_masks_in_a_column_of_another_usual_name_are_named_in_the_report(read):
    predictions = read([{"segments": [{**MASK, "score": 0.7}]}, {"segments": None}])
    assert predictions.to_pylist() == [[{**MASK, "score": 0.7}], None]
    assert predictions.read == "masks from `segments`"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({**RUNS, "label": 7}, "row `0` has a mask with the label 7, which is no name"),
        (
            {"label": "road", "size": [2, 3], "counts": [5]},
            "row `0` has a mask whose runs are not those of its 3 x 2 pixels",
        ),
        (RUNS, "row `0` has masks without `label`"),
    ],
)
def test_a_mask_that_cannot_be_is_refused_with_its_row(read, written, said):
    with pytest.raises(DataError) as refused:
        read([{"masks": [written]}])
    assert said in refused.value.message


def test_a_file_without_masks_is_refused_with_its_columns(read):
    with pytest.raises(DataError, match="there is no column `masks`"):
        read([{"answer": "road"}])


@pytest.mark.parametrize("column", ["instances", "predictions", "masks"])
def test_instances_may_be_several_of_one_label_and_overlap(read, column):
    coco = {"category_id": 1, "segmentation": RUNS, "score": 0.7}
    predictions = read([{column: [coco, coco]}, {column: []}], "instances", classes=("sky", "road"))
    assert predictions.to_pylist() == [[{**MASK, "score": 0.7}] * 2, []]
    assert predictions.read == ("" if column == "instances" else f"instances from `{column}`")
    with pytest.raises(DataError, match="row `0` has an instance with the label 7, which is no name"):
        read([{"instances": [{**RUNS, "label": 7}]}], "instances")
    with pytest.raises(DataError, match="row `0` has masks of several sizes"):
        read([{"instances": [coco, {**MASK, "size": [3, 2]}]}], "instances", classes=("sky", "road"))
