"""Flips of the likeliest tokens behind masks: ties that noise decided, and damage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_parity.comparisons import agreement
from mqa_parity.flips import find_flips
from mqa_parity.span_flips import measure_tokens
from mqa_registry import Predictions

TOKEN = pa.list_(
    pa.struct([("token", pa.string()), ("margin", pa.float64()), ("loss", pa.float64()), ("rank", pa.int64())])
)


def predict(rows):
    """Predictions of rows of tokens with their margins, of which those called `wrong` are not the right ones."""
    lists = [
        row if row is None else [
            {"token": token, "margin": margin, "loss": 1.0, "rank": 2 if token == "wrong" else 1} for token, margin in row
        ]
        for row in rows
    ]  # fmt: skip
    ids = [str(number) for number in range(len(rows))]
    return Predictions("tokens", pa.table({"id": ids, "tokens": pa.array(lists, TOKEN)}))


def test_rows_agree_where_all_tokens_do():
    one = predict([[("a", 0.5), ("b", 0.1)], [("a", 0.5)], [], None, None, [("a", 0.5)]])
    other = predict([[("a", 0.1), ("b", 0.9)], [("b", 0.5)], [], None, [("a", 0.1)], [("a", 0.5), ("a", 0.5)]])
    assert agreement(one, other).tolist() == [True, False, True, True, False, False]


def test_of_targets_it_says_whether_all_tokens_are_right():
    targets = predict([[], [], []])
    assert agreement(targets, predict([[("a", 0.1)], [("a", 0.9), ("wrong", 0.9)], []])).tolist() == [True, False, True]


def test_the_margin_of_a_row_is_that_of_its_least_sure_token_and_of_a_flip_that_of_the_surest_that_flipped():
    one = predict([[("a", 0.5), ("b", 0.2)], [("a", 0.5), ("b", 0.2)], [("a", 0.5), ("b", 0.2)], [("a", 0.5)]])
    other = predict([[("a", 0.1), ("b", 0.3)], [("c", 0.1), ("c", 0.3)], [("a", 0.5), ("c", 0.1)], []])
    measured = measure_tokens(one, other)
    assert measured.values == pytest.approx([0.2, 0.5, 0.2, np.nan], nan_ok=True)
    assert measured.moves == pytest.approx([0.1, 0.1, 0.1, np.nan], nan_ok=True)


def test_a_flip_by_noise_is_a_tie_and_any_other_is_damage():
    rng = np.random.default_rng(7)
    margins = rng.uniform(0.01, 0.4, 60)
    one = [*([("a", float(margin))] for margin in margins), [("a", 0.004)], [("a", 0.6)]]
    other = [*([("a", float(margin) + 0.01 * rng.random())] for margin in margins), [("b", 0.003)], [("b", 0.2)]]
    flips = find_flips(predict(one), predict(other))
    assert np.flatnonzero(flips.ties).tolist() == [60]
    assert np.flatnonzero(flips.damage).tolist() == [61]


def test_tokens_without_margins_flip_without_one():
    flips = find_flips(predict([[("a", None)]] * 2), predict([[("a", None)], [("b", None)]]))
    assert flips.flipped.tolist() == [False, True]
    assert np.isnan(flips.margins).all()
    assert not (flips.ties | flips.damage).any()
