"""Rows that nobody looked at yet are run once by both sides, and those that part most are looked at as well."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_parity.tensors.observations import TensorOptions
from mqa_parity.tensors.probe import TensorParity
from mqa_parity.tensors.screening import MAX_ROWS

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
            context(numpy_runner(compute), numpy_runner(), texts=texts), TensorOptions(blame=False, **options)
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
    assert shown.details["looked_at"] == {"rows": 26, "compared": 1000, "of_rows": 1000}
    assert shown.remarks[-1] == "looked at 26 of 1,000 rows, the most different of 1,000 among them"
    assert {f"row {place}" for place in range(99, 1000, 100)} <= set(table.column("id").to_pylist())


def test_a_sound_candidate_passes_on_the_rows_that_part_most(screened):
    found, _, _ = screened(None, rows=16, screen=True)
    assert found["ratio"] <= 1


def test_there_are_not_more_than_are_worth_a_look(screened):
    def everywhere(found, rare):
        return found | {"logits": found["logits"] + np.float32(0.1)}

    assert screened(everywhere, rows=16, screen=True)[1].details["looked_at"]["rows"] == 16 + MAX_ROWS


def test_rows_on_which_the_candidate_crashes_or_gives_another_shape_are_looked_at(screened):
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
    assert shown.remarks[-1] == "looked at 1,000 of 1,000 rows"
