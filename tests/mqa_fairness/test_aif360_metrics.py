"""The signed numbers and the entropy indices, compared with what AIF360 gives for the same rows and to its own examples."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_fairness import aif360_metrics
from mqa_fairness.aif360_metrics import (
    average_abs_odds_difference,
    average_odds_difference,
    between_group_entropy,
    disparate_impact,
    generalized_entropy,
    statistical_parity_difference,
    theil,
    true_positive_rate_difference,
)
from mqa_registry import NotRunError

CASES = json.loads(Path(__file__).with_name("aif360_numbers.json").read_text(encoding="utf-8"))
EVERY = [
    statistical_parity_difference,
    disparate_impact,
    true_positive_rate_difference,
    average_odds_difference,
    average_abs_odds_difference,
]
ALPHAS = [0.5, 1.0, 2.0, 3.0]

# The rows of AIF360's own tests: groups, targets, and two sets of predictions.
GROUP = [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
TARGETS = [1, 0, 0, 1, 0, 0, 1, 0, 1, 1]
FIRST = [1, 0, 0, 0, 1, 1, 1, 0, 1, 0]
SECOND = [0, 1, 1, 0, 0, 0, 0, 1, 1, 1]


@pytest.fixture
def rows(coded, grouped):
    """Predictions, targets and groups of a case of `aif360_numbers.json`."""

    def make(case):
        bins = np.repeat(np.arange(8), np.ravel(case["rows by sex, target and prediction"]))
        names = np.where(bins // 4, "man", "woman")
        return coded(bins % 2), coded(bins // 2 % 2), grouped(names)

    return make


@pytest.mark.parametrize("function", EVERY, ids=lambda one: one.__name__)
@pytest.mark.parametrize("case", CASES, ids=["24 rows", "200 rows", "500 rows"])
def test_the_numbers_are_those_of_aif360(function, case, rows, value):
    found = function(*rows(case), privileged="man")
    assert value(found) == pytest.approx(case[function.__name__], abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_definitions_written_out(seed, coded, grouped, value):
    rng = np.random.default_rng(seed)
    target, predicted = np.tile([0, 1], 30), rng.integers(0, 2, 60)
    group = np.repeat(["a", "b"], 30)
    predicted[:2] = 1
    arguments = coded(predicted), coded(target), grouped(group)

    def rate(name, among):
        return predicted[(group == name) & among].mean()

    everybody = np.ones(60, bool)
    selected = [rate(name, everybody) for name in "ba"]
    odds = [[rate(name, target == truth) for name in "ba"] for truth in (0, 1)]
    gaps = [others - privileged for others, privileged in odds]
    assert value(statistical_parity_difference(*arguments, privileged="a")) == pytest.approx(selected[0] - selected[1])
    assert value(disparate_impact(*arguments, privileged="a")) == pytest.approx(selected[0] / selected[1])
    assert value(average_odds_difference(*arguments, privileged="a")) == pytest.approx(np.mean(gaps))
    assert value(average_abs_odds_difference(*arguments, privileged="a")) == pytest.approx(np.mean(np.abs(gaps)))


def test_the_sign_turns_with_the_privileged_group(rows, value):
    arguments = rows(CASES[0])
    one = value(statistical_parity_difference(*arguments, privileged="man"))
    assert one < 0
    assert value(statistical_parity_difference(*arguments, privileged="woman")) == -one


def test_the_others_are_all_together_or_one_that_is_named(coded, value):
    predicted = coded([1, 1, 1, 0, 0, 0])
    groups = {"a": np.array([0, 1]), "b": np.array([2, 3]), "c": np.array([4, 5])}
    assert value(statistical_parity_difference(predicted, predicted, groups, privileged="a")) == 0.25 - 1
    named = statistical_parity_difference(predicted, predicted, groups, privileged="a", unprivileged="b")
    assert value(named) == 0.5 - 1


def test_a_row_of_both_is_privileged(coded, value):
    predicted = coded([1, 1, 0])
    groups = {"a": np.array([0, 1]), "b": np.array([1, 2])}
    assert value(statistical_parity_difference(predicted, predicted, groups, privileged="a")) == -1
    inside = {"a": np.array([0, 1]), "b": np.array([1])}
    with pytest.raises(NotRunError, match="every row of `b` is in `a` too"):
        statistical_parity_difference(predicted, predicted, inside, privileged="a")


def test_a_group_that_is_not_there_is_refused_with_those_that_are(coded, grouped):
    predicted, groups = coded([1, 0]), grouped(["man", "woman"])
    for names in ({"privileged": "men"}, {"privileged": "man", "unprivileged": "men"}):
        with pytest.raises(NotRunError, match="`men` is none of the groups with enough rows") as raised:
            average_odds_difference(predicted, predicted, groups, **names)
        assert raised.value.hint == "they are `man`, `woman`"
    with pytest.raises(NotRunError, match="`man` cannot be compared with itself"):
        average_odds_difference(predicted, predicted, groups, privileged="man", unprivileged="man")


def test_what_is_undefined_says_why(coded, grouped, value):
    groups = grouped(["a", "a", "b", "b"])
    lacking = average_odds_difference(coded([1, 0, 1, 0]), coded([1, 0, 0, 0]), groups, privileged="a")
    assert np.isnan(value(lacking))
    assert lacking.undefined == "no row of `b` is positive"
    nobody = disparate_impact(coded([0, 0, 1, 0]), coded([1, 0, 1, 0]), groups, privileged="a")
    assert np.isnan(value(nobody))
    assert nobody.undefined == "no row of `a` is predicted as positive"


def test_every_signed_number_of_the_module_is_compared_with_aif360():
    public = {
        name for name in vars(aif360_metrics) if name.endswith(("_difference", "_impact")) and not name.startswith("_")
    }
    assert public == {function.__name__ for function in EVERY}


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("case", CASES, ids=["24 rows", "200 rows", "500 rows"])
def test_the_entropy_indices_are_those_of_aif360(case, alpha, rows, value):
    predictions, targets, groups = rows(case)
    name = f"{alpha:g}"
    whole = value(generalized_entropy(predictions, targets, alpha=alpha))
    between = value(between_group_entropy(predictions, targets, groups, alpha=alpha))
    assert whole == pytest.approx(case["generalized_entropy_index"][name], abs=1e-12)
    assert between == pytest.approx(case["between_group_generalized_entropy_index"][name], abs=1e-12)
    assert value(theil(predictions, targets)) == pytest.approx(case["theil_index"], abs=1e-12)


def test_aif360s_own_examples(coded, grouped, value):
    assert value(generalized_entropy(coded(FIRST), coded(TARGETS))) == pytest.approx(0.2)
    assert value(generalized_entropy(coded(SECOND), coded(TARGETS))) == pytest.approx(0.3)
    assert value(theil(coded(FIRST), coded(TARGETS))) == pytest.approx(4 * math.log(2) / 10)
    benefits = np.array([1, 1, 1.25, 1.25, 1.25, 1.25, 0.75, 0.75, 0.75, 0.75])
    between = between_group_entropy(coded(FIRST), coded(TARGETS), grouped(GROUP))
    assert value(between) == pytest.approx(np.sum(benefits**2 - 1) / 20)


def test_correct_predictions_benefit_all_alike(coded, value):
    assert value(generalized_entropy(coded([0, 1, 1]), coded([0, 1, 1]))) == 0
    assert value(theil(coded([0, 1, 1]), coded([0, 1, 1]))) == 0


@settings(max_examples=40, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=50), alpha=st.floats(0.1, 4)
)
def test_an_index_is_never_negative_and_is_nan_where_it_says_that_it_is_undefined(pairs, alpha, coded, value):
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
    statistic = generalized_entropy(coded(FIRST), coded(TARGETS))
    several = np.array([[1.0, 8, 1], [0, 10, 0], [10, 0, 0]])
    np.testing.assert_allclose(statistic.compute(several), [0.1, 0.0, np.nan])
    between = between_group_entropy(coded(FIRST), coded(TARGETS), grouped(GROUP))
    assert between.compute(np.ones((3, between.n_bins))).shape == (3,)
