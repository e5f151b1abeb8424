"""Flips of spans: ties that noise decided, and damage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_parity.flips import find_flips, flip_evidence
from mqa_parity.span_flips import measure_spans
from mqa_parity.suite import find_disagreeing_rows
from mqa_registry import Predictions

SPAN = pa.list_(
    pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.string()), ("score", pa.float64())])
)
DECISION = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string()), ("margin", pa.float32())])


def predict(rows):
    """Predictions of words of three letters, each given as (tag, margin)."""
    decisions = [
        [{"start": 4 * n, "end": 4 * n + 3, "label": tag, "margin": margin} for n, (tag, margin) in enumerate(row)]
        for row in rows
    ]
    spans = [[{**one, "score": one["margin"]} for one in row if one["label"] != "O"] for row in decisions]
    columns = {"spans": pa.array(spans, SPAN), "decisions": pa.array(decisions, pa.list_(DECISION))}
    ids = [str(number) for number in range(len(rows))]
    return Predictions("spans", pa.table({"id": ids, **columns}), ("O", "PER", "LOC"))


def noisy(flipped):
    """Sixty rows that both decide alike, with noise of a hundredth, and then some that flip, given as two rows each."""
    rng = np.random.default_rng(7)
    margins = rng.uniform(0.02, 0.9, (60, 2))
    moved = margins + rng.normal(0, 0.005, margins.shape)
    same = [[[("PER", one), ("O", 0.95)] for one, _ in side] for side in (margins, moved)]
    return [predict([*side, *(pair[number] for pair in flipped)]) for number, side in enumerate(same)]


def test_the_margin_of_a_flip_is_that_of_the_surest_token_that_flipped():
    one = predict([[("PER", 0.1), ("O", 0.9)], [("PER", 0.1), ("O", 0.9)], [("PER", 0.2)]])
    other = predict([[("PER", 0.1), ("LOC", 0.2)], [("LOC", 0.1), ("O", 0.9)], [("PER", 0.3)]])
    margins = measure_spans(one, other)
    assert margins.values == pytest.approx([0.9, 0.1, 0.2])
    assert margins.moves[2] == pytest.approx(0.1)


def test_a_flip_by_noise_is_a_tie_and_any_other_is_damage():
    tie = [("PER", 0.002), ("O", 0.9)], [("O", 0.002), ("O", 0.9)]
    damage = [("PER", 0.01), ("O", 0.9)], [("PER", 0.01), ("LOC", 0.9)]  # its least certain token did not flip
    flips = find_flips(*noisy([tie, damage]))
    assert np.flatnonzero(flips.ties).tolist() == [60]
    assert np.flatnonzero(flips.damage).tolist() == [61]
    evidence = flip_evidence(*noisy([tie, damage]))
    assert (evidence.details["flips"]["ties"], evidence.details["flips"]["damage"]) == (1, 1)


def test_rows_with_other_tokens_have_no_margin():
    one, other = predict([[("PER", 0.1)], []]), predict([[("PER", 0.1), ("O", 0.5)], []])
    assert np.isnan(measure_spans(one, other).values).all()


def test_scores_that_differ_are_no_disagreement():
    one, other = predict([[("PER", 0.1)], [("PER", 0.9)]]), predict([[("PER", 0.3)], [("LOC", 0.9)]])
    assert find_disagreeing_rows(one, other) == ("1",)
