"""Which tokens may be drawn, with which probabilities, and that draws follow them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import Sampling
from mqa_registry.execution.inference.decoding.sampling import RowSampler, sampling_probabilities

LOGITS = np.log([[0.5, 0.3, 0.15, 0.05]])
logits = st.lists(st.floats(-20, 20), min_size=2, max_size=12)
samplings = st.builds(
    Sampling, temperature=st.floats(0.1, 5), top_k=st.integers(0, 12), top_p=st.floats(0.05, 1), seed=st.integers(0, 9)
)


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling(), [0.5, 0.3, 0.15, 0.05]),
        (Sampling(top_k=2), [0.625, 0.375, 0, 0]),
        (Sampling(top_p=0.5), [1, 0, 0, 0]),
        (Sampling(top_p=0.51), [0.625, 0.375, 0, 0]),
        (Sampling(top_k=3, top_p=0.9), [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]),  # 0.8 / 0.95 is below 0.9
        (Sampling(temperature=0.5), [0.25 / 0.365, 0.09 / 0.365, 0.0225 / 0.365, 0.0025 / 0.365]),
    ],
)
def test_top_k_comes_before_top_p_and_the_temperature_before_both(sampling, expected):
    np.testing.assert_allclose(sampling_probabilities(LOGITS, sampling)[0], expected)


@given(logits, samplings)
def test_the_most_probable_tokens_are_kept_and_their_probabilities_add_up(values, sampling):
    (probabilities,) = sampling_probabilities(np.array([values]), sampling)
    assert probabilities.sum() == pytest.approx(1)
    kept = probabilities > 0
    dropped = np.array(values)[~kept]
    assert (
        max(values) - np.array(values)[kept].max() <= 1e-9
    )  # of tokens that round to one probability, any may be kept
    assert dropped.max(initial=-np.inf) - np.array(values)[kept].min() <= 1e-9


@given(logits, samplings)
def test_only_tokens_that_may_be_drawn_are_drawn(values, sampling):
    (token,) = RowSampler(sampling, [b"row"]).choose(np.array([values]), [0])
    assert sampling_probabilities(np.array([values]), sampling)[0, token] > 0


def test_draws_of_many_rows_have_the_probabilities():
    rows = 20_000
    sampler = RowSampler(Sampling(top_k=3), [b"%d" % row for row in range(rows)])
    counts = np.bincount(sampler.choose(np.repeat(LOGITS, rows, axis=0), range(rows)), minlength=4)
    expected = sampling_probabilities(LOGITS, Sampling(top_k=3))[0] * rows
    assert counts[3] == 0
    # Pearson's statistic with two degrees of freedom is beyond 18.4 in one run of ten thousand; the seed is fixed.
    assert (((counts - expected) ** 2)[:3] / expected[:3]).sum() < 18.4


def test_two_models_with_nearly_the_same_logits_draw_nearly_always_the_same():
    rows = 2000
    keys = [b"%d" % row for row in range(rows)]
    one = np.repeat(LOGITS, rows, axis=0)
    other = one + np.random.default_rng(0).normal(scale=1e-5, size=one.shape)
    draws = [RowSampler(Sampling(), keys).choose(values, range(rows)) for values in (one, other)]
    assert (draws[0] == draws[1]).mean() > 0.998
