"""Metrics of tokens behind masks, by hand."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from mqa_metrics.masked_tokens import masked_loss, masked_top_k, pseudo_perplexity
from mqa_registry import Predictions

TOKEN = pa.list_(
    pa.struct([("token", pa.string()), ("margin", pa.float64()), ("loss", pa.float64()), ("rank", pa.int64())])
)


def predict(rows):
    """Predictions of rows of (loss, rank), None where nobody knows them; in several blocks."""
    lists = [
        [{"token": "a", "margin": 0.5, "loss": one and one[0], "rank": one and one[1]} for one in row] for row in rows
    ]
    column = pa.chunked_array([pa.array(lists[:1], TOKEN), pa.array(lists[1:], TOKEN)])
    return Predictions("tokens", pa.table({"id": [str(number) for number in range(len(rows))], "tokens": column}))


ROWS = [[(0.5, 1), (1.5, 3)], [(2.5, 7)], [], [None], [(0.1, 1), None, (0.3, 2)]]
PREDICTIONS = predict(ROWS)
TARGETS = Predictions("tokens", pa.table({"id": PREDICTIONS.ids, "tokens": pa.array([[]] * len(ROWS), TOKEN)}))


def test_the_loss_is_the_mean_over_all_tokens_that_are_known(at):
    assert at(masked_loss(PREDICTIONS, TARGETS)) == pytest.approx((0.5 + 1.5 + 2.5 + 0.1 + 0.3) / 5)


def test_the_perplexity_is_of_all_tokens_and_not_the_mean_of_those_of_rows(at):
    expected = math.exp((0.5 + 1.5 + 2.5 + 0.1 + 0.3) / 5)
    assert at(pseudo_perplexity(PREDICTIONS, TARGETS)) == pytest.approx(expected)
    assert expected != pytest.approx(np.mean([math.exp(1.0), math.exp(2.5), math.exp(0.2)]))


@pytest.mark.parametrize(("k", "hits"), [(1, 2), (2, 3), (3, 4), (6, 4), (7, 5)])
def test_a_hit_is_a_right_token_among_the_likeliest(at, k, hits):
    assert at(masked_top_k(PREDICTIONS, TARGETS, k=k)) == pytest.approx(hits / 5)


@pytest.mark.parametrize("metric", [masked_loss, pseudo_perplexity, masked_top_k])
def test_a_row_counts_as_often_as_it_is_drawn(at, metric):
    times = np.array([2, 0, 1, 3, 1])
    repeated = predict([row for row, count in zip(ROWS, times, strict=True) for _ in range(count)])
    assert at(metric(PREDICTIONS, TARGETS), times) == pytest.approx(at(metric(repeated, TARGETS)))


@pytest.mark.parametrize("metric", [masked_loss, pseudo_perplexity, masked_top_k])
def test_rows_without_known_tokens_do_not_count_and_without_any_there_is_no_number(metric):
    assert metric(PREDICTIONS, TARGETS).bins.tolist() == [0, 1, -1, -1, 4]
    statistic = metric(predict([[None], []]), TARGETS)
    assert statistic.undefined == "no row says which tokens are right"
    assert statistic.bins.tolist() == [-1, -1]


def test_rows_that_were_not_seen_are_as_long_as_the_longest_and_as_good_or_bad_as_any():
    statistic = masked_loss(PREDICTIONS, TARGETS)
    unseen = np.zeros((2, statistic.n_bins))
    unseen[[0, 1], [-2, -1]] = 1
    assert statistic.compute(unseen) == pytest.approx([0.0, 2.5])
    statistic = masked_top_k(PREDICTIONS, TARGETS)
    assert statistic.compute(unseen) == pytest.approx([0.0, 1.0])
