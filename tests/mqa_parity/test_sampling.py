"""Rows for a probe: real ones, by the suite's seed, with the shortest and the longest among them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_parity.batching import MAX_BATCH_ROWS, Row, collate, cut_to_length, infer_layout, layout_batches, make_batches
from mqa_parity.precision import PRECISIONS, output_precision
from mqa_parity.sampling import sample_rows
from mqa_registry import DataError, NotRunError
from tests.stand_ins import make_codec

MASK, SAID = "attention_mask", "decoder_input_ids"


@pytest.fixture
def drawn(context, numpy_runner):
    return lambda texts, number, **options: sample_rows(context(numpy_runner(), texts=texts, **options), number)


def test_the_shortest_comes_first_then_the_longest_then_others_once(drawn):
    texts = ["a" * (2 + number % 7) for number in range(40)] + ["b", "c" * 30]
    rows = drawn(texts, 20)
    assert (rows[0].size, rows[1].size) == (1, 30)
    assert len({row.id for row in rows}) == 20
    assert json.loads(rows[1].text) == {"text": "c" * 30}


def test_the_draw_follows_from_the_seed(drawn):
    texts = [f"{number:03}" * (1 + number % 5) for number in range(200)]
    one, again, other = (drawn(texts, 10, seed=seed) for seed in (7, 7, 8))
    assert [row.id for row in one] == [row.id for row in again]
    assert [row.id for row in one] != [row.id for row in other]


def test_no_more_rows_are_encoded_than_the_choice_needs(context, numpy_runner, codec):
    seen = []

    def encode(examples):
        seen.extend(examples)
        return codec.encode(examples)

    sample_rows(
        context(
            numpy_runner(),
            texts=["ab"] * 1000,
            codec=make_codec(encode, codec.collate, cost=codec.cost, padding_mask="mask"),
        ),
        5,
    )
    assert len(seen) == 5 * 4 + 5, "those of a larger draw, and those that were chosen"


def test_rows_that_are_named_are_among_them_whatever_is_drawn(context, numpy_runner):
    texts = ["aa"] * 1000 + ["b"]
    shown = context(numpy_runner(), texts=texts)
    named = ["row 999", "row 3", "row 500"]
    rows = sample_rows(shown, 6, named)
    assert {row.id for row in rows} > set(named)
    assert len({row.id for row in rows}) == 6
    with pytest.raises(DataError, match="there is no row `row 5000` to look at"):
        sample_rows(shown, 6, ["row 5000"])


def test_fewer_rows_than_wanted_are_all_rows(drawn):
    assert len(drawn(["a", "bb", "ccc"], 64)) == 3
    assert len(drawn(["a"], 1)) == 1


def test_no_rows_at_all_cannot_be_looked_at(drawn, context, numpy_runner):
    empty = context(numpy_runner(), texts=["a"])
    with pytest.raises(NotRunError, match="no rows"):
        sample_rows(type(empty)(_without_rows(empty.view), empty.rng, None, empty.model_under_test), 4)


def _without_rows(view):
    return replace(view, rows=replace(view.rows, table=view.rows.table.slice(0, 0)))


def test_batches_hold_every_row_once_within_the_budget(drawn, codec):
    rows = drawn(["x" * (1 + number % 17) for number in range(100)], 50)
    batches = list(make_batches(codec, rows, 64))
    assert [row.id for batch in batches for row in batch.rows] == [row.id for row in rows]
    assert len(batches[0]) == 1
    assert batches[1].rows[0] is rows[1]
    for batch in batches:
        assert len(batch) <= MAX_BATCH_ROWS
        assert batch.valid.size <= 64
        assert [int(valid.sum()) for valid in batch.valid] == [row.size for row in batch.rows]
    assert any(not batch.valid.all() for batch in batches), "short and long share a batch"


def test_what_a_decoder_reads_is_told_from_the_text_that_it_is_as_long_as_in_most_batches():
    lengths = {"short": (3, 3), "long": (5, 5), "other": (3, 5)}  # of the text, and of what the decoder reads
    rows = [Row(name, {MASK: np.ones(one), SAID: np.ones(other)}, one, "") for name, (one, other) in lengths.items()]
    codec = make_codec(collate=_padded, cost=lambda row: len(row[MASK]), padding_mask=MASK)
    batches = [collate(codec, rows[:1]), collate(codec, rows[1:])]
    seen = [
        (one, {"said": one.arrays[SAID], "heard": one.arrays[MASK]}) for one in layout_batches(codec, rows, batches)
    ]
    layout = infer_layout(seen)
    assert layout.axes == {"said": (), "heard": (1,)}
    *_, (row, cut) = layout.row_slices("said", batches[1])
    assert (row.id, cut(batches[1].arrays[SAID]).shape) == ("other", (5,))


def _padded(rows):
    widths = {name: max(len(row[name]) for row in rows) for name in rows[0]}
    return {
        name: np.stack([np.pad(row[name], (0, width - len(row[name]))) for row in rows])
        for name, width in widths.items()
    }


def test_a_row_beyond_the_budget_goes_alone(drawn, codec):
    rows = drawn(["x", "y" * 500, "zz"], 3)
    assert [len(batch) for batch in make_batches(codec, rows, 64)] == [1, 1, 1]


def test_formats_are_those_of_numpy_and_pytorch():
    import torch

    for name, form in PRECISIONS.items():
        known = torch.finfo(getattr(torch, name))
        assert (form.name, form.eps, form.largest) == (name, known.eps, known.max)
    assert output_precision("int8") is PRECISIONS["float32"]
    assert PRECISIONS["float32"].largest == float(np.finfo(np.float32).max)


def test_a_row_is_cut_to_the_length_of_another_and_padded_as_that_one_is():
    codec = SimpleNamespace(padding_mask="mask")
    long = Row(
        "long", {"words": np.array([5, 6, 7, 8]), "mask": np.array([1, 1, 1, 1]), "image": np.ones((3, 2))}, 4, "{}"
    )
    short = Row(
        "short", {"words": np.array([0, 0, 3, 4]), "mask": np.array([0, 0, 1, 1]), "image": np.zeros((3, 2))}, 4, "{}"
    )
    found = cut_to_length(codec, long, short)
    assert {name: found.arrays[name].tolist() for name in ("words", "mask")} == {
        "words": [0, 0, 5, 6],
        "mask": [0, 0, 1, 1],
    }
    assert (found.id, found.arrays["image"].sum()) == ("long", 6)
    assert cut_to_length(codec, short, long) is None


def test_a_row_of_another_form_is_not_cut():
    codec = SimpleNamespace(padding_mask="")
    one, other = (Row("", {"image": np.zeros((3, *size))}, 1, "{}") for size in ((4, 4), (4, 5)))
    assert cut_to_length(codec, one, other) is None
    assert cut_to_length(codec, one, one).arrays["image"].shape == (3, 4, 4)
