"""Flips of rankings: another order or another choice of the first, ties that noise decided, and damage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_parity import ranking_flips
from mqa_parity.comparisons import agreement
from mqa_parity.decisions import DecisionRule
from mqa_parity.flips import find_flips, flip_evidence, flip_rate
from mqa_parity.ranking_flips import measure_rankings
from mqa_registry import Predictions


def predict(rows, *, has_scores=True):
    """Predictions of rows, each a dict of scores by name, in any order; None where there is none."""
    ranked = [row and dict(sorted(row.items(), key=lambda item: -item[1])) for row in rows]
    columns = {"ranking": pa.array([row and list(row) for row in ranked], pa.list_(pa.string()))}
    if has_scores:
        columns["scores"] = pa.array([row and list(row.values()) for row in ranked], pa.list_(pa.float64()))
    return Predictions("ranking", pa.table({"id": [f"u{number}" for number in range(len(rows))], **columns}))


BEFORE = {"a": 4.0, "b": 3.0, "c": 1.0, "d": 0.0}  # the standard deviation is that of 2, 1, -1, -2
SPREAD = np.sqrt(2.5)


@pytest.mark.parametrize(
    ("after", "order", "first", "first_two"),
    [
        ({"a": 9.0, "b": 8.0, "c": 2.0, "d": 1.0}, True, True, True),  # scores do not matter
        ({"a": 4.0, "b": 3.0, "c": 0.0, "d": 1.0}, False, True, True),
        ({"a": 3.0, "b": 4.0, "c": 1.0, "d": 0.0}, False, False, True),
        ({"a": 4.0, "b": 1.0, "c": 3.0, "d": 0.0}, False, True, False),
        (None, False, False, False),
    ],
)
def test_rankings_agree_in_their_order_or_in_which_come_first(after, order, first, first_two):
    one, other = predict([BEFORE]), predict([after])
    assert [agreement(one, other, k=k).item() for k in (None, 1, 2)] == [order, first, first_two]
    assert flip_rate(one, other, k=2).item() is not first_two


def test_the_margin_of_a_row_is_the_gap_that_its_choice_rests_on_and_moves_by_how_far_that_moved():
    after = {"a": 4.5, "b": 3.2, "c": 1.1, "d": 0.0}
    for k, margin, move in ((1, 1.0, 0.3), (2, 2.0, 0.1), (3, 1.0, 0.1), (None, 1.0, 0.3)):
        measured = measure_rankings(predict([BEFORE]), predict([after]), k)
        assert measured.values.item() == pytest.approx(margin / SPREAD), k
        assert measured.moves.item() == pytest.approx(move / SPREAD), k
    assert np.isnan(
        measure_rankings(predict([BEFORE]), predict([after]), 4).values
    ).all()  # all of them are the first four


@pytest.mark.parametrize(
    ("after", "k", "margin"),
    [
        ({"a": 3.0, "b": 4.0, "c": 1.0, "d": 0.0}, None, 1.0),
        ({"a": 3.0, "b": 4.0, "c": 1.0, "d": 5.0}, None, 4.0),  # `d` passed all: the largest gap counts
        ({"a": 3.0, "b": 4.0, "c": 1.0, "d": 5.0}, 1, 4.0),
        ({"a": 5.0, "b": 1.0, "c": 4.0, "d": 3.0}, 2, 2.0),
        ({"a": 5.0, "b": 1.0, "c": 2.0, "e": 6.0}, 1, np.nan),  # the reference has no score of `e`
        ({"a": 5.0, "b": 4.0}, None, np.nan),
    ],
)
def test_the_margin_of_a_flip_is_the_gap_between_two_that_changed_places(after, k, margin):
    measured = measure_rankings(predict([BEFORE]), predict([after]), k)
    assert measured.values.item() == pytest.approx(margin / SPREAD, nan_ok=True)


@given(st.integers(0, 1000), st.sampled_from([None, 1, 3]), st.sampled_from([1e-3, 0.3]))
def test_a_row_flips_only_where_two_moved_by_its_margin_or_more(seed, k, noise):
    rng = np.random.default_rng(seed)
    before = [dict(zip("abcdef", rng.normal(size=6).tolist(), strict=True)) for _ in range(10)]
    after = [{name: score + noise * rng.normal() for name, score in row.items()} for row in before]
    one, other = predict(before), predict(after)
    flipped, margins = flip_rate(one, other, k=k), measure_rankings(one, other, k)
    spread = np.sqrt(np.mean([np.var([*row.values()]) for row in before]))
    for row in np.flatnonzero(flipped):
        moves = [after[row][name] - before[row][name] for name in before[row]]
        assert margins.values[row] * spread <= max(moves) - min(moves) + 1e-12
    assert (margins.values >= 0).all()


def test_a_flip_by_noise_is_a_tie_and_any_other_is_damage():
    rng = np.random.default_rng(7)
    before = [{"a": 1.0 + rng.uniform(0.01, 1), "b": 1.0, "c": 0.0} for _ in range(60)]
    after = [{name: score + rng.normal(0, 0.005) for name, score in row.items()} for row in before]
    tie, damage = {"a": 1.001, "b": 1.0, "c": 0.0}, {"a": 1.5, "b": 1.0, "c": 0.0}
    one = predict([*before, tie, damage])
    other = predict([*after, {"a": 1.0, "b": 1.002, "c": 0.0}, {"a": 0.0, "b": 1.0, "c": 1.5}])
    for k in (None, 1):
        flips = find_flips(one, other, DecisionRule(k=k))
        assert flips.ties[60]
        assert flips.damage[61]
        assert flip_evidence(one, other, k=k).details["flips"]["damage"] == 1


def test_without_scores_on_both_sides_margins_are_not_known():
    bare = predict([BEFORE], has_scores=False)
    assert measure_rankings(bare, predict([BEFORE]), None) is None
    assert measure_rankings(predict([BEFORE]), bare, 1) is None
    assert np.isnan(measure_rankings(predict([None]), predict([BEFORE]), 1).values).all()


def test_a_ranking_is_right_where_one_of_its_first_is_relevant():
    kind = pa.list_(pa.struct([("id", pa.string()), ("relevance", pa.float64())]))
    wanted = [[{"id": "b", "relevance": 1.0}], [{"id": "a", "relevance": 0.0}], [], None]
    targets = Predictions("ranking", pa.table({"id": list("0123"), "ranking": pa.array(wanted, kind)}))
    answers = predict([BEFORE] * 4)
    assert agreement(targets, answers).tolist() == [False] * 4
    assert agreement(targets, answers, k=2).tolist() == [True, False, False, False]


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(3)
    rows = [dict(zip("abc", rng.normal(size=3).tolist(), strict=True)) for _ in range(20)]
    one, other = predict(rows), predict(rows[::-1])
    whole = measure_rankings(one, other, 1), agreement(one, other, k=1).tolist()
    monkeypatch.setattr(ranking_flips, "BLOCK_ROWS", 3)
    assert measure_rankings(one, other, 1).values.tolist() == whole[0].values.tolist()
    assert agreement(one, other, k=1).tolist() == whole[1]
