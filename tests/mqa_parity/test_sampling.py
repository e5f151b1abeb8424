"""Rows for a probe: real ones, by the suite's seed, with the shortest and the longest among them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_parity.sample_batches import (
    MAX_BATCH_ROWS,
    Row,
    collate,
    cut_to_length,
    infer_layout,
    make_batches,
    make_layout_batches,
)
from mqa_parity.sampling import MAX_SCREENED_ROWS, sample_rows
from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_parity.tolerance import PRECISIONS, output_precision
from mqa_registry import DataError, NotRunError
from tests.stand_ins import change_codec, make_codec

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


def test_a_row_that_is_run_in_parts_is_looked_at_in_the_costliest_of_them(context, numpy_runner, codec):
    def split(row):
        return [
            {name: array[start : start + 4] for name, array in row.items()} for start in range(0, codec.cost(row), 4)
        ]

    parts = sample_rows(
        context(numpy_runner(), texts=["abcdef", "ab", "abcdefghi"], codec=change_codec(codec, split=split)), 3
    )
    assert sorted(row.size for row in parts) == [2, 4, 4]


def test_named_rows_are_always_sampled(context, numpy_runner):
    texts = ["aa"] * 1000 + ["b"]
    shown = context(numpy_runner(), texts=texts)
    named = ["row 999", "row 3", "row 500"]
    rows = sample_rows(shown, 6, named)
    assert {row.id for row in rows} > set(named)
    assert len({row.id for row in rows}) == 6
    with pytest.raises(DataError, match="there is no row `row 5000` to look at"):
        sample_rows(shown, 6, ["row 5000"])


def test_fewer_rows_than_requested_are_all_rows(drawn):
    assert len(drawn(["a", "bb", "ccc"], 64)) == 3
    assert len(drawn(["a"], 1)) == 1


def test_no_rows_cannot_be_sampled(drawn, context, numpy_runner):
    empty = context(numpy_runner(), texts=["a"])
    with pytest.raises(NotRunError, match="no rows"):
        sample_rows(type(empty)(_without_rows(empty.view), empty.rng, None, empty.model_under_test), 4)


def _without_rows(view):
    return replace(view, rows=replace(view.rows, table=view.rows.table.slice(0, 0)))


def test_batches_have_every_row_once_within_the_budget(drawn, codec):
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


def test_decoder_inputs_as_long_as_the_text_are_told_apart_from_it():
    lengths = {"short": (3, 3), "long": (5, 5), "other": (3, 5)}  # of the text, and of what the decoder reads
    rows = [Row(name, {MASK: np.ones(one), SAID: np.ones(other)}, one, "") for name, (one, other) in lengths.items()]
    codec = make_codec(collate=_padded, cost=lambda row: len(row[MASK]), padding_mask=MASK)
    batches = [collate(codec, rows[:1]), collate(codec, rows[1:])]
    seen = [
        (one, {"said": one.arrays[SAID], "heard": one.arrays[MASK]})
        for one in make_layout_batches(codec, rows, batches)
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


def test_a_batch_has_eight_rows_at_most_and_the_first_has_one(drawn, codec):
    assert [len(batch) for batch in make_batches(codec, drawn(["ab"] * 20, 20), 10_000)] == [1, 8, 8, 3]


def test_the_help_of_screen_says_how_many_rows_it_adds():
    assert f"the {MAX_SCREENED_ROWS} whose outputs differ most" in " ".join((TensorOptions.__doc__ or "").split())


def test_a_row_beyond_the_budget_runs_alone(drawn, codec):
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


TENSORS = TensorParity()

TEXTS = ["a" * (1 + number % 9) + chr(ord("a") + number % 25) for number in range(1000)]
RARE = "zz"  # of which the codec makes a word that no other text has


@pytest.fixture
def screened(context, numpy_runner):
    """What the probe makes of texts of which ten hold a rare word that a fault moves."""

    def look(change, **options):
        texts = [text + (RARE if place % 100 == 99 else "") for place, text in enumerate(TEXTS)]
        rare = ord("z") % 50

        def compute(batch, dtype):
            found = numpy_runner.compute(batch, dtype)
            return change(found, (batch["words"] == rare).any(axis=1)) if change else found

        table = TENSORS.observe(
            context(numpy_runner(compute), numpy_runner(), texts=texts), TensorOptions(attribute=False, **options)
        )
        return TENSORS.numbers(table), TENSORS.evidence(table), table

    return look


def moves(found, rare):
    return found | {"logits": found["logits"] + (rare[:, None] * 0.49).astype(found["logits"].dtype)}


def test_ten_rows_of_a_thousand_that_are_wrong_are_found(screened):
    sampled, _, _ = screened(moves, rows=16)
    found, shown, table = screened(moves, rows=16, screen=True)
    assert sampled["ratio"] <= 1, "none of the rows that were drawn is one of them"
    assert found["ratio"] > 1000
    assert shown.details["coverage"] == {"rows": 26, "screened_rows": 1000, "total_rows": 1000}
    assert shown.remarks[-1] == "compared 26 of 1,000 rows, the most different of 1,000 among them"
    assert {f"row {place}" for place in range(99, 1000, 100)} <= set(table.column("id").to_pylist())


def test_a_sound_candidate_passes_on_the_most_different_rows(screened):
    found, _, _ = screened(None, rows=16, screen=True)
    assert found["ratio"] <= 1


def test_at_most_sixteen_rows_are_added(screened):
    def everywhere(found, rare):
        return found | {"logits": found["logits"] + np.float32(0.1)}

    assert screened(everywhere, rows=16, screen=True)[1].details["coverage"]["rows"] == 16 + MAX_SCREENED_ROWS


def test_rows_on_which_the_candidate_crashes_or_gives_another_shape_are_compared(screened):
    def crashes(found, rare):
        if rare.any():
            raise RuntimeError("Gather: index out of bounds")
        return found

    def wider(found, rare):
        return found | {"logits": np.pad(found["logits"], ((0, 0), (0, 1)))} if rare.any() else found

    for change, words in ((crashes, "index out of bounds"), (wider, "instead of")):
        found, shown, _ = screened(change, rows=16, screen=True)
        assert found["mismatches"] > 0
        assert words in shown.remarks[0]


def test_where_all_rows_are_drawn_there_is_nothing_to_screen(screened):
    _, shown, _ = screened(None, rows=1000, screen=True)
    assert shown.remarks[-1] == "compared 1,000 of 1,000 rows"
