"""The classifier two-sample test, and the words that two samples differ in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, norm
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from mqa_data.domain_classifier import auc_by_row, score_domain, significant_terms


def rows_with(counts, size):
    """Rows of one word each: so many of each word, and the rest with `other`."""
    words = [[word] for word, count in counts.items() for _ in range(count)]
    return words + [["other"]] * (size - len(words))


def test_the_area_is_mann_whitneys_and_its_variance_delongs():
    rng = np.random.default_rng(3)
    one, two = rng.normal(0.5, 1, 70).round(1), rng.normal(0, 1, 110).round(1)
    here = np.repeat([True, False], [70, 110])
    given = auc_by_row(np.concatenate([one, two]), here)
    assert given.mean() == pytest.approx(mannwhitneyu(one, two).statistic / (70 * 110))
    over = (one[:, None] > two) + 0.5 * (one[:, None] == two)
    spread = over.mean(axis=1).var(ddof=1) / 70 + over.mean(axis=0).var(ddof=1) / 110
    assert given.var(ddof=1) / 180 == pytest.approx(spread, rel=0.02)


def test_rows_without_a_score_have_no_area():
    scores = np.array([0.9, np.nan, 0.1, np.nan])
    assert auc_by_row(scores, np.array([True, True, False, False])).tolist() == [1.0, 1.0]


def test_half_of_either_domain_is_scored_and_the_other_half_trained_on():
    rng = np.random.default_rng(1)
    words = [["new" if row < 40 else "old", "film"] for row in range(100)]
    domains = np.repeat([1, 0], [40, 60])
    scores = score_domain(words, domains, rng)
    is_scored = ~np.isnan(scores)
    assert (is_scored[:40].sum(), is_scored[40:].sum()) == (20, 30)
    assert scores[:40][is_scored[:40]].min() > scores[40:][is_scored[40:]].max()


def test_words_of_the_scored_half_alone_change_no_score():
    words = [["film"]] * 40
    domains = np.repeat([1, 0], 20)
    scored = np.flatnonzero(~np.isnan(score_domain(words, domains, np.random.default_rng(1))))
    marked = [["film", "unseen"] if row == scored[0] else one for row, one in enumerate(words)]
    scores = score_domain(marked, domains, np.random.default_rng(1))
    assert len(set(scores[scored].tolist())) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12))
def test_significant_terms_are_those_of_the_pooled_z_test_after_bonferroni_at_5_percent(counts):
    words = {f"w{index}": pair for index, pair in enumerate(counts)}
    words["other"] = (10, 10)
    here, there = ([[word] for word in words for _ in range(words[word][side])] + [[]] * 10 for side in (0, 1))
    sizes = [len(here), len(there)]
    tested = {word: pair for word, pair in words.items() if sum(pair) >= 5}
    ps = [proportions_ztest(pair, sizes)[1] for pair in tested.values()]
    corrected = multipletests(ps, method="bonferroni")[1]
    expected = {word for word, p in zip(tested, corrected, strict=True) if p < 0.05}
    found = significant_terms(here, there)
    assert {term["term"] for term in found} == expected
    for term in found:
        pair = words[term["term"]]
        assert (term["here"], term["there"]) == pytest.approx((pair[0] / sizes[0], pair[1] / sizes[1]))
        assert term["z"] == pytest.approx(proportions_ztest(pair, sizes)[0])


@pytest.mark.parametrize(("p", "significant"), [(0.049, True), (0.051, False), (0.4, False)])
def test_a_single_word_is_significant_below_5_percent(p, significant):
    # Of 10,000 rows each, so that the difference of counts that has this p-value is nearly a whole number.
    size, base = 10_000, 1000
    z = norm.isf(p / 2)
    more = next(count for count in range(size) if _z(base + count, base, size) > z)
    here, there = ([["word"]] * count + [[]] * (size - count) for count in (base + more - (not significant), base))
    assert bool(significant_terms(here, there)) == significant


def _z(one, two, size):
    pooled = (one + two) / (2 * size)
    return (one - two) / size / math.sqrt(pooled * (1 - pooled) * 2 / size)


@pytest.mark.parametrize(("count", "tested"), [(4, False), (5, True)])
def test_a_word_in_less_than_five_rows_shows_nothing_however_unequal(count, tested):
    terms = significant_terms([["rare"]] * count + [[]] * 20, [[]] * 100_000)
    assert [term["term"] for term in terms] == ["rare"] * tested


def test_words_in_less_than_five_rows_do_not_count_in_the_correction():
    here, there = [["word"]] * 30 + [[]] * 270, [["word"]] * 12 + [[]] * 288
    assert [term["term"] for term in significant_terms(here, there)] == ["word"]
    rare = [[f"rare {row}"] for row in range(100)]
    assert [term["term"] for term in significant_terms([*here[:-50], *rare[:50]], [*there[:-50], *rare[50:]])] == [
        "word"
    ]


def test_the_twenty_most_significant_words_are_listed_in_their_order():
    here = rows_with({f"w{index:02}": 40 + index for index in range(25)}, 3000)
    found = significant_terms(here, [["other"]] * 3000)
    assert [term["term"] for term in found if term["term"] != "other"] == [f"w{index:02}" for index in range(24, 5, -1)]
    assert len(found) == 20
    assert [abs(term["z"]) for term in found] == sorted((abs(term["z"]) for term in found), reverse=True)


def test_a_word_counts_once_in_a_row():
    assert significant_terms([["film"] * 9] * 30, [["film"]] * 30) == []


@pytest.mark.parametrize("rows", [[], [[]], [["a"]]])
def test_of_nothing_nothing_is_significant(rows):
    assert significant_terms(rows, [["a"]]) == []
