"""The distances of one array from another that is exact, held against numpy and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import distance

from mqa_parity.tensors.output_errors import (
    BROKEN,
    NO_ERROR,
    find_form_mismatch,
    find_undefined,
    find_value_mismatch,
    measure_errors,
)
from mqa_parity.tensors.output_matching import match_names
from mqa_parity.tolerance import PRECISIONS

finite = arrays(np.float32, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32))
pairs = st.integers(1, 40).flatmap(
    lambda size: st.tuples(*[arrays(np.float32, size, elements=st.floats(-1e6, 1e6, width=32))] * 3)
)


def found(exact, baseline, candidate, atol=0.0, rtol=0.0):
    return measure_errors(exact.astype(np.float64), baseline, candidate, atol=atol, rtol=rtol)


@given(pairs)
def test_extremes_quantiles_and_sums_are_those_of_numpy(arrays):
    exact, baseline, candidate = (values.astype(np.float64) for values in arrays)
    one = found(*arrays)
    off = np.abs(candidate - exact)
    assert (one.elements, one.error, one.mean) == (exact.size, off.max(), pytest.approx(off.mean()))
    assert one.p999 == pytest.approx(np.quantile(off, 0.999))
    assert one.baseline_error == np.abs(baseline - exact).max()
    assert one.signal == pytest.approx((exact**2).sum())
    assert one.distortion == pytest.approx((off**2).sum())


@given(pairs, st.floats(0, 10), st.floats(0, 1))
def test_outside_counts_what_numpy_does_not_call_close(arrays, atol, rtol):
    _, baseline, candidate = arrays
    close = np.isclose(candidate.astype(np.float64), baseline.astype(np.float64), atol=atol, rtol=rtol)
    assert found(*arrays, atol=atol, rtol=rtol).outside == np.count_nonzero(~close)


@given(finite)
def test_the_cosine_of_a_row_with_itself_is_one(values):
    same = found(values, values, values)
    assert (same.error, same.baseline_error, same.mean, same.outside) == (0, 0, 0, 0)
    if np.abs(values).max() > 1e-10:
        assert same.cosine == pytest.approx(1)
    assert same.magnitude == np.abs(values.astype(np.float64)).max()


def test_cosine_is_that_of_scipy():
    rng = np.random.default_rng(7)
    exact, candidate = rng.normal(size=(2, 50))
    one = measure_errors(exact, exact, candidate, atol=0, rtol=0)
    assert one.cosine == pytest.approx(1 - distance.cosine(exact, candidate))
    assert math.isnan(measure_errors(np.zeros(3), np.zeros(3), np.ones(3), atol=0, rtol=0).cosine)


def test_the_magnitude_is_that_of_what_had_to_be_rounded():
    exact = np.array([0.1, -3.3, -10000.0, 65536.0])
    assert measure_errors(exact, exact.astype(np.float32), exact, atol=0, rtol=0).magnitude == 3.3


def test_integers_and_nothing_have_no_errors():
    for values in (np.arange(3), np.zeros(0), np.array([True])):
        assert measure_errors(values, values, values, atol=0, rtol=0) is NO_ERROR


def test_a_broken_output_is_worse_than_any_error():
    one = found(np.ones(3, np.float32), np.zeros(3, np.float32), np.full(3, -1e30, np.float32))
    for name in ("error", "mean", "p999", "distortion"):
        assert getattr(BROKEN, name) > getattr(one, name)
    assert BROKEN.cosine == -1


SINGLE = PRECISIONS["float32"]


def triple(exact, baseline=None, candidate=None):
    baseline = exact if baseline is None else baseline
    candidate = baseline if candidate is None else candidate
    return np.array(exact, np.float64), np.array(baseline, np.float32), np.array(candidate, np.float32)


def test_outputs_are_matched_by_name_and_single_ones_by_position():
    assert match_names(["a", "b"], ["b", "a", "c"]) == {"a": "a", "b": "b"}
    assert match_names(["logits"], ["output_0"]) == {"logits": "output_0"}
    assert match_names(["logits", "hidden"], ["output_0"]) == {}


def test_types_come_before_shapes():
    assert find_form_mismatch(np.zeros((2, 3)), np.zeros((2, 3))) == ""
    assert find_form_mismatch(np.zeros((2, 3), np.float32), np.zeros((2, 3))) == "float64 instead of float32"
    assert find_form_mismatch(np.zeros((2, 3)), np.zeros((2, 1))) == "shape (2, 1) instead of (2, 3)", (
        "numpy would broadcast it"
    )


@pytest.mark.parametrize(
    ("exact", "baseline", "candidate", "why"),
    [
        ([1, 2], [1, 2], [1, 2.5], ""),
        ([1, 2], [1, 2], [1, math.nan], "1 of 2 are NaN or Inf"),
        ([1, 2], [1, 2], [math.inf, -math.inf], "2 of 2 are NaN or Inf"),
        ([1, -math.inf], [1, -math.inf], [1, -math.inf], ""),
        ([1, -math.inf], [1, -math.inf], [1, math.inf], "1 of 2 are finite where they should be infinite"),
        ([1, -math.inf], [1, -math.inf], [1, math.nan], "1 of 2 are finite where they should be infinite"),
        ([1, -math.inf], [1, -math.inf], [1, -1e9], "1 of 2 are finite where they should be infinite"),
        ([1, -1.7e308], [1, -SINGLE.largest], [1, -SINGLE.largest], ""),
        ([1, -1.7e308], [1, -SINGLE.largest], [1, -math.inf], ""),
    ],
)
def test_nan_and_inf_are_described(exact, baseline, candidate, why):
    assert find_value_mismatch(*triple(exact, baseline, candidate), SINGLE) == why


def test_integers_are_equal_or_they_are_not():
    one = np.array([1, 2, 3])
    assert find_value_mismatch(one, one, one, SINGLE) == ""
    assert find_value_mismatch(one, one, np.array([1, 2, 4]), SINGLE) == "1 of 3 are other integers"
    assert find_value_mismatch(one, np.array([1, 2, 4]), np.array([1, 2, 5]), SINGLE) == "", "PyTorch is torn here, too"


@pytest.mark.parametrize(
    ("exact", "baseline", "why"),
    [
        ([1, 2], [1, 2], ""),
        ([1, math.nan], [1, 2], "NaN"),
        ([1, 2], [1, math.nan], "NaN"),
        ([1, 2], [1, math.inf], "Inf"),
        ([1, math.inf], [1, math.inf], ""),
        ([1, -1.7e308], [1, -SINGLE.largest], ""),
    ],
)
def test_an_undefined_reference_is_recognized(exact, baseline, why):
    assert find_undefined(*triple(exact, baseline)[:2], SINGLE) == why


def test_an_overflow_of_pytorch_in_half_precision_is_no_fault():
    half = PRECISIONS["float16"]
    exact, baseline, candidate = triple([70000.0, 1.0], [math.inf, 1.0], [70000.0, 1.0])
    assert find_undefined(exact, baseline, half) == ""
    assert find_value_mismatch(exact, baseline, candidate, half) == ""
    assert find_undefined(np.array([60000.0]), np.array([np.inf]), half) == "Inf"
