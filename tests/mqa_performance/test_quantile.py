"""A quantile is one of the values, as numpy's inverted distribution function has it, on any resample too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_performance.quantile import quantile

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=40)
SHARES = st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0])


@given(values=VALUES, share=SHARES, seed=st.integers(0, 99))
def test_it_is_what_numpy_says_of_every_resample(values, share, seed):
    values = np.array(values)
    counts = np.random.default_rng(seed).multinomial(len(values), np.full(len(values), 1 / len(values)), size=3)
    found = quantile(values, share).of(counts.astype(float))
    wanted = [np.quantile(np.repeat(values, row), share, method="inverted_cdf") for row in counts]
    assert found.tolist() == wanted


@pytest.mark.parametrize(("share", "wanted"), [(0.5, 50.0), (0.95, 95.0), (0.99, 99.0)])
def test_of_the_numbers_to_a_hundred_it_is_the_share(share, wanted):
    values = np.arange(100, 0, -1.0)
    assert quantile(values, share).of(np.ones(100)) == wanted


def test_of_nothing_it_is_undefined():
    assert np.isnan(quantile(np.array([1.0]), 0.5).of(np.zeros(1)))
