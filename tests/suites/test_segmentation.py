"""The suite of a segmenter: what it says of the model on both backends."""

from __future__ import annotations

import numpy as np
import pytest

from tests.suites.conftest import change_bias


def test_the_suite_is_sound(expect_sound):
    expect_sound("segmentation")


@pytest.mark.slow
def test_the_suite_holds_on_both_backends_and_most_pixels_are_right(run_suite):
    checks = ("metrics/mean-iou", "mirrored", "parity/tensors", "parity/agreement")  # all of them run for a minute
    report = run_suite("segmentation", *checks)
    assert list(report["environment"]["backends"]) == ["torch", "onnx"]
    assert {one["verdict"] for one in report["results"]} == {"PASS"}
    shares = [one for one in report["results"] if one["check"] == "metrics/mean-iou"]
    assert {one["backend"] for one in shares} == {"torch", "onnx"}
    assert all(one["numbers"]["value"]["estimate"] >= 0.95 for one in shares)
    mirrored = [one for one in report["results"] if one["check"] == "mirrored"]
    assert all(one["evidence"]["changed"] == 300 for one in mirrored)


@pytest.mark.slow
def test_a_damaged_export_fails_by_parity_in_the_module_that_was_damaged(run_damaged):
    module = "segformer.stages.1.blocks.0.mlp.fc2"

    def add_slope(graph):  # which no normalization takes away
        change_bias(graph, module, lambda values: values + np.linspace(-3, 3, values.size))

    code, report = run_damaged("segmentation", "shapes-segformer", add_slope, rows=40)
    assert code == 1
    verdicts = {one["check"]: one["verdict"] for one in report["results"] if one["backend"] == "onnx"}
    assert verdicts == {"parity/tensors": "FAIL", "parity/agreement": "FAIL"}
    (tensors,) = (one for one in report["results"] if one["check"] == "parity/tensors")
    assert tensors["evidence"]["details"]["first_divergence"]["module"] == module
