"""What a row's own part of an output is, told from batches of different sizes."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_parity.sample_batches import Batch, Row, infer_layout


def batch(*lengths, side="right"):
    width = max(lengths)
    places = np.arange(width)
    valid = [places < length if side == "right" else places >= width - length for length in lengths]
    rows = tuple(Row(str(number), {}, length, "") for number, length in enumerate(lengths))
    return Batch(rows, {}, np.array(valid))


def outputs(one):
    rows, width = one.valid.shape
    names = {
        "logits": (rows, 5),
        "hidden": (rows, width, 4),
        "keys": (rows, 2, width, 4),
        "attention": (rows, 2, width, width),
        "value": (rows,),
        "scale": (),
        "codes": (4, rows),
    }
    return {name: np.arange(np.prod(shape)).reshape(shape) for name, shape in names.items()}


@pytest.fixture
def layout():
    one, several = batch(2), batch(5, 3, 2)
    return infer_layout([(one, outputs(one)), (several, outputs(several))])


def test_an_axis_that_follows_the_width_counts_positions(layout):
    assert layout.axes == {"logits": (), "hidden": (1,), "keys": (2,), "attention": (2, 3), "value": ()}


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_row_has_the_values_of_its_own_positions(layout, side):
    padded = batch(4, 2, side=side)
    whole = outputs(padded)
    row, cut = list(layout.row_slices("keys", padded))[1]
    assert row.id == "1"
    here = slice(2, 4) if side == "left" else slice(2)
    np.testing.assert_array_equal(cut(whole["keys"]), whole["keys"][1][:, here])
    _, cut = list(layout.row_slices("attention", padded))[1]
    np.testing.assert_array_equal(cut(whole["attention"]), whole["attention"][1][:, here, here])
    _, cut = list(layout.row_slices("logits", padded))[1]
    np.testing.assert_array_equal(cut(whole["logits"]), whole["logits"][1])


def test_an_output_without_rows_is_one_part(layout):
    padded = batch(4, 2)
    for name in ("scale", "codes"):
        ((row, cut),) = layout.row_slices(name, padded)
        assert row is None
        np.testing.assert_array_equal(cut(outputs(padded)[name]), outputs(padded)[name])


def test_rows_of_one_length_have_no_padding_to_leave_out():
    one, several = batch(5), batch(5, 5)
    layout = infer_layout([(one, outputs(one)), (several, outputs(several))])
    assert layout.axes["hidden"] == layout.axes["logits"] == ()


def test_without_a_mask_every_position_counts():
    one = Batch((Row("0", {}, 1, ""),), {}, None)
    layout = infer_layout([(one, {"image": np.zeros((1, 3, 4, 4))})])
    ((_, cut),) = layout.row_slices("image", one)
    assert cut(np.zeros((1, 3, 4, 4))).shape == (3, 4, 4)
