"""Flips of answers: ties that noise decided, and damage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_parity.answer_flips import measure_answers
from mqa_parity.comparisons import agreement
from mqa_parity.flips import find_flips, flip_evidence
from mqa_registry import Predictions


def predict(rows):
    """Predictions of candidates, each given as a dict of scores by text, the best first."""
    candidates = [row and [{"answer": text, "score": score} for text, score in row.items()] for row in rows]
    columns = {"answer": [row and next(iter(row)) for row in rows], "candidates": candidates}
    return Predictions("answer", pa.table({"id": [str(number) for number in range(len(rows))], **columns}))


def noisy(flipped):
    """Sixty rows that both answer alike, with noise of a hundredth, and then some that flip, given as two rows each."""
    rng = np.random.default_rng(7)
    scores = rng.uniform(0.3, 0.9, (60, 1))
    one = [{"Rome": float(score), "Bern": 0.25} for score in scores[:, 0]]
    other = [{"Rome": float(score) + float(rng.normal(0, 0.005)), "Bern": 0.25} for score in scores[:, 0]]
    return [predict([*side, *(pair[number] for pair in flipped)]) for number, side in enumerate((one, other))]


def test_the_margin_of_a_flip_is_how_much_likelier_the_reference_took_its_own_answer_to_be():
    one = predict([{"Rome": 0.5, "Bern": 0.4, "Oslo": 0.1}] * 3)
    other = predict([{"Oslo": 0.6, "Rome": 0.2}, {"Riga": 0.9, "Rome": 0.1}, {"Rome": 0.55, "Bern": 0.4}])
    measured = measure_answers(one, other)
    assert measured.values == pytest.approx([0.4 / 0.6, 1, 0.1 / 0.9])
    assert measured.moves == pytest.approx([0.4 / 0.6 + 0.4 / 0.8, 1 + 0.8, 0.15 / 0.95 - 0.1 / 0.9])


def test_a_flip_by_noise_is_a_tie_and_any_other_is_damage():
    tie = {"Rome": 0.501, "Bern": 0.499}, {"Bern": 0.501, "Rome": 0.499}
    damage = {"Rome": 0.501, "Bern": 0.499}, {"Oslo": 0.9, "Rome": 0.05}  # another than the next of the reference
    flips = find_flips(*noisy([tie, damage]))
    assert np.flatnonzero(flips.ties).tolist() == [60]
    assert np.flatnonzero(flips.damage).tolist() == [61]
    evidence = flip_evidence(*noisy([tie, damage]))
    assert (evidence.details["flips"]["ties"], evidence.details["flips"]["damage"]) == (1, 1)


def test_answers_agree_where_their_texts_do_and_are_right_by_any_target():
    one, other = predict([{"Rome": 0.5}, {"": 0.5}, {"Rome": 0.5}]), predict([{"Rome": 0.9}, {"": 0.1}, {"rome": 0.9}])
    assert agreement(one, other).tolist() == [True, True, False]
    targets = Predictions("answer", pa.table({"id": ["0", "1", "2"], "answer": [["the Rome"], [], ["Bern", "ROME"]]}))
    assert agreement(targets, one).tolist() == [True, True, True]
    assert agreement(targets, predict([{"": 0.5}, {"Rome": 0.5}, None])).tolist() == [False, False, False]


def test_rows_without_candidates_have_no_margin():
    one = predict([{"Rome": 0.5}, None])
    assert np.isnan(measure_answers(one, predict([{"Bern": 0.5}, {"Rome": 0.5}])).values).tolist() == [False, True]
    bare = Predictions("answer", one.table.drop_columns(["candidates"]))
    assert measure_answers(one, bare) is None
    assert np.isnan(find_flips(one, bare).limit)
