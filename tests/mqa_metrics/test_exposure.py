"""What all users together are shown: by hand, and by the formulas written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_metrics.exposure import coverage, exposure_gini, popularity_lift
from mqa_registry import UsageError
from tests.mqa_metrics.test_ranked_lists import predict, want

NAMES = "abcdefg"
RANKINGS = st.lists(st.permutations(NAMES), min_size=2, max_size=6)


def test_coverage_is_the_share_of_the_catalogue_that_is_shown():
    pair = predict([["a", "b", "c"], ["a", "c", "b"], ["a", "b", "d"]]), want({}, {}, {})
    assert coverage(*pair, k=1) == 1 / 4
    assert coverage(*pair, k=2) == 3 / 4
    assert coverage(*pair, k=2, items=30) == 3 / 30
    with pytest.raises(UsageError, match="`items` is 3, and the rankings have 4 things"):
        coverage(*pair, items=3)
    assert np.isnan(coverage(predict([[], None]), want({}, {})))


def test_exposure_is_even_where_all_are_shown_alike_and_1_where_one_alone_is():
    targets = want({}, {})
    assert exposure_gini(predict([["a", "b"], ["b", "a"]]), targets, k=1) == 0
    assert exposure_gini(predict([["a", "b"], ["a", "b"]]), targets, k=1) == 1
    assert exposure_gini(predict([["a", "b"], ["a", "b"]]), targets, k=1, items=50) == 1
    assert np.isnan(exposure_gini(predict([["a"], ["a"]]), targets))


@given(RANKINGS, st.integers(1, 7))
def test_the_gini_index_is_half_the_mean_difference_of_all_pairs_by_the_mean(rankings, k):
    counts = np.array([sum(name in row[:k] for row in rankings) for name in NAMES])
    differences = np.abs(counts[:, None] - counts[None, :]).sum() / (len(NAMES) * (len(NAMES) - 1))
    found = exposure_gini(predict(rankings), want(*[{}] * len(rankings)), k=k)
    assert found == pytest.approx(differences / (2 * counts.mean()))


def test_popularity_lift_by_hand():
    # `a` is relevant to three rows, `b` and `c` to one each; other rows to which they are relevant count.
    targets = want({"a": 1.0}, {"a": 1.0, "b": 1.0}, {"a": 1.0, "c": 1.0})
    rankings = predict([["a", "b"], ["a", "c"], ["c", "d"]])
    chosen = np.array([2.0, 1.0, 1.0])
    shown = np.array([(2 + 1) / 2, (2 + 1) / 2, 0.0])
    assert popularity_lift(rankings, targets, k=2) == pytest.approx((shown - chosen) / chosen.mean())


@given(RANKINGS, st.integers(1, 7), st.data())
def test_popularity_lift_is_what_users_are_shown_less_what_they_choose_by_the_latter(rankings, k, data):
    wanted = [data.draw(st.sets(st.sampled_from(NAMES), max_size=3)) for _ in rankings]
    found = popularity_lift(predict(rankings), want(*[dict.fromkeys(one, 1.0) for one in wanted]), k=k)

    def mean_popularity(row, names):
        others = [one for number, one in enumerate(wanted) if number != row]
        return np.mean([sum(name in one for one in others) for name in names]) if names else np.nan

    shown = np.array([mean_popularity(row, ranking[:k]) for row, ranking in enumerate(rankings)])
    chosen = np.array([mean_popularity(row, sorted(names)) for row, names in enumerate(wanted)])
    judged = ~np.isnan(chosen)
    if not judged.any() or not chosen[judged].mean():
        assert np.isnan(found).all()
        return
    assert found[judged] == pytest.approx((shown - chosen)[judged] / chosen[judged].mean())
    assert np.isnan(found[~judged]).all()


def test_users_who_are_shown_what_others_choose_have_a_lift_and_those_shown_their_own_have_none():
    wanted = [{"a": 1.0}, {"a": 1.0}, {"a": 1.0}, {"b": 1.0}]
    assert np.nanmean(popularity_lift(predict([["a"]] * 4), want(*wanted), k=1)) > 0
    assert (popularity_lift(predict([["a"], ["a"], ["a"], ["b"]]), want(*wanted), k=1) == 0).all()
    assert np.nanmean(popularity_lift(predict([["c"]] * 4), want(*wanted), k=1)) == -1
