"""The suite of a detector: its images, and what it says of the model on both backends."""

from __future__ import annotations

from io import BytesIO

import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.suites.conftest import SUITES, change_linear


def test_the_suite_is_sound(expect_sound):
    expect_sound("detection")


def test_the_images_of_shapes_are_what_their_card_says():
    table = pq.read_table(SUITES / "data" / "shapes.parquet")
    assert table.column_names == ["id", "image", "boxes", "shapes", "mask"]
    assert len(set(table.column("id").to_pylist())) == 300
    boxes = table.column("boxes").to_pylist()
    assert [len(some) for some in boxes] == table.column("shapes").to_pylist()
    areas = [(one["x1"] - one["x0"]) * (one["y1"] - one["y0"]) for some in boxes for one in some]
    assert (len(areas), sum(area < 32**2 for area in areas)) == (714, 454)
    assert {one["label"] for some in boxes for one in some} == {"disc", "square", "triangle"}
    for content, some in zip(table.column("image").to_pylist(), boxes, strict=True):
        image = Image.open(BytesIO(content))
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert 96 <= image.width <= 128
        assert 80 <= image.height <= 112
        assert all(0 <= one["x0"] < one["x1"] <= image.width for one in some)
        assert all(0 <= one["y0"] < one["y1"] <= image.height for one in some)


@pytest.mark.slow
def test_the_suite_holds_on_both_backends_and_most_shapes_are_found(run_suite):
    checks = ("AP50", "mirrored", "parity/tensors", "parity/agreement")  # all of them bootstrap for a minute
    report = run_suite("detection", *checks)
    assert list(report["environment"]["backends"]) == ["torch", "onnx"]
    assert {one["verdict"] for one in report["results"]} == {"PASS"}
    precisions = [one for one in report["results"] if one["check"] == "AP50"]
    assert {one["backend"] for one in precisions} == {"torch", "onnx"}
    assert all(one["numbers"]["value"]["estimate"] >= 0.94 for one in precisions)
    mirrored = [one for one in report["results"] if one["check"] == "mirrored"]
    assert all(one["evidence"]["changed"] == 300 for one in mirrored)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "scale"),
    [
        ("bbox_predictor.layers.2", 2.0),  # boxes lie farther out
        ("class_labels_classifier.layers.2", 0.1),  # no detection is confident
    ],
    ids=["boxes", "scores"],
)
def test_a_damaged_export_fails_by_parity_in_the_module_that_was_damaged(run_damaged, module, scale):
    def damage(graph):
        change_linear(graph, module, lambda values: values * scale)

    code, report = run_damaged("detection", "shapes-yolos", damage, rows=300)
    assert code == 1
    results = {one["check"]: one for one in report["results"] if one["backend"] == "onnx"}
    assert {name: one["verdict"] for name, one in results.items()} == dict.fromkeys(
        ("parity/tensors", "parity/agreement"), "FAIL"
    )
    found = results["parity/tensors"]["evidence"]["details"]["first_divergence"]
    assert (found["kind"], found["module"]) == ("weights", module)
    flips = results["parity/agreement"]["evidence"]["details"]["flips"]
    assert flips["damage"] > 150  # of 300 rows
