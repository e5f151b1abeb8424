"""Whether a batch moves predictions, measured on models that are known to be of one kind or another."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry import OutOfMemoryError, RunnerFacts, batch_invariance
from tests.stand_ins import make_codec

ROWS = [
    {"x": np.arange(1, length + 1, dtype=np.float32) + row_number}
    for row_number, length in enumerate([2, 3, 3, 5, 5, 5, 9, 12])
]


def collate(rows):
    width = max(len(row["x"]) for row in rows)
    whole = np.zeros((len(rows), width), np.float32)
    mask = np.zeros((len(rows), width), np.float32)
    for row_number, row in enumerate(rows):
        whole[row_number, : len(row["x"])], mask[row_number, : len(row["x"])] = row["x"], 1
    return {"x": whole, "mask": mask}


def decode(outputs, rows):
    return pa.table({"value": pa.array(outputs["y"].astype(float).tolist(), pa.float64())})


CODEC = make_codec(lambda examples: examples, collate, decode, lambda row: len(row["x"]), padding_mask="mask")


def measured(model, rows=ROWS, facts=None):
    return batch_invariance(CODEC, rows, lambda batch: {"y": model(batch["x"], batch["mask"])}, facts)


def sound(x, mask):
    return (x * mask).sum(axis=1) / mask.sum(axis=1)


def test_a_sound_model_is_batched_as_it_comes():
    assert measured(sound).rule == "padded"


def test_a_model_that_averages_over_padding_is_run_in_equal_lengths():
    found = measured(lambda x, mask: x.mean(axis=1))
    assert found.rule == "equal length"
    assert "when a row is padded" in found.reason


@pytest.mark.parametrize("rows", [ROWS, ROWS[3:6]], ids=["mixed", "one length"])
def test_a_model_that_mixes_the_rows_of_a_batch_is_run_row_by_row(rows):
    found = measured(lambda x, mask: sound(x, mask) - sound(x, mask).mean(), rows)
    assert (found.rule, found.takes_batches) == ("single", True)


def test_a_model_that_takes_one_row_alone_is_run_row_by_row():
    def picky(x, mask):
        if len(x) > 1:
            raise ValueError("Cannot handle batch sizes > 1\nsee the documentation")
        return sound(x, mask)

    found = measured(picky)
    assert (found.rule, found.takes_batches) == ("single", False)
    assert found.reason == "the model does not take more than one row (Cannot handle batch sizes > 1)"


def test_rounding_moves_nothing():
    def rounded(x, mask):
        return sound(x, mask) * (1 + 20 * np.finfo(np.float32).eps * (len(x) > 1))

    assert measured(rounded).rule == "padded"


@pytest.mark.parametrize(("precision", "rule"), [("float32", "equal length"), ("float16", "padded")])
def test_how_large_a_rounding_is_depends_on_the_precision(precision, rule):
    def halved(x, mask):
        return sound(x, mask) * (1 + 0.003 * (mask.min() == 0))

    assert measured(halved, facts=RunnerFacts(precision=precision)).rule == rule


def test_nothing_is_known_of_a_model_that_draws_random_numbers():
    rng = np.random.default_rng(7)
    assert measured(lambda x, mask: sound(x, mask) + rng.normal(size=len(x))) is None


def test_nothing_is_known_of_a_model_that_fails_on_single_rows_too():
    def broken(x, mask):
        raise RuntimeError("on fire")

    assert measured(broken) is None


def test_a_batch_that_does_not_fit_into_memory_says_nothing_of_the_model():
    def large(x, mask):
        if len(x) > 1:
            raise OutOfMemoryError("too many rows")
        return sound(x, mask)

    assert measured(large) is None


def test_a_sound_model_takes_few_passes():
    passes = []

    def counted(x, mask):
        passes.append(len(x))
        return sound(x, mask)

    measured(counted)
    assert passes == [1, 1, 1, 1, 4]


def test_one_longer_row_among_many_of_one_length_is_enough_to_see_padding():
    rows = [{"x": np.full(4, row_number, np.float32)} for row_number in range(1, 20)] + [{"x": np.ones(9, np.float32)}]
    assert measured(lambda x, mask: x.mean(axis=1), rows).rule == "equal length"


SPANS = pa.list_(pa.struct({"start": pa.int64(), "end": pa.int64(), "label": pa.string(), "score": pa.float64()}))


@pytest.mark.parametrize(("moves", "rule"), [("score", "padded"), ("end", "equal length")])
def test_a_rounding_of_the_score_of_a_span_is_none_of_its_ends(moves, rule):
    def decode_spans(outputs, rows):
        spans = [
            [
                {
                    "start": 0,
                    "end": 3 + (moves == "end" and value > 0.1),
                    "label": "PER",
                    "score": 0.5 + 1e-7 * (value > 0.1),
                }
            ]
            for value in outputs["padding"]
        ]
        return pa.table({"spans": pa.array(spans, SPANS)})

    codec = make_codec(lambda examples: examples, collate, decode_spans, lambda row: len(row["x"]), padding_mask="mask")
    found = batch_invariance(codec, ROWS, lambda batch: {"padding": (1 - batch["mask"]).mean(axis=1) > 0})
    assert found.rule == rule
