"""Unseen rows: what equal rows do not show, an interval still allows for, and no more than that."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mqa_metrics.classification import balanced_accuracy, f1, mcc
from mqa_metrics.probability import ece
from mqa_metrics.ranking import auroc
from mqa_registry.contributions import Statistic
from mqa_registry.judging import Verdict
from mqa_registry.judging.measurements import MeasureOutput, estimate, estimate_drop
from mqa_registry.stats.estimates import Claim
from mqa_registry.stats.resampling import IntervalOptions
from mqa_registry.stats.sample_size import rows_to_settle
from mqa_registry.stats.unpaired_differences import difference
from mqa_registry.stats.unseen_rows import FEW_DEGREES_OF_FREEDOM, UnseenRowReplicates, draw_weights, find_worst_rows
from tests.benchmarks.statistics import SimulatedRows, decide_claims, flip_predictions, measure_rows

HOW = IntervalOptions(7, "edges")
SHARE = (0.0, 1.0)
BY_CLASS = {"f1": f1, "balanced-accuracy": balanced_accuracy, "mcc": mcc, "auroc": auroc}
SPANS = {name: (-1.0, 1.0) if name == "mcc" else SHARE for name in BY_CLASS}


def share_of(ones):
    """The share of ones as a statistic of two bins, so that it is resampled."""
    return Statistic(lambda counts: counts[..., 1] / counts.sum(axis=-1), np.asarray(ones, np.int64), 2)


def perfect(rows):
    codes = np.arange(rows) % 2 == 1
    return SimulatedRows(0.5, 0.0).of(codes, codes)


def of(name, predictions, targets):
    return MeasureOutput(BY_CLASS[name](predictions, targets), SPANS[name])


@pytest.mark.parametrize("rows", [8, 50, 400])
@pytest.mark.parametrize("wrong", [0, 1, 3])
def test_a_share_that_is_resampled_has_about_the_ends_of_clopper_and_pearson(rows, wrong):
    oracle = stats.binomtest(rows - wrong, rows).proportion_ci(0.95, method="exact")
    low, high = estimate(MeasureOutput(share_of(np.arange(rows) >= wrong), SHARE), rows, HOW).interval(0.95)
    assert 1 - low == pytest.approx(1 - oracle.low, rel=0.25)
    assert high >= oracle.high - 0.1 * (1 - oracle.low)
    assert high <= 1


@pytest.mark.parametrize("name", BY_CLASS)
def test_eight_perfect_rows_settle_nothing_and_four_hundred_do(name):
    few, many = (estimate(of(name, *perfect(rows)), rows, HOW) for rows in (8, 400))
    assert decide_claims([Claim("value", few, low=0.9)], 0.95) is Verdict.INCONCLUSIVE
    assert decide_claims([Claim("value", many, low=0.9)], 0.95) is Verdict.PASS
    assert many.interval(0.95)[1] == 1


@pytest.mark.parametrize("name", BY_CLASS)
def test_the_rows_named_of_a_perfect_model_really_settle_it(name):
    rows = rows_to_settle(Claim("value", estimate(of(name, *perfect(8)), 8, HOW), low=0.9), 0.95)
    rows += rows % 2
    assert 36 <= rows <= 120
    enough = estimate(of(name, *perfect(rows)), rows, HOW)
    assert decide_claims([Claim("value", enough, low=0.9)], 0.95) is Verdict.PASS


@pytest.mark.parametrize("name", BY_CLASS)
def test_an_unchanged_model_passes_a_drop_and_equal_groups_a_gap(name):
    one = of(name, *SimulatedRows(0.5, 0.1).draw(np.random.default_rng(1), 300))
    found = estimate_drop(one, one, 300, HOW)
    low, high = found.interval(0.95)
    assert low < 0 < high < 0.1
    value = estimate(of(name, *perfect(300)), 300, HOW)
    assert Claim("gap", difference(value, value), -0.1, 0.1).holds(0.95)


def test_f1_of_nothing_from_400_wrong_rows_fails():
    codes = np.arange(400) % 2 == 1
    found = estimate(of("f1", *SimulatedRows(0.5, 1.0).of(codes, ~codes)), 400, HOW)
    assert found.value == 0
    assert decide_claims([Claim("value", found, low=0.8)], 0.95) is Verdict.FAIL


@pytest.mark.parametrize("name", BY_CLASS)
@pytest.mark.parametrize("wrong", [0.001, 0.01])
def test_near_the_end_neither_verdict_comes_more_often_than_it_may(name, wrong):
    rng, rows = np.random.default_rng(5), 300
    truth = {"f1": 1 - wrong, "balanced-accuracy": 1 - wrong, "mcc": 1 - 2 * wrong, "auroc": 1 - wrong}[name]
    missed = []
    for seed in range(80):
        measured = of(name, *SimulatedRows(0.5, wrong, 1.0).draw(rng, rows))
        low, high = estimate(measured, rows, IntervalOptions(seed, "near", 300)).interval(0.95)
        missed.append((low > truth, high < truth))
    assert (np.mean(missed, axis=0) <= 0.0625).all()


def test_a_change_of_few_rows_is_not_taken_for_none():
    rng, rows, wrong = np.random.default_rng(5), 200, SimulatedRows(0.1, 0.02)
    truth = 0.0
    for share, answers in ((0.01, wrong.changed(0.01)),):
        table, after = wrong.table, answers.table
        truth = 2 * table[3] / (2 * table[3] + table[1] + table[2]) - 2 * after[3] / (
            2 * after[3] + after[1] + after[2]
        )
        failed = []
        for seed in range(80):
            predictions, targets = wrong.draw(rng, rows)
            pair = (
                MeasureOutput(f1(each, targets), SHARE)
                for each in (predictions, flip_predictions(rng, predictions, share))
            )
            failed.append(estimate_drop(*pair, rows, IntervalOptions(seed, "few", 300)).interval(0.95)[1] < truth)
        assert np.mean(failed) <= 0.05


def test_a_rare_class_is_what_there_is_least_to_know_of():
    right = np.array([True] * 5 + [False] * 495)
    found = estimate(of("balanced-accuracy", *SimulatedRows(0.5, 0.0).of(right, right)), 500, HOW)
    recall = stats.binomtest(5, 5).proportion_ci(0.95, method="exact").low
    assert found.interval(0.95)[0] == pytest.approx((1 + recall) / 2, abs=0.03)


def test_of_many_small_classes_a_mistake_in_all_counts_more_than_many_in_one():
    classes, each = 8, 3

    def of_recalls(counts):
        pairs = counts.reshape(*counts.shape[:-1], classes, 2)
        return (pairs[..., 1] / pairs.sum(axis=-1)).mean(axis=-1)

    counts = np.tile([0.0, each], classes)
    down, up = find_worst_rows(of_recalls, counts, np.arange(2 * classes), 1.0)
    assert (down.parts[::2] > 0).all()
    assert (down.parts[1::2] == 0).all()
    assert up.step == 0


def test_rows_of_kinds_that_leave_no_number_together_are_the_worst_one_by_one():
    def of_one_kind(counts):
        wrong = counts[..., 1] + counts[..., 2]
        return np.where((counts[..., 1] > 0) & (counts[..., 2] > 0), np.nan, -wrong / counts.sum(axis=-1))

    down, up = find_worst_rows(of_one_kind, np.array([9.0, 0.0, 0.0]), np.arange(3), 1.0)
    assert sorted(down.parts) == [0, 0, 1]
    assert (down.parts[0], down.step) == (0, pytest.approx(-1 / 10))
    assert up.step == 0


def test_where_many_rows_carry_the_spread_the_unseen_one_weighs_little():
    rng = np.random.default_rng(0)
    assert draw_weights(rng, 1000, FEW_DEGREES_OF_FREEDOM / 2).mean() == pytest.approx(1, rel=0.01)
    assert draw_weights(rng, 1000, 100 * FEW_DEGREES_OF_FREEDOM).mean() == pytest.approx(0.01, rel=0.01)
    assert draw_weights(rng, 1000, 0.0).mean() == pytest.approx(1, rel=0.01)


def test_rounding_makes_no_resamples_differ():
    found = estimate(of("mcc", *perfect(7)), 7, HOW)
    assert found.is_constant
    assert found.interval(0.95)[0] < 0.7


@pytest.mark.parametrize("span", [SHARE, (-np.inf, np.inf)])
def test_a_statistic_without_bins_for_unseen_rows_moves_like_a_mean_or_has_no_interval(span):
    constant = Statistic(lambda counts: np.ones(counts.shape[:-1]))
    found = estimate(MeasureOutput(constant, span), 100, HOW)
    if np.isinf(span[0]):
        assert found.interval(0.95) is None
        assert "in every resample" in found.undefined_reason
    else:
        assert found.interval(0.95) == pytest.approx((1 - 0.0362, 1), abs=0.002)


def test_a_statistic_that_jumps_is_settled_by_no_rows():
    """The mean of two precisions, of which one class was never answered: one right answer would make it 1 at once."""

    def of_precisions(counts):
        rejected, false, missed, hit = np.moveaxis(counts, -1, 0)
        first = np.divide(rejected, rejected + missed)
        return (first + np.divide(hit, hit + false, out=np.zeros(hit.shape), where=hit + false > 0)) / 2

    found = estimate(MeasureOutput(Statistic(of_precisions, np.array([0] * 95 + [2] * 5), 4), SHARE), 100, HOW)
    assert found.unseen.jumps
    assert rows_to_settle(Claim("value", found, low=0.9), 0.95) is None


def test_a_number_that_unseen_rows_turn_does_not_jump_and_requires_more_rows():
    """The calibration error of eight answers, all right and sure to 0.9: with the first mistake it falls, then it grows."""

    def gap(counts):
        wrong, right = np.moveaxis(counts, -1, 0)
        return np.abs(right / (right + wrong) - 0.9)

    found = estimate(MeasureOutput(Statistic(gap, np.ones(8, dtype=np.int64), 2), SHARE), 8, HOW)
    claim = Claim("value", found, high=0.2)
    assert not found.unseen.jumps
    assert not claim.is_settled(0.95, 0.95)
    assert 8 < rows_to_settle(claim, 0.95) < 40
    assert found.with_rows(8).interval(0.95)[1] == pytest.approx(found.interval(0.95)[1])


def test_clusters_that_are_perfect_count_as_so_many_units():
    codes = np.arange(100) // 10
    alone = estimate(MeasureOutput(share_of(np.ones(10)), SHARE), 10, HOW)
    ten = estimate(MeasureOutput(share_of(np.ones(100)), SHARE), 100, IntervalOptions(7, "edges", clusters=codes))
    assert ten.interval(0.95)[0] == pytest.approx(alone.interval(0.95)[0], abs=0.02)


def test_far_out_in_the_tail_an_edge_goes_on_as_an_exponential():
    weights = draw_weights(np.random.default_rng(0), 1000, 0.0)
    edges = UnseenRowReplicates(1 - weights / 100, np.ones(1000), -0.01, 0.0, weights)
    for tail in (1e-4, 1e-6):
        assert edges.interval(tail)[0] == pytest.approx(1 + np.log(tail) / 100, rel=0.005)
    assert edges.interval(1e-6)[1] == 1


def test_predictions_that_are_the_same_to_the_last_bit_move_a_drop_as_they_would_a_mean():
    rare = np.array([True] * 3 + [False] * 97)
    one = of("f1", *SimulatedRows(0.5, 0.0).of(rare, rare))
    apart, same = (
        estimate_drop(one, one, 100, IntervalOptions(7, "same", identical=same)).interval(0.95)[1]
        for same in (False, True)
    )
    assert same == pytest.approx(0.0362, abs=0.002)
    assert apart > 0.3


def test_a_number_that_first_falls_with_unseen_mistakes_reaches_to_where_it_falls():
    """A model that is 0.99 sure and right in 50 rows may well be wrong in one of a hundred, and calibrated."""
    codes = np.arange(50) % 2 == 1
    low, high = estimate(MeasureOutput(ece(*SimulatedRows(0.5, 0.0).of(codes, codes)), SHARE), 50, HOW).interval(0.95)
    assert low < 0.001
    assert high > 0.04


@pytest.mark.parametrize("together", [1, 10])
def test_a_calibration_error_that_fewer_mistakes_than_one_would_undo_may_be_none(together):
    """Sure to 0.99 and right in all of 50 units, as a model is that is wrong in one of a hundred, more often than not."""
    rows, none = 50 * together, SimulatedRows(0.5, 0.0)
    half = np.arange(rows) % 2 == 1
    clusters = None if together == 1 else np.arange(rows) // together
    found = estimate(measure_rows("ECE", *none.of(half, half)), rows, IntervalOptions(7, "edges", clusters=clusters))
    assert found.value == pytest.approx(0.01)
    assert found.interval(0.95)[0] == 0


@pytest.mark.parametrize(("rows", "wrong"), [(50, 0), (200, 0), (50, 2), (200, 5)])
def test_an_error_of_calibration_that_may_be_none_reaches_0(rows, wrong):
    """Of a model that is 0.99 sure, wrong answers as few or as many as these are no wonder where it is calibrated."""

    def gap(counts):
        mistakes, right = np.moveaxis(counts, -1, 0)
        return np.abs(right / (right + mistakes) - 0.99)

    assert min(stats.binom.cdf(wrong, rows, 0.01), stats.binom.sf(wrong - 1, rows, 0.01)) > 0.05
    found = estimate(MeasureOutput(Statistic(gap, (np.arange(rows) >= wrong).astype(np.int64), 2), SHARE), rows, HOW)
    assert found.interval(0.95)[0] == 0
