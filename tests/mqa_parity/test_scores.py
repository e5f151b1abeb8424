from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cosine as scipy_cosine
from scipy.special import rel_entr

from mqa_parity.comparisons import cosine, max_abs_diff, mean_kl, score_shift
from mqa_registry import DataError, Predictions, UsageError

WEIGHTS = st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any)
PAIRS = st.lists(st.tuples(WEIGHTS, WEIGHTS), min_size=1, max_size=8)
QUICK = settings(max_examples=50, deadline=None)


def chances(weights):
    return np.array(weights, float) / np.sum(weights, axis=1, keepdims=True)


def with_probabilities(predicted, p):
    return predicted("label", ("a", "b", "c"), **dict(zip("abc", np.asarray(p).T, strict=True)))


@QUICK
@given(PAIRS)
def test_mean_kl_is_the_relative_entropy_of_scipy(predicted, pairs):
    p, q = (chances(side) for side in zip(*pairs, strict=True))
    measured = mean_kl(with_probabilities(predicted, p), with_probabilities(predicted, q))
    wanted = rel_entr(p, np.maximum(q, np.finfo(float).eps)).sum(axis=1)
    np.testing.assert_allclose(measured, wanted, atol=1e-12)


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_mean_kl_is_never_negative_however_probabilities_were_rounded(predicted, seed):
    p = np.random.default_rng(seed).dirichlet([0.1, 0.1, 0.1], 20)
    rounded = p.astype(np.float32).astype(np.float64)
    assert mean_kl(with_probabilities(predicted, p), with_probabilities(predicted, rounded)).min() >= 0


def test_mean_kl_tells_differences_apart_that_are_far_below_rounding(predicted):
    one, other = (
        with_probabilities(predicted, [[0.5, 0.5, 0]]),
        with_probabilities(predicted, [[0.5 + 1e-9, 0.5 - 1e-9, 0]]),
    )
    assert mean_kl(one, other)[0] == pytest.approx(2e-18, rel=1e-6, abs=0)


def test_mean_kl_is_zero_for_the_same_and_large_but_finite_for_the_impossible(predicted):
    sure, opposite = with_probabilities(predicted, [[1, 0, 0.0]]), with_probabilities(predicted, [[0, 1, 0.0]])
    assert mean_kl(sure, sure)[0] == 0
    assert 30 < mean_kl(sure, opposite)[0] < 40


def test_mean_kl_takes_the_reference_first(predicted):
    one, other = with_probabilities(predicted, [[0.8, 0.1, 0.1]]), with_probabilities(predicted, [[0.4, 0.3, 0.3]])
    assert mean_kl(one, other)[0] == pytest.approx(0.8 * np.log(2) - 0.2 * np.log(3))


def test_a_row_without_probabilities_is_ignored_in_mean_kl():
    columns = {"id": ["1", "2"], "label": ["a", "a"], "probability": pa.array([[1.0, 0.0], None])}
    one = Predictions("label", pa.table(columns), ("a", "b"))
    assert np.isnan(mean_kl(one, one)).tolist() == [False, True]


def test_the_largest_difference_is_over_all_rows_and_numbers(predicted):
    assert max_abs_diff(predicted("value", value=[1.0, 2.0]), predicted("value", value=[1.5, 4.0])) == 2
    one, other = predicted("vector", vector=[[1.0, 2.0]]), predicted("vector", vector=[[1.0, -3.0]])
    assert max_abs_diff(one, other) == 5
    one, other = (with_probabilities(predicted, p) for p in ([[0.5, 0.5, 0]], [[0.5, 0.25, 0.25]]))
    assert max_abs_diff(one, other) == 0.25


def test_labels_may_come_with_a_probability_each(predicted):
    one = predicted("labels", labels=[["a"]], a=[0.9], b=[0.2])
    other = predicted("labels", labels=[["a"]], a=[0.8], b=[0.4])
    assert max_abs_diff(one, other) == pytest.approx(0.2)


