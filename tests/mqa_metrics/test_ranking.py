from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mqa_metrics.ranking import auroc
from mqa_registry import DataError, UsageError

QUICK = settings(max_examples=25, deadline=None)


@st.composite
def scored(draw):
    """Targets, scores with many ties, and how often each row is counted."""
    n = draw(st.integers(1, 40))
    score = np.array(draw(st.lists(st.integers(0, 6), min_size=n, max_size=n))) / 6
    targets = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    times = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    return score, targets, times


@QUICK
@given(scored())
def test_two_classes_are_those_of_scikit_learn_ties_included(coded, at, case):
    score, targets, times = case
    p = np.column_stack([1 - score, score])
    area = at(auroc(coded((score > 0.5).astype(int), p=p), coded(targets)), times)
    again = np.repeat(targets, times)
    if len(set(again)) < 2:
        assert np.isnan(area)
    else:
        assert area == pytest.approx(roc_auc_score(again, np.repeat(score, times)))


@QUICK
@given(st.integers(0, 2**32 - 1), st.integers(3, 5))
def test_more_classes_are_the_mean_of_each_against_the_rest(coded, at, seed, k):
    rng = np.random.default_rng(seed)
    p = np.round(rng.dirichlet(np.ones(k), 60), 1) + 1e-3  # ties
    p /= p.sum(axis=1, keepdims=True)
    targets = rng.integers(0, k, 60)
    times = rng.multinomial(60, np.full(60, 1 / 60))
    area = at(auroc(coded(p.argmax(axis=1), k, p), coded(targets, k)), times)
    again = np.repeat(targets, times)
    if len(set(again)) < k:
        assert np.isnan(area)
    else:
        assert area == pytest.approx(roc_auc_score(again, np.repeat(p, times, 0), multi_class="ovr"))


def test_one_of_many_classes_can_be_named(coded, at):
    rng = np.random.default_rng(0)
    p, targets = rng.dirichlet([1, 1, 1], 50), rng.integers(0, 3, 50)
    area = at(auroc(coded(p.argmax(axis=1), 3, p), coded(targets, 3), positive="class-002"))
    assert area == pytest.approx(roc_auc_score(targets == 2, p[:, 2]))


def test_either_of_two_classes_gives_the_same_area(coded, at):
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]])
    predictions, targets = coded(p.argmax(axis=1), p=p), coded([0, 1, 1, 0])
    assert at(auroc(predictions, targets, positive="class-000")) == at(auroc(predictions, targets))


@pytest.mark.parametrize("k", [2, 3])
def test_a_class_without_rows_is_no_number(coded, at, k):
    p = np.full((4, k), 1 / k)
    assert np.isnan(at(auroc(coded([0] * 4, k, p), coded([0] * 4, k))))


@pytest.mark.parametrize("k", [2, 3])
def test_rows_without_probabilities_are_ignored(coded, at, k):
    rng = np.random.default_rng(1)
    p, targets = rng.dirichlet(np.ones(k), 30), np.arange(30) % k
    without = p.copy()
    without[[3, 7]] = np.nan
    times = np.ones(30, int)
    times[[3, 7]] = 0
    assert at(auroc(coded(targets, k, without), coded(targets, k))) == pytest.approx(
        at(auroc(coded(targets, k, p), coded(targets, k)), times)
    )


@pytest.mark.parametrize("k", [2, 4])
def test_resamples_are_judged_at_once(coded, at, k):
    rng = np.random.default_rng(2)
    p, targets = rng.dirichlet(np.ones(k), 80), np.arange(80) % k
    statistic = auroc(coded(targets, k, p), coded(targets, k))
    times = rng.multinomial(80, np.full(80, 1 / 80), size=20)
    np.testing.assert_allclose(at(statistic, times), [at(statistic, row) for row in times])


def test_few_distinct_scores_take_few_bins(coded):
    p = np.tile([[0.3, 0.7], [0.6, 0.4]], (500, 1))
    assert auroc(coded([1, 0] * 500, p=p), coded([1, 0] * 500)).n_bins == 2 + 2  # and two for rows at the wrong end


def test_rows_that_none_of_the_other_kind_stands_between_share_a_bin(coded, at):
    targets = np.repeat([0, 1, 0, 1], 25)
    score = np.linspace(0.1, 0.9, 100)
    p = np.column_stack([1 - score, score])
    statistic = auroc(coded(targets, p=p), coded(targets))
    assert statistic.n_bins == 4 + 2
    assert at(statistic, np.ones(100, int)) == pytest.approx(roc_auc_score(targets, score)) == 0.75


def test_labels_alone_and_unknown_classes_are_refused(coded):
    with pytest.raises(DataError, match="labels alone"):
        auroc(coded([0, 1]), coded([0, 1]))
    with pytest.raises(UsageError, match="no class `yes`"):
        auroc(coded([0], p=[[1, 0]]), coded([0]), positive="yes")
