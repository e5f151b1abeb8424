"""The kind of a metric, which its best case depends on, is found before any row is predicted."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry.contributions import Comparison, Metric, Quantile, Scores, Statistic
from mqa_registry.judging.best_case import BoundedScores, MetricKind, find_metric_kind
from mqa_registry.suite import Use


def measure(function, contribution=Metric):
    return Use("letters/x", contribution("x", function, schemas=("label",)))


def fails_on_samples(*_):
    raise ValueError


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (lambda one, other: one.codes == other.codes, MetricKind.PROPORTION),
        (lambda one, other: -np.log(one.probabilities.max(axis=1)), MetricKind.MEAN),
        (lambda one, other: one.probabilities[:, 1] - other.probabilities[:, 1], MetricKind.MEAN),
        (lambda one, other: Statistic(lambda counts: counts.sum(axis=-1)), MetricKind.STATISTIC),
        (lambda one, other: 3.0, MetricKind.POINT),
        (lambda one, other: Scores(one.probabilities[:, 1], 0.0, 1.0), MetricKind.SCORES),
        (fails_on_samples, MetricKind.UNKNOWN),
    ],
)
def test_the_kind_of_a_measure_is_found_without_a_row(function, kind):
    assert find_metric_kind(measure(function), ("a", "b", "c")) is kind
    assert find_metric_kind(measure(function, Comparison), ()) is kind


def test_scores_with_a_range_are_a_kind_that_says_so():
    squares = Metric("x", lambda one, other: one.probabilities[:, 1] ** 2, schemas=("label",), range=(0.0, 1.0))
    assert find_metric_kind(Use("letters/x", squares), ("a", "b")) == BoundedScores(0.0, 1.0)


def distances(one, other):
    return one.probabilities[:, 1] ** 2


@pytest.mark.parametrize("span", [(0.0, np.inf), (-np.inf, 1.0)])
def test_scores_with_a_range_that_is_open_on_a_side_are_a_mean(span):
    assert find_metric_kind(Use("letters/x", Metric("x", distances, schemas=("label",), range=span))) is MetricKind.MEAN


def test_scores_of_a_comparison_are_a_mean_whatever_its_range():
    compared = Comparison("x", distances, schemas=("label",), range=(0.0, 1.0))
    assert find_metric_kind(Use("letters/x", compared)) is MetricKind.MEAN


def test_a_share_with_a_range_is_a_proportion():
    share = Metric("x", lambda one, other: one.codes == other.codes, schemas=("label",), range=(0.0, 1.0))
    assert find_metric_kind(Use("letters/x", share)) is MetricKind.PROPORTION


def test_the_kind_is_found_on_the_first_schema_that_has_a_sample():
    share = Metric("x", lambda one, other: one.codes == other.codes, schemas=("of another plugin", "label"))
    assert find_metric_kind(Use("letters/x", share)) is MetricKind.PROPORTION


def test_a_quantile_is_a_kind_that_says_of_what_share_it_is():
    median = measure(lambda one, other: Quantile(one.probabilities.max(axis=1), 0.5))
    assert find_metric_kind(median, ("a", "b")).share == 0.5
