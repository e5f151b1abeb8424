"""A batch normalization by channels: as PyTorch computes it, and as folding moves it into the layer before it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mqa_registry import BatchNorm, channel_factors

CHANNELS = 4


@pytest.fixture
def layers():
    """A convolution with a bias, and the normalization behind it, whose parameters and statistics are learned."""
    import torch

    torch.manual_seed(7)
    convolution, normalization = torch.nn.Conv2d(3, CHANNELS, 3), torch.nn.BatchNorm2d(CHANNELS, eps=1e-3)
    with torch.no_grad():
        for array in (*normalization.parameters(), normalization.running_mean, normalization.running_var):
            array.copy_(torch.rand_like(array) + 0.5)
    return convolution.double().eval(), normalization.double().eval()


def weights_of(module, prefix=""):
    return {f"{prefix}{name}": tensor.detach().numpy() for name, tensor in module.state_dict().items()}


def test_scale_and_shift_are_those_of_pytorch(layers):
    import torch

    normalization = layers[1]
    found = BatchNorm.from_weights(weights_of(normalization, "stem.norm."), "stem.norm")
    found = BatchNorm(found.weight, found.bias, found.running_mean, found.running_var, normalization.eps)
    x = torch.randn(2, CHANNELS, 5, 5, dtype=torch.float64)
    channels = (1, -1, 1, 1)
    expected = normalization(x).detach().numpy()
    np.testing.assert_allclose(found.scale.reshape(channels) * x.numpy() + found.shift.reshape(channels), expected)


def test_a_folded_layer_gives_what_the_two_layers_give(layers):
    import torch

    convolution, normalization = layers
    own = BatchNorm(*(weights_of(normalization)[name] for name in BatchNorm.PARAMETERS), normalization.eps)
    x = torch.randn(2, 3, 7, 7, dtype=torch.float64)
    expected = normalization(convolution(x)).detach().numpy()
    with torch.no_grad():
        convolution.weight.mul_(torch.from_numpy(own.scale).reshape(-1, 1, 1, 1))
        convolution.bias.copy_(torch.from_numpy(own.fold_bias(convolution.bias.numpy())))
    np.testing.assert_allclose(convolution(x).detach().numpy(), expected)


def test_another_scale_makes_another_bias():
    own = BatchNorm(*(np.array([value]) for value in (3.0, 5.0, 2.0, 1.0)), eps=0.0)
    assert own.fold_bias(4.0).tolist() == [11.0]  # (4 - 2) 3 + 5
    assert own.fold_bias(4.0, np.array([10.0])).tolist() == [25.0]
    assert own.shift.tolist() == [-1.0]


@given(st.floats(1e-12, 0.1), arrays(np.float64, CHANNELS, elements=st.floats(0.1, 10)))
def test_a_scale_tells_its_epsilon(eps, values):
    own = BatchNorm(values, values, values, values[::-1], eps)
    np.testing.assert_allclose(own.implied_eps(own.scale), eps, atol=1e-12)


def test_a_variance_of_zero_gives_an_infinite_scale_without_a_warning():
    zeros = np.zeros(2)
    assert BatchNorm(zeros + 1, zeros, zeros, zeros, eps=0.0).scale.tolist() == [np.inf, np.inf]
    assert not np.isfinite(BatchNorm(zeros, zeros, zeros, zeros).implied_eps(zeros)).any()


@pytest.mark.parametrize("lacking", BatchNorm.PARAMETERS)
def test_a_module_without_one_of_the_four_arrays_is_no_batch_normalization(layers, lacking):
    weights = weights_of(layers[1])
    del weights[lacking]
    assert BatchNorm.from_weights(weights) is None


@pytest.mark.parametrize("shape", [(1,), (CHANNELS, 1), ()])
def test_nor_is_one_whose_arrays_are_of_different_shapes(layers, shape):
    weights = weights_of(layers[1])
    assert BatchNorm.from_weights(weights | {"bias": np.ones(shape)}) is None
    assert BatchNorm.from_weights(dict.fromkeys(weights, np.ones((CHANNELS, 1)))) is None
    assert BatchNorm.from_weights(weights, "other") is None


def test_its_arrays_are_float64_whatever_the_models_are(layers):
    half = {name: array.astype(np.float16) for name, array in weights_of(layers[1]).items()}
    assert BatchNorm.from_weights(half).scale.dtype == np.float64


def test_factors_are_found_by_channel():
    weight = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    folded = weight * np.array([[2.0], [5.0], [-3.0]]) + np.array([[0.0], [0.0], [0.5]]) * [0, 1, 1]
    assert channel_factors(weight, folded).tolist() == [2.0, 0.0, -3.0]
