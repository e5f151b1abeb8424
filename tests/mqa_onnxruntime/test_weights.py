"""Every tensor of a file is one of the model's weights, or it is named."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_onnxruntime.weights import weigh

RNG = np.random.default_rng(7)
MATRIX = RNG.normal(size=(8, 6)).astype(np.float32)
BIAS = RNG.normal(size=40).astype(np.float32)


@pytest.fixture
def found(graph):
    """What is found of a model's weights in a file with these tensors."""
    from onnx import helper, numpy_helper

    def look(model, tensors):
        weights = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
        path = graph([helper.make_node("Neg", ["x"], ["y"])], {"x": [1]}, weights=weights)
        return weigh(path, model.items)

    return look


def test_a_weight_is_known_by_its_numbers_whatever_its_name_and_axes(found):
    weights = found({"matrix": MATRIX, "bias": BIAS}, {"a": MATRIX, "b": BIAS.reshape(1, 40, 1)})
    assert (weights.exact, weights.transposed, weights.cast) == (2, 0, 0)
    assert (weights.unknown, weights.missing, weights.changed) == ((), (), {})
    assert weights.numbers == weights.model_numbers == 88


def test_a_transposed_weight_is_known(found):
    weights = found({"matrix": MATRIX}, {"val_7": np.ascontiguousarray(MATRIX.T)})
    assert (weights.exact, weights.transposed, weights.missing) == (0, 1, ())


@pytest.mark.parametrize("turn", [lambda array: array, np.transpose])
def test_a_weight_in_half_precision_is_known(found, turn):
    half = np.ascontiguousarray(turn(MATRIX.astype(np.float16)))
    assert found({"matrix": MATRIX}, {"m": half}).cast == 1


def test_a_weight_in_bfloat16_is_known(found):
    import ml_dtypes

    assert found({"matrix": MATRIX}, {"m": MATRIX.astype(ml_dtypes.bfloat16)}).cast == 1


def test_two_weights_that_share_their_numbers_are_both_there(found):
    assert found({"embedding": MATRIX, "head": MATRIX}, {"embedding": MATRIX}).missing == ()


def test_one_number_changed_under_the_weights_name_is_seen(found):
    other = BIAS.copy()
    other[3] = np.nextafter(other[3], np.float32(9))
    weights = found({"bias": BIAS, "matrix": MATRIX}, {"bias": other, "matrix": MATRIX})
    assert weights.changed == {"bias": "bias"}
    assert (weights.unknown, weights.missing) == ((), ("bias",))


def test_a_tensor_of_the_shape_of_the_only_missing_weight_stands_in_its_place(found):
    weights = found({"matrix": MATRIX}, {"val_3": np.ascontiguousarray(MATRIX.T) + 1})
    assert weights.changed == {"matrix": "val_3"}


def test_where_it_could_be_either_of_two_nothing_is_said_to_be_in_its_place(found):
    weights = found({"a": MATRIX, "b": MATRIX + 1}, {"val_3": MATRIX + 2})
    assert weights.changed == {}
    assert (weights.unknown, weights.missing) == (("val_3",), ("a", "b"))


FILTERS = RNG.normal(size=(8, 6, 3, 3)).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_normalization_that_was_folded_in_explains_other_values(found, axis):
    scale = RNG.uniform(0.5, 2, FILTERS.shape[axis]).astype(np.float32)
    folded = FILTERS * np.expand_dims(scale, tuple(place for place in range(4) if place != axis))
    weights = found({"conv.weight": FILTERS, "conv.bias": BIAS}, {"conv.weight": folded, "conv.bias": BIAS + 1})
    assert weights.folded == ("conv.weight", "conv.bias")
    assert weights.changed == {"conv.weight": "conv.weight", "conv.bias": "conv.bias"}


def test_what_no_normalization_makes_of_a_weight_is_not_explained_by_one(found):
    other = FILTERS * 2
    other[3, 1, 0, 0] += np.float32(0.01)
    assert found({"conv.weight": FILTERS}, {"conv.weight": other}).folded == ()
    assert found({"conv.bias": BIAS}, {"conv.bias": BIAS * 2}).folded == ()
    assert found({"gain": BIAS[:, None]}, {"gain": BIAS[:, None] + 1}).folded == ()


def test_a_bias_of_zeros_may_be_left_out_and_may_not_be_changed(found):
    zeros = np.zeros(3, np.float32)
    assert found({"matrix": MATRIX, "bias": zeros}, {"matrix": MATRIX}).missing == ()
    assert found({"matrix": MATRIX, "bias": zeros}, {"matrix": MATRIX, "bias": zeros + 1}).changed == {"bias": "bias"}


def test_counters_and_numbers_of_positions_are_no_weights(found):
    assert found({"matrix": MATRIX, "position_ids": np.arange(9)}, {"m": MATRIX}).missing == ()


def test_small_constants_of_a_computation_are_no_strangers(found):
    weights = found({"matrix": MATRIX}, {"m": MATRIX, "epsilon": np.float32(1e-5), "axes": np.arange(99)})
    assert weights.unknown == ()


def test_the_numbers_of_an_export_are_all_the_models(exported, module):
    weights = weigh(exported, lambda: ((name, tensor.detach().numpy()) for name, tensor in module.named_parameters()))
    assert (weights.unknown, weights.missing, weights.changed) == ((), (), {})
    assert weights.exact + weights.transposed == 5
