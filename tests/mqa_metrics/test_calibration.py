from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from mqa_metrics.calibration import ece

QUICK = settings(max_examples=25, deadline=None)


def by_the_book(p, targets, bins):
    """Equations 2, 3 and 5 of Guo et al. 2017, bin by bin."""
    confidence, hit = p.max(axis=1), p.argmax(axis=1) == targets
    total = 0.0
    for m in range(1, bins + 1):
        inside = ((m - 1) / bins < confidence) & (confidence <= m / bins)
        if inside.any():
            total += inside.mean() * abs(hit[inside].mean() - confidence[inside].mean())
    return total


@st.composite
def binary_chances(draw):
    n = draw(st.integers(1, 40))
    positive = np.array(draw(st.lists(st.floats(0, 1, width=32), min_size=n, max_size=n)))
    targets = np.array(draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    times = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any)))
    return np.column_stack([1 - positive, positive]), targets, times


@QUICK
@given(binary_chances(), st.sampled_from([1, 7, 10, 15]))
def test_it_is_what_the_paper_defines(coded, at, case, bins):
    p, targets, times = case
    # A confidence next to an edge may fall to either side of it by rounding, here as in the paper's formula.
    scaled = p.max(axis=1) * bins
    assume(not np.any((np.abs(scaled - np.round(scaled)) < 1e-9) & (scaled != np.round(scaled))))
    measured = ece(coded(p.argmax(axis=1), p=p), coded(targets), bins=bins)
    expected = by_the_book(np.repeat(p, times, 0), np.repeat(targets, times), bins)
    assert at(measured, times) == pytest.approx(expected, abs=1e-12)


def test_its_bins_are_those_of_scikit_learns_calibration_curve(coded, at):
    rng = np.random.default_rng(3)
    p = rng.dirichlet([0.5, 0.5, 0.5], 500)
    targets = rng.integers(0, 3, 500)
    hit, confidence = p.argmax(axis=1) == targets, p.max(axis=1)
    accuracy, mean = calibration_curve(hit, confidence, n_bins=15)
    weights = np.bincount(np.ceil(confidence * 15).astype(int) - 1, minlength=15)
    expected = (np.abs(accuracy - mean) * weights[weights > 0]).sum() / 500
    assert at(ece(coded(p.argmax(axis=1), 3, p), coded(targets, 3))) == pytest.approx(expected)


def test_confidence_that_comes_true_has_no_error(coded, at):
    p = [[0.25, 0.75]] * 4
    assert at(ece(coded([1] * 4, p=p), coded([1, 1, 1, 0]))) == 0
    assert at(ece(coded([1] * 4, p=p), coded([0, 0, 0, 0]))) == 0.75


def test_rows_without_probabilities_have_no_say(coded, at):
    p = [[0.0, 1.0], [np.nan, np.nan], [0.0, 1.0]]
    assert at(ece(coded([1, 1, 1], p=p), coded([1, 0, 0]))) == 0.5


def test_no_rows_are_no_number(coded, at):
    statistic = ece(coded([0, 1], p=[[0.9, 0.1], [0.2, 0.8]]), coded([0, 1]))
    assert np.isnan(at(statistic, [0, 0]))
    nobody = ece(coded([0], p=[[np.nan, np.nan]]), coded([0]))
    assert np.isnan(nobody.of(np.zeros((3, 0)))).all()


def test_resamples_are_judged_at_once(coded, at):
    rng = np.random.default_rng(5)
    p = rng.dirichlet([1, 1], 100)
    targets = rng.integers(0, 2, 100)
    statistic = ece(coded(p.argmax(axis=1), p=p), coded(targets))
    times = rng.multinomial(100, np.full(100, 0.01), size=50)
    expected = [by_the_book(np.repeat(p, row, 0), np.repeat(targets, row), 15) for row in times]
    np.testing.assert_allclose(at(statistic, times), expected, atol=1e-12)