def test_a_number_on_one_side_alone_makes_the_difference_nan():
    def values(*rows):
        return Predictions("value", pa.table({"id": ["1", "2"], "value": pa.array(rows, pa.float64())}))

    assert np.isnan(max_abs_diff(values(1.0, 2.0), values(1.0, None)))
    assert max_abs_diff(values(1.0, None), values(3.0, None)) == 2


def test_no_rows_have_no_largest_difference(predicted):
    nobody = predicted("value", value=pa.array([], pa.float64()))
    assert np.isnan(max_abs_diff(nobody, nobody))


@QUICK
@given(st.lists(st.tuples(*[st.lists(st.integers(-9, 9), min_size=4, max_size=4).filter(any)] * 2), min_size=1))
def test_cosine_is_that_of_scipy(predicted, pairs):
    one, other = ([list(map(float, row)) for row in side] for side in zip(*pairs, strict=True))
    measured = cosine(predicted("vector", vector=one), predicted("vector", vector=other))
    wanted = [1 - scipy_cosine(a, b) for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(measured, wanted, atol=1e-12)


def test_a_vector_of_zeros_has_no_direction(predicted):
    measured = cosine(predicted("vector", vector=[[0.0, 0.0]]), predicted("vector", vector=[[1.0, 0.0]]))
    assert np.isnan(measured).all()


@pytest.mark.parametrize("measure", [cosine, max_abs_diff])
def test_vectors_of_other_length_are_refused(predicted, measure):
    with pytest.raises(DataError, match="2 numbers in the reference, and 3 in the candidate"):
        measure(predicted("vector", vector=[[1.0, 2.0]]), predicted("vector", vector=[[1.0, 2.0, 3.0]]))


@pytest.mark.parametrize("measure", [mean_kl, max_abs_diff])
def test_labels_alone_are_not_enough(predicted, measure):
    with pytest.raises(DataError, match="labels alone") as raised:
        measure(predicted("label", label=["a"]), predicted("label", label=["a"]))
    assert "parity/agreement" in raised.value.hint


def scored(predicted, p, names=("no", "yes")):
    return predicted("label", names, **{name: list(column) for name, column in zip(names, np.array(p).T, strict=True)})


def test_score_shift_is_the_signed_rise_of_the_probability_of_a_class(predicted):
    before, after = scored(predicted, [[0.8, 0.2], [0.5, 0.5]]), scored(predicted, [[0.4, 0.6], [0.9, 0.1]])
    np.testing.assert_allclose(score_shift(before, after), [0.4, -0.4])
    np.testing.assert_allclose(score_shift(before, after, positive="no"), [-0.4, 0.4])
    np.testing.assert_allclose(score_shift(after, before), [-0.4, 0.4])


def test_the_class_is_found_by_its_name_where_the_order_differs(predicted):
    before = scored(predicted, [[0.8, 0.2]])
    after = scored(predicted, [[0.6, 0.4]], names=("yes", "no"))
    np.testing.assert_allclose(score_shift(before, after, positive="yes"), [0.4])


def test_of_several_classes_one_has_to_be_named(predicted):
    one = scored(predicted, [[0.2, 0.3, 0.5]], names=("a", "b", "c"))
    with pytest.raises(UsageError, match="with 3 classes"):
        score_shift(one, one)
    np.testing.assert_allclose(score_shift(one, one, positive="b"), [0])
    with pytest.raises(UsageError, match="no class `d`"):
        score_shift(one, one, positive="d")


def test_score_shift_of_values_is_their_difference(predicted):
    before, after = predicted("value", value=[1.0, None, 3.0]), predicted("value", value=[1.5, 2.0, 0.0])
    np.testing.assert_allclose(score_shift(before, after), [0.5, np.nan, -3])


def test_labels_alone_have_no_score(predicted):
    labels = predicted("label", ("no", "yes"), label=["no", "yes"])
    with pytest.raises(DataError, match="labels alone"):
        score_shift(labels, labels)
