"""Entropy indices, held to AIF360's numbers and own examples."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_fairness.group_metrics.entropy import between_group_entropy, generalized_entropy, theil

CASES = json.loads(Path(__file__).with_name("aif360_numbers.json").read_text(encoding="utf-8"))
ALPHAS = [0.5, 1.0, 2.0, 3.0]

# The rows of AIF360's own tests: groups, targets, and two sets of predictions.
GROUP = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
RIGHT = [1, 0, 0, 1, 0, 0, 1, 0, 1, 1]
FIRST = [1, 0, 0, 0, 1, 1, 1, 0, 1, 0]
SECOND = [0, 1, 1, 0, 0, 0, 0, 1, 1, 1]


def rows(case):
    bins = np.repeat(np.arange(8), np.ravel(case["rows by sex, target and prediction"]))
    return bins % 2, bins // 2 % 2, np.where(bins // 4, "man", "woman")


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("case", CASES, ids=["24 rows", "200 rows", "500 rows"])
def test_the_numbers_are_those_of_aif360(case, alpha, coded, grouped, value):
    predicted, target, group = rows(case)
    given_, name = (coded(predicted), coded(target)), f"{alpha:g}"
    whole = value(generalized_entropy(*given_, alpha=alpha))
    between = value(between_group_entropy(*given_, grouped(group), alpha=alpha))
    assert whole == pytest.approx(case["generalized_entropy_index"][name], abs=1e-12)
    assert between == pytest.approx(case["between_group_generalized_entropy_index"][name], abs=1e-12)
    assert value(theil(*given_)) == pytest.approx(case["theil_index"], abs=1e-12)


def test_aif360s_own_examples(coded, grouped, value):
    assert value(generalized_entropy(coded(FIRST), coded(RIGHT))) == pytest.approx(0.2)
    assert value(generalized_entropy(coded(SECOND), coded(RIGHT))) == pytest.approx(0.3)
    assert value(theil(coded(FIRST), coded(RIGHT))) == pytest.approx(4 * math.log(2) / 10)
    benefits = np.array([1, 1, 1.25, 1.25, 1.25, 1.25, 0.75, 0.75, 0.75, 0.75])
    between = between_group_entropy(coded(FIRST), coded(RIGHT), grouped(GROUP))
    assert value(between) == pytest.approx(np.sum(benefits**2 - 1) / 20)


def test_correct_predictions_benefit_all_alike(coded, value):
    assert value(generalized_entropy(coded([0, 1, 1]), coded([0, 1, 1]))) == 0
    assert value(theil(coded([0, 1, 1]), coded([0, 1, 1]))) == 0


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=50), alpha=st.floats(0.1, 4)
)
def test_an_index_is_never_negative_and_never_lies_when_undefined(pairs, alpha, coded, value):
    predicted, target = zip(*pairs, strict=True)
    statistic = generalized_entropy(coded(predicted), coded(target), alpha=alpha)
    number = value(statistic)
    assert number >= -1e-12 or np.isnan(number)
    assert np.isnan(number) == bool(statistic.undefined)


def test_the_mean_log_deviation_is_undefined_where_somebody_gets_nothing(coded, value):
    fine = generalized_entropy(coded([1, 0, 1]), coded([0, 0, 1]), alpha=0.0)
    assert value(fine) == pytest.approx(-np.mean(np.log(np.array([2, 1, 1]) / (4 / 3))))
    broken = generalized_entropy(coded([0, 0, 1]), coded([1, 0, 1]), alpha=0.0)
    assert np.isnan(value(broken))
    assert broken.undefined == "with `alpha` 0 nobody may get nothing"
    nobody = generalized_entropy(coded([0, 0]), coded([1, 1]))
    assert np.isnan(value(nobody))
    assert nobody.undefined == "nobody benefits"


def test_many_resamples_are_evaluated_at_once(coded, grouped):
    statistic = generalized_entropy(coded(FIRST), coded(RIGHT))
    several = np.array([[1.0, 8, 1], [0, 10, 0], [10, 0, 0]])
    np.testing.assert_allclose(statistic.compute(several), [0.1, 0.0, np.nan])
    between = between_group_entropy(coded(FIRST), coded(RIGHT), grouped(GROUP))
    assert between.compute(np.ones((3, between.n_bins))).shape == (3,)
