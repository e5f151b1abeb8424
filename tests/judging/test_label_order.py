"""Another order of the labels: said where it fits far better, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mqa_registry import plan as plans
from mqa_registry.judging import Verdict, find_label_order, judge
from mqa_registry.judging.label_order import _suggest_fix, find_better_order
from mqa_registry.suite import Expect


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def noisy(rng, targets, classes, share):
    """Predictions that are right on about this share of the rows."""
    wrong = (targets + rng.integers(1, classes, len(targets))) % classes
    return np.where(rng.random(len(targets)) < share, targets, wrong)


@pytest.mark.parametrize("order", [(1, 0), (2, 0, 1), (0, 2, 1, 3), (3, 0, 4, 1, 2), (*range(1, 12), 0)])
def test_the_order_that_was_lost_is_found(rng, order):
    targets = rng.integers(0, len(order), 400)
    predicted = np.argsort(order)[noisy(rng, targets, len(order), 0.9)]
    now, then, found = find_better_order(predicted, targets, len(order))
    assert found == list(order)
    assert now == np.mean(predicted == targets)
    assert then == np.mean(np.array(order)[predicted] == targets)


@pytest.mark.parametrize("rows", [12, 30, 400])
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_random_predictions_fit_no_other_order_far_better(rng, rows, classes):
    for _ in range(50):
        drawn = rng.integers(0, classes, (2, rows))
        assert find_better_order(*drawn, classes) is None


def test_a_constant_prediction_suggests_no_other_order(rng):
    targets = (rng.random(400) < 0.95).astype(int)
    assert find_better_order(np.zeros(400, int), targets, 2) is None


def test_a_good_model_is_left_alone(rng):
    targets = rng.integers(0, 3, 400)
    assert find_better_order(noisy(rng, targets, 3, 0.8), targets, 3) is None


def swapped(unswapped, rows, swaps):
    """Targets and predictions: `kept` rows of a class that is always right, `rows` of each of two with `swaps` swapped."""
    targets = np.repeat([0, 1, 2], [unswapped, rows, rows])
    predicted = targets.copy()
    for code, other in ((1, 2), (2, 1)):
        predicted[np.flatnonzero(targets == code)[:swaps]] = other
    return predicted, targets


@pytest.mark.parametrize(("swaps", "is_found"), [(2010, True), (1990, False)])
def test_another_order_fits_at_least_a_fifth_of_the_rows_more(swaps, is_found):
    assert (find_better_order(*swapped(4000, 3000, swaps), 3) is not None) is is_found


@pytest.mark.parametrize(("swaps", "is_found"), [(3550, True), (3450, False)])
def test_another_order_has_to_reach_a_kappa_of_two_fifths(swaps, is_found):
    predicted, targets = swapped(0, 5000, swaps)
    assert (find_better_order(predicted - 1, targets - 1, 2) is not None) is is_found


def test_five_classes_are_named_and_the_others_counted():
    fix = _suggest_fix("abcdef", [1, 2, 3, 4, 5, 0], "d")
    assert fix.count("where the data say") == 5
    assert "`e` where the data say `f`, and 1 more." in fix


@pytest.mark.parametrize(("rows", "is_found"), [(880, False), (920, True)])
def test_another_order_has_to_fit_more_than_chance_gives_the_best_of_all(rows, is_found):
    """Renamed, a class of 5 % is found in half of its rows; by Hoeffding that takes ln(2! / 0.05) / (2 · 0.045²) rows."""
    rare, missed = rows // 20, rows // 40
    targets = np.arange(rows) < rare
    renamed = np.roll(targets, missed)
    assert (find_better_order((~renamed).astype(int), targets.astype(int), 2) is not None) is is_found
    assert 880 < np.log(2 / 0.05) / (2 * 0.045**2) < 920


def test_one_answer_for_rows_of_one_other_class_shows_nothing():
    assert find_better_order(np.zeros(400, int), np.ones(400, int), 2) is None


def test_few_rows_show_nothing():
    assert find_better_order(np.array([0, 1, 0]), np.array([1, 0, 1]), 2) is None
    assert find_better_order(np.zeros(0, int), np.zeros(0, int), 2) is None


def test_swapped_labels_are_reported_with_their_fix(engine):
    labels = ["few" if text.count("e") * 4 / len(text) > 0.5 else "many" for text in engine.table["text"].to_pylist()]
    engine.table = engine.table.set_column(1, "label", [labels])
    suite = engine.suite(engine.check())
    plan, observations = plans.make(suite), engine.run(suite)
    (found,) = find_label_order(plan, observations, judge(plan, observations))
    assert (found.level, found.topic) == ("warning", "words on one")
    assert found.message == "another order of the labels would fit 100 % of the rows, and this one fits 0 %"
    assert "the model says `few` where the data say `many`, `many` where the data say `few`" in found.fix
    assert "`labels` in `[data.words]`, or in `[model]`" in found.fix


@pytest.mark.parametrize("is_predicted", [False, True], ids=["no predictions", "classes that the targets do not fit"])
def test_a_backend_of_which_nothing_can_be_said_hides_no_other(engine, is_predicted):
    said = ["few" if text.count("e") * 4 / len(text) > 0.5 else "many" for text in engine.table["text"].to_pylist()]
    engine.table = engine.table.set_column(1, "label", [said])
    suite = engine.suite(engine.check(on=("one", "two")), backends=("one", "two"))
    plan, observations = plans.make(suite), engine.run(suite)
    results = judge(plan, observations)
    first = next(iter(observations.views))
    others = replace(observations.views[first].predictions, classes=("few", "others")) if is_predicted else None
    views = observations.views | {first: replace(observations.views[first], predictions=others)}
    (found,) = find_label_order(plan, replace(observations, views=views), results)
    assert (first.backend, found.topic) == ("one", "words on two")


def test_a_check_that_holds_has_no_finding_about_labels(engine):
    suite = engine.suite(engine.check(expect={"value": Expect(min=0.1)}))
    plan, observations = plans.make(suite), engine.run(suite)
    results = judge(plan, observations)
    assert [result.verdict for result in results] == [Verdict.PASS]
    assert list(find_label_order(plan, observations, results)) == []
