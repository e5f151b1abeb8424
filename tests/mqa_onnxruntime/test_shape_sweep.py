"""A file takes whatever shape its model takes, or that is found out."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_onnxruntime.export.exporters import dynamic_axes
from mqa_onnxruntime.shape_sweep import sweep_shapes


@pytest.fixture
def rows(model_under_test):
    return model_under_test.codec.encode(model_under_test.task.sample)


@pytest.fixture
def swept(model_under_test, rows):
    """The shapes that were tried, of a file that answers like this where the model answers the sum of its words."""

    def run(batch):
        return {"logits": (batch["words"] * batch["mask"]).sum(1, keepdims=True).astype(np.float32)}

    def make(answer, *, reference=run, tolerance=1e-3):
        return sweep_shapes(
            (reference, lambda batch: answer(run(batch)["logits"], batch)), model_under_test, rows, tolerance
        )

    return make


def same(logits, batch):
    return {"logits": logits}


def outcomes(shapes):
    return {shape.name: shape.outcome for shape in shapes}


def test_one_row_many_rows_short_and_long_ones_and_odd_sizes_are_tried(swept):
    shapes = swept(same)
    assert set(outcomes(shapes).values()) == {"agrees"}
    sizes = [shape.input_shapes["words"] for shape in shapes]
    assert sizes == [(3, 7), (1, 1), (1, 2), (2, 7), (3, 17), (8, 7), (1, 28)]
    assert all(shape.input_shapes["mask"] == shape.input_shapes["words"] for shape in shapes)


def test_the_longest_shape_has_as_many_tokens_as_the_model_has_positions(swept, model_under_test):
    model_under_test.model.about["max_positions"] = 12
    assert swept(same)[-1].input_shapes["words"] == (1, 12)


def test_decoder_inputs_are_made_half_as_long(rows, make):
    model_under_test = make()
    rows = [row | {"decoder_words": row["words"]} for row in rows]
    shapes = sweep_shapes((lambda batch: batch, lambda batch: batch), model_under_test, rows, None)
    both = [(shape.input_shapes["words"][1], shape.input_shapes["decoder_words"][1]) for shape in shapes]
    assert both == [(7, 7), (1, 1), (2, 1), (7, 4), (17, 9), (7, 4), (28, 14)]


def test_rows_of_one_length_are_tried_in_other_batch_sizes_alone(model_under_test):
    rows = model_under_test.codec.encode([{"words": [1, 2]}, {"words": [3, 4]}])
    assert dynamic_axes(rows, model_under_test.codec.collate(rows)) == {"words": (0,), "mask": (0,)}
    shapes = sweep_shapes((lambda batch: batch, lambda batch: batch), model_under_test, rows, None)
    assert [shape.input_shapes["words"] for shape in shapes] == [(2, 2), (1, 2), (2, 2), (3, 2), (8, 2)]


def test_a_shape_that_only_the_file_does_not_take_fails(swept):
    def fixed(logits, batch):
        if len(logits) != 1:
            raise RuntimeError("Got invalid dimensions for input")
        return {"logits": logits}

    shapes = swept(fixed)
    assert outcomes(shapes)["2 x 7"] == "fails"
    assert outcomes(shapes)["1 x 1"] == "agrees"
    assert shapes[0].reason == "Got invalid dimensions for input"


def test_a_shape_that_the_model_does_not_take_is_no_fault_of_the_file(swept):
    def short(batch):
        if batch["words"].shape[1] > 7:
            raise IndexError("index out of range")
        return {"logits": np.ones((len(batch["words"]), 1))}

    assert (
        outcomes(swept(lambda logits, batch: {"logits": np.ones_like(logits)}, reference=short))["3 x 17"]
        == "unsupported"
    )


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda logits: logits * 1.01, "`logits` is off by 0.01 of its largest value"),
        (
            lambda logits: np.where(logits > 50, np.nan, logits),
            "`logits` has NaN or infinity where the expected output has",
        ),
        (lambda logits: logits.ravel(), "`logits` has the shape (3,), and should have (3, 1)"),
    ],
)
def test_other_outputs_differ(swept, wrong, reason):
    shapes = swept(lambda logits, batch: {"logits": wrong(logits)})
    worst = next(shape for shape in shapes if shape.outcome == "differs")
    assert worst.reason.startswith(reason)


def test_outputs_of_other_names_differ(swept):
    shape = swept(lambda logits, batch: {"y": logits})[0]
    assert (shape.outcome, shape.reason) == ("differs", "its outputs are `y`, and none is one of the model's")


def test_unnamed_outputs_are_compared_by_position(swept):
    def nameless(batch):
        logits = (batch["words"] * batch["mask"]).sum(1, keepdims=True).astype(np.float32)
        return {"0": logits, "1": 2 * logits}

    both = swept(lambda logits, _: {"first": logits, "second": 2 * logits}, reference=nameless)
    assert set(outcomes(both).values()) == {"agrees"}
    other = swept(lambda logits, _: {"first": logits, "second": logits}, reference=nameless)
    assert "differs" in set(outcomes(other).values())
    fewer = swept(lambda logits, _: {"first": logits}, reference=nameless)
    assert set(outcomes(fewer).values()) == {"differs"}


def test_without_a_tolerance_outputs_must_only_be_finite(swept):
    assert set(outcomes(swept(lambda logits, batch: {"logits": logits * 2}, tolerance=None)).values()) == {"runs"}
    broken = swept(lambda logits, batch: {"logits": logits * np.inf}, tolerance=None)
    assert set(outcomes(broken).values()) == {"differs"}


def test_a_model_that_is_too_slow_leaves_shapes_skipped(swept, monkeypatch):
    monkeypatch.setattr("mqa_onnxruntime.shape_sweep.TIME_LIMIT", 0.0)
    assert set(outcomes(swept(same)).values()) == {"skipped"}


def test_outputs_of_padding_are_not_compared(swept, model_under_test, rows):
    def run(spoil):
        return lambda batch: {"y": np.where(batch["mask"] == 1, batch["words"], spoil).astype(np.float32)}

    assert "differs" in outcomes(sweep_shapes((run(0), run(99)), model_under_test, rows, 1e-3)).values()
    model_under_test.codec.padding_mask = "mask"
    assert set(outcomes(sweep_shapes((run(0), run(99)), model_under_test, rows, 1e-3)).values()) == {"agrees"}
