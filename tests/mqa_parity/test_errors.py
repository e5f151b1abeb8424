"""The distances of one array from another that is exact, held against numpy and scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import distance

from mqa_parity.errors import BROKEN, NONE, errors

finite = arrays(np.float32, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32))
pairs = st.integers(1, 40).flatmap(
    lambda size: st.tuples(*[arrays(np.float32, size, elements=st.floats(-1e6, 1e6, width=32))] * 3)
)


def found(exact, peer, candidate, atol=0.0, rtol=0.0):
    return errors(exact.astype(np.float64), peer, candidate, atol=atol, rtol=rtol)


@given(pairs)
def test_extremes_quantiles_and_sums_are_those_of_numpy(arrays):
    exact, peer, candidate = (values.astype(np.float64) for values in arrays)
    one = found(*arrays)
    off = np.abs(candidate - exact)
    assert (one.elements, one.error, one.mean) == (exact.size, off.max(), pytest.approx(off.mean()))
    assert one.p999 == pytest.approx(np.quantile(off, 0.999))
    assert one.noise == np.abs(peer - exact).max()
    assert one.signal == pytest.approx((exact**2).sum())
    assert one.distortion == pytest.approx((off**2).sum())


@given(pairs, st.floats(0, 10), st.floats(0, 1))
def test_outside_is_what_numpy_does_not_hold_to_be_close(arrays, atol, rtol):
    _, peer, candidate = arrays
    close = np.isclose(candidate.astype(np.float64), peer.astype(np.float64), atol=atol, rtol=rtol)
    assert found(*arrays, atol=atol, rtol=rtol).outside == np.count_nonzero(~close)


@given(finite)
def test_a_row_points_the_same_way_as_itself(values):
    same = found(values, values, values)
    assert (same.error, same.noise, same.mean, same.outside) == (0, 0, 0, 0)
    if np.abs(values).max() > 1e-10:
        assert same.cosine == pytest.approx(1)
    assert same.magnitude == np.abs(values.astype(np.float64)).max()


def test_cosine_is_that_of_scipy():
    rng = np.random.default_rng(7)
    exact, candidate = rng.normal(size=(2, 50))
    one = errors(exact, exact, candidate, atol=0, rtol=0)
    assert one.cosine == pytest.approx(1 - distance.cosine(exact, candidate))
    assert math.isnan(errors(np.zeros(3), np.zeros(3), np.ones(3), atol=0, rtol=0).cosine)


def test_the_magnitude_is_that_of_what_had_to_be_rounded():
    exact = np.array([0.1, -3.3, -10000.0, 65536.0])
    assert errors(exact, exact.astype(np.float32), exact, atol=0, rtol=0).magnitude == 3.3


def test_integers_and_nothing_have_no_errors():
    for values in (np.arange(3), np.zeros(0), np.array([True])):
        assert errors(values, values, values, atol=0, rtol=0) is NONE


def test_what_is_broken_is_worse_than_any_error():
    one = found(np.ones(3, np.float32), np.zeros(3, np.float32), np.full(3, -1e30, np.float32))
    for name in ("error", "mean", "p999", "distortion"):
        assert getattr(BROKEN, name) > getattr(one, name)
    assert BROKEN.cosine == -1
