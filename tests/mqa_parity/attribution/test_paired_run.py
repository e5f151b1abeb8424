"""An error in units of PyTorch's own: what counts, and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_parity.attribution.paired_run import PairedRun, ReferenceRun, channel_ratio, is_valid, noise_ratio
from mqa_parity.tolerance import PRECISIONS

DOUBLE = np.array([[1.0, 2.0], [3.0, 4.0]])
SINGLE = DOUBLE + np.array([[1e-6, 0], [0, -2e-6]])


def test_the_ratio_is_the_largest_error_over_the_largest_of_pytorch():
    found = DOUBLE + np.array([[0, 1e-5], [0, 0]])
    assert noise_ratio(found, SINGLE, DOUBLE) == pytest.approx(5)


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_the_unit_of_error_is_at_least_a_few_units_in_the_last_place(name):
    precision = PRECISIONS[name]
    for error, ratio in ((precision.floor, 1), (precision.roundings * precision.eps, precision.allowed)):
        found = noise_ratio(DOUBLE + error * DOUBLE.max(), DOUBLE, DOUBLE, None, precision)
        assert found == pytest.approx(ratio)


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_nan_is_infinitely_far_off_except_where_the_oracle_has_nan(missing):
    found = DOUBLE.copy()
    found[0, 0] = missing
    assert noise_ratio(found, SINGLE, DOUBLE) == np.inf
    truth = DOUBLE.copy()
    truth[0, 0] = missing
    assert noise_ratio(found, SINGLE, truth) == 0


def test_another_shape_is_infinitely_far_off_though_it_would_broadcast():
    assert noise_ratio(DOUBLE[:1], SINGLE, DOUBLE) == np.inf


@given(st.sampled_from([(3, 5, 4), (15, 4), (1, 5, 4), (3, 2, 5, 4)]))
def test_padding_is_ignored_on_any_axis(shape):
    mask = np.arange(5) < np.array([[5], [3], [1]])
    real = is_valid(np.zeros(shape), mask)
    assert real.shape == shape
    found = np.where(real, 1.0, 1e9)
    assert noise_ratio(found, np.ones(shape), np.ones(shape), mask) == 0
    assert noise_ratio(-found, np.ones(shape), np.ones(shape), mask) > 1e6


def test_every_element_of_an_array_without_positions_is_valid():
    mask = np.zeros((3, 5), bool)
    for shape in ((3,), (3, 4), (7, 2), ()):
        assert is_valid(np.zeros(shape), mask).all()


def test_of_some_rows_an_array_of_the_whole_batch_is_left_whole():
    batch = {"image": np.arange(6).reshape(3, 2), "texts": np.arange(4)}
    run = PairedRun(ReferenceRun(None, None, batch), None).with_rows([2, 0])
    assert {name: array.tolist() for name, array in run.batch.items()} == {
        "image": [[4, 5], [0, 1]],
        "texts": [0, 1, 2, 3],
    }
    assert run.with_all_rows().batch == batch


def channels(rows, scales, seed=7):
    """Exact numbers and what a baseline makes of them, of channels of several scales; both are (rows, 5, channels)."""
    rng = np.random.default_rng(seed)
    exact = rng.normal(size=(rows, 5, len(scales))) * scales
    return exact, exact + rng.normal(size=exact.shape) * scales * 1e-3


@pytest.mark.parametrize("rows", [2, 12])
def test_a_wrong_channel_is_measured_in_its_own_noise(rows):
    half = PRECISIONS["float16"]
    oracle, baseline = channels(rows, np.array([1000.0, 1.0, 1.0, 1.0]))
    _, sound = channels(rows, np.array([1000.0, 1.0, 1.0, 1.0]), seed=8)
    found = oracle + (sound - channels(rows, np.array([1000.0, 1.0, 1.0, 1.0]), seed=8)[0])
    assert channel_ratio(found, baseline, oracle, None, half) <= half.allowed
    found[..., 2] += 0.5
    assert noise_ratio(found, baseline, oracle, None, half) <= half.allowed
    assert channel_ratio(found, baseline, oracle, None, half) > 2 * half.allowed


def test_padding_is_ignored_in_channels():
    half = PRECISIONS["float16"]
    oracle, baseline = channels(12, np.array([1000.0, 1.0, 1.0, 1.0]))
    mask = np.arange(5) < 3 + np.arange(12)[:, None] % 3
    found = baseline.copy()
    found[..., 2] += np.where(mask, 0, 9)
    assert channel_ratio(found, baseline, oracle, mask, half) <= 1
    assert channel_ratio(found, baseline, oracle, None, half) > half.allowed


def test_an_array_without_channels_has_no_worst_channel():
    one = np.arange(4.0)
    assert channel_ratio(one + 1, one, one, None, PRECISIONS["float32"]) == 0
    assert channel_ratio(DOUBLE[:1], SINGLE, DOUBLE, None, PRECISIONS["float32"]) == 0
