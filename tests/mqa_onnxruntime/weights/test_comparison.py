"""Every tensor of a file is one of the model's weights, or it is named."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_onnxruntime.weights.comparison import compare_weights
from mqa_registry import BatchNorm

RNG = np.random.default_rng(7)
MATRIX = RNG.normal(size=(8, 6)).astype(np.float32)
BIAS = RNG.normal(size=40).astype(np.float32)
OTHER = RNG.normal(size=(8, 6)).astype(np.float32)


@pytest.fixture
def found(graph):
    """What is found of a model's weights in a file with these tensors."""
    from onnx import helper, numpy_helper

    def look(model, tensors):
        weights = [numpy_helper.from_array(array, name) for name, array in tensors.items()]
        path = graph([helper.make_node("Neg", ["x"], ["y"])], {"x": [1]}, weights=weights)
        return compare_weights(path, model.items)

    return look


def test_a_weight_is_recognized_by_its_numbers_whatever_its_name_and_axes(found):
    weights = found({"matrix": MATRIX, "bias": BIAS}, {"a": MATRIX, "b": BIAS.reshape(1, 40, 1)})
    assert (weights.exact, weights.transposed, weights.cast) == (2, 0, 0)
    assert (weights.unknown, weights.missing, weights.changed) == ((), (), {})
    assert weights.elements == weights.model_elements == 88


def test_a_transposed_weight_is_recognized(found):
    weights = found({"matrix": MATRIX}, {"val_7": np.ascontiguousarray(MATRIX.T)})
    assert (weights.exact, weights.transposed, weights.missing) == (0, 1, ())


@pytest.mark.parametrize("turn", [lambda array: array, np.transpose])
def test_a_weight_in_half_precision_is_recognized(found, turn):
    half = np.ascontiguousarray(turn(MATRIX.astype(np.float16)))
    assert found({"matrix": MATRIX}, {"m": half}).cast == 1


def test_a_weight_in_bfloat16_is_recognized(found):
    import ml_dtypes

    assert found({"matrix": MATRIX}, {"m": MATRIX.astype(ml_dtypes.bfloat16)}).cast == 1


def test_two_equal_weights_are_both_found(found):
    assert found({"embedding": MATRIX, "head": MATRIX}, {"embedding": MATRIX}).missing == ()


def test_one_number_changed_under_the_weights_name_is_seen(found):
    other = BIAS.copy()
    other[3] = np.nextafter(other[3], np.float32(9))
    weights = found({"bias": BIAS, "matrix": MATRIX}, {"bias": other, "matrix": MATRIX})
    assert weights.changed == {"bias": "bias"}
    assert (weights.unknown, weights.missing) == ((), ("bias",))


def test_a_tensor_of_the_shape_of_the_only_missing_weight_is_paired_with_it(found):
    weights = found({"matrix": MATRIX}, {"val_3": np.ascontiguousarray(OTHER.T)})
    assert weights.changed == {"matrix": "val_3"}
    assert weights.differences == ()


def test_of_two_tensors_of_the_missing_weights_shape_neither_is_paired_with_it(found):
    weights = found({"a": MATRIX, "b": MATRIX**2}, {"val_3": OTHER})
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


def test_a_weight_that_no_normalization_gives_is_not_explained_by_folding(found):
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


def test_small_constants_are_not_unknown_tensors(found):
    weights = found({"matrix": MATRIX}, {"m": MATRIX, "epsilon": np.float32(1e-5), "axes": np.arange(99)})
    assert weights.unknown == ()


def test_every_weight_of_an_export_matches(exported, module):
    weights = compare_weights(
        exported, lambda: ((name, tensor.detach().numpy()) for name, tensor in module.named_parameters())
    )
    assert (weights.unknown, weights.missing, weights.changed) == ((), (), {})
    assert weights.exact + weights.transposed == 5


# Differences, which are certain whether a row makes use of them or not


def reasons(weights):
    return {one.tensor: (one.weight, one.reason) for one in weights.differences}


TABLE = RNG.normal(size=(400, 8)).astype(np.float32)


@pytest.mark.parametrize("name", ["embedding.weight", "model.embedding.weight", "val_3"])
@pytest.mark.parametrize("turn", [lambda array: array, np.transpose])
def test_one_changed_row_of_a_table_is_reported(found, name, turn):
    other = TABLE.copy()
    other[371] += np.float32(0.46)
    weights = found({"embedding.weight": TABLE, "head": MATRIX}, {name: turn(other), "head": MATRIX})
    weight, reason = reasons(weights)[name]
    assert weight == "embedding.weight"
    assert reason.endswith("differ, by 0.46 at most; the first is 371") or "of 8 rows differ, by 0.46" in reason
    assert weights.changed == {"embedding.weight": name}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_is_reported_in_a_weight_and_in_an_unknown_tensor(found, bad):
    other = TABLE.copy()
    other[3, 1] = bad
    assert reasons(found({"table": TABLE}, {"t": other}))["t"] == ("table", "1 of 3,200 numbers are NaN or Inf")
    stranger = OTHER.copy()
    stranger[2, 2] = bad
    assert reasons(found({"table": TABLE}, {"t": TABLE, "s": stranger}))["s"] == ("", "1 of 48 numbers are NaN or Inf")


def test_the_infinities_of_a_mask_are_sound(found):
    mask = np.triu(np.full((9, 9), -np.inf, np.float32), 1)
    assert found({"table": TABLE}, {"t": TABLE, "mask": mask}).differences == ()


def test_weights_under_each_others_names_are_reported(found):
    weights = found({"a": MATRIX, "b": OTHER}, {"a": OTHER, "b": MATRIX})
    assert reasons(weights) == {"a": ("a", "it is `b`"), "b": ("b", "it is `a`")}


@pytest.mark.parametrize("weights", [np.float32, np.float16])
def test_weights_rounded_to_fewer_bits_than_the_file_has_are_reported(found, weights):
    import ml_dtypes

    rounded = TABLE.astype(ml_dtypes.bfloat16).astype(weights)
    weight, reason = reasons(found({"table": TABLE}, {"t": rounded}))["t"]
    assert weight == "table"
    assert reason.startswith("it is rounded to bfloat16, by 0.0")


def test_numbers_clipped_to_the_range_of_float16_match(found):
    weight = TABLE * np.float32(1e-8)
    weight[0] = 3e5
    half = np.clip(weight, -1e4, 1e4)
    half[np.abs(half) < 1e-7] = np.copysign(np.float32(1e-7), half[np.abs(half) < 1e-7])
    assert found({"table": weight}, {"t": half.astype(np.float16)}).differences == ()


def test_a_step_of_half_precision_is_sound_and_two_are_not(found):
    half = TABLE.astype(np.float16)
    next_ = np.nextafter(half, np.float16(9))
    assert found({"t": TABLE}, {"t": half}).cast == 1
    assert found({"t": half.astype(np.float32)}, {"t": next_}).differences == ()
    assert reasons(found({"t": half.astype(np.float32)}, {"t": np.nextafter(next_, np.float16(9))}))["t"]


@pytest.mark.parametrize(
    ("made", "known"),
    [
        (lambda: np.concatenate([MATRIX, OTHER]), "rows"),
        (lambda: np.concatenate([MATRIX, OTHER]).T, "columns"),
        (lambda: MATRIX[[3, 1, 0, 2, 4, 5, 7, 6]][:6], "cut and in another order"),
        (lambda: MATRIX * np.float32(0.125), "scaled"),
        (lambda: 1 + MATRIX, "shifted"),
        (lambda: np.concatenate([MATRIX, OTHER]).astype(np.float16), "in half precision"),
    ],
)
def test_weights_as_exporters_and_optimizers_rewrite_them_match(found, made, known):
    weights = found({"a": MATRIX, "b": OTHER}, {"val_1": np.ascontiguousarray(made())})
    assert (weights.differences, weights.unknown) == ((), ()), known
    assert weights.derived == ("val_1",)


def test_stacked_weights_with_some_other_rows_are_reported(found):
    fused = np.concatenate([MATRIX, OTHER])
    fused[3] += 1
    assert "of no weight of the model" in reasons(found({"a": MATRIX, "b": OTHER}, {"qkv": fused}))["qkv"][1]


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_constants_that_share_a_few_numbers_with_weights_do_not_match(found, dtype):
    """Cosines near 1 become 1 in 16 bits, masks are zeros and ones: so are weights that were not trained."""
    angles = np.outer(np.arange(12), 10.0 ** -np.arange(8))
    mask = np.where(np.tri(12, dtype=bool), 0.0, np.finfo(np.float16).min)
    mask[0] = 1.0
    padded = np.concatenate([np.zeros((1, 12)), RNG.normal(size=(30, 12))])
    tensors = {"cosines": np.cos(angles), "mask": mask, "rows": np.repeat([np.zeros(12), np.arange(12.0)], 8, axis=0)}
    weights = {"norm.weight": np.ones(16), "norm.bias": np.zeros(16), "embedding": padded}
    here = {name: array.astype(dtype) for name, array in tensors.items()}
    assert found({name: array.astype(np.float32) for name, array in weights.items()}, here).differences == ()


def test_16_bit_numbers_that_a_large_model_has_by_chance_do_not_match(found):
    vectors = {f"layer.{number}.bias": RNG.normal(size=20_000).astype(np.float32) for number in range(4)}
    chance = {"constant": RNG.normal(size=400).astype(np.float16)}
    assert np.isin(chance["constant"], np.concatenate(list(vectors.values())).astype(np.float16)).mean() > 0.9
    weights = found(vectors, chance)
    assert (weights.differences, weights.derived, weights.unknown) == ((), (), ("constant",))


def test_concatenated_biases_in_16_bits_match_and_changed_ones_are_reported(found):
    parts = {f"{name}.bias": RNG.normal(size=40).astype(np.float32) for name in "qkv"}
    fused = np.concatenate(list(parts.values())).astype(np.float16)
    assert found(parts, {"qkv": fused}).derived == ("qkv",)
    changed = fused.copy()
    changed[50:60] += np.float16(0.3)
    (difference,) = found(parts, {"qkv": changed}).differences
    assert difference.tensor == "qkv"


def test_a_layout_with_the_channels_last_is_sound(found):
    assert found({"conv.weight": FILTERS}, {"w": np.ascontiguousarray(FILTERS.transpose(0, 2, 3, 1))}).transposed == 1


CHANNELS = 8
NORM = {
    "bn.weight": RNG.uniform(0.5, 2, CHANNELS).astype(np.float32),
    "bn.bias": RNG.normal(size=CHANNELS).astype(np.float32),
    "bn.running_mean": RNG.normal(size=CHANNELS).astype(np.float32),
    "bn.running_var": RNG.uniform(0.2, 3, CHANNELS).astype(np.float32),
}


def folded(epsilon=1e-5):
    """A convolution's weight and bias with the normalization after it folded in."""
    scale = NORM["bn.weight"] / np.sqrt(NORM["bn.running_var"] + np.float32(epsilon))
    return FILTERS * scale[:, None, None, None], NORM["bn.bias"] - NORM["bn.running_mean"] * scale


@pytest.fixture
def convolved(graph):
    """What is found of a convolution and its normalization in a file that has one convolution of some numbers."""
    from onnx import helper, numpy_helper

    def look(weight, bias):
        node = helper.make_node("Conv", ["x", "onnx::Conv_1", "onnx::Conv_2"], ["y"])
        weights = [numpy_helper.from_array(weight, "onnx::Conv_1"), numpy_helper.from_array(bias, "onnx::Conv_2")]
        model = {"conv.weight": FILTERS, **NORM}
        return compare_weights(graph([node], {"x": [1, 6, 9, 9]}, weights=weights), model.items)

    return look


@pytest.mark.parametrize("kind", [np.float32, np.float16])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-3, 0.07])
def test_a_folded_normalization_explains_weights_and_biases_of_any_name(convolved, kind, epsilon):
    weights = convolved(*(array.astype(kind) for array in folded(epsilon)))
    assert weights.folded == ("onnx::Conv_1", "onnx::Conv_2")
    assert (weights.unknown, weights.missing, weights.differences) == ((), (), ())


def folded_by_steps(kind, epsilon=1e-5):
    """The same worked out in 16 bits, where every step is rounded."""
    weight, bias, mean, variance = (NORM[f"bn.{part}"].astype(kind) for part in BatchNorm.PARAMETERS)
    scale = weight / np.sqrt(variance + kind(epsilon))
    assert scale.dtype == kind
    return FILTERS.astype(kind) * scale[:, None, None, None], bias - mean * scale


def test_a_normalization_folded_in_half_precision_matches(convolved):
    weights = convolved(*folded_by_steps(np.float16))
    assert weights.folded == ("onnx::Conv_1", "onnx::Conv_2")
    assert weights.differences == ()


@pytest.mark.parametrize("at", [(2, 0, 0, 0), (5, 3, 1, 1)])
def test_a_number_that_half_precision_does_not_explain_is_reported(convolved, at):
    weight, bias = folded_by_steps(np.float16)
    weight[at] *= np.float16(1.01)  # some ten steps, of a channel whose others are right
    bias[1] += np.float16(0.05)
    differences = reasons(convolved(weight, bias))
    assert differences["onnx::Conv_1"][1] == "1 of 8 channels are not what folding `bn` into it makes of them"
    assert differences["onnx::Conv_2"][1] == "1 of 8 numbers are not what folding `bn` into the layer makes of them"


def test_a_channel_whose_scale_half_precision_does_not_explain_is_reported(convolved):
    weight, bias = folded_by_steps(np.float16)
    weight[2] *= np.float16(1.01)
    differences = reasons(convolved(weight, bias))
    assert differences["onnx::Conv_1"][1] == "1 of 8 channels are not what folding `bn` into it makes of them"


def test_a_channel_or_a_bias_that_no_folding_gives_is_reported(convolved):
    weight, bias = folded()
    weight[2] *= np.float32(1.1)
    bias[5] += 1
    differences = reasons(convolved(weight, bias))
    assert differences["onnx::Conv_1"][1] == "1 of 8 channels are not what folding `bn` into it makes of them"
    assert differences["onnx::Conv_2"][1] == "1 of 8 numbers are not what folding `bn` into the layer makes of them"


@pytest.mark.parametrize("by_channel", [False, True])
def test_quantized_weights_match_within_a_step(tmp_path, by_channel):
    from onnx import TensorProto, helper, load, numpy_helper, save
    from onnxruntime.quantization import quantize_dynamic

    weight = RNG.normal(size=(8, 6)).astype(np.float32)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (("x", 8), ("y", 6))]
    graph = helper.make_graph([node], "g", value[:1], value[1:], [numpy_helper.from_array(weight, "w")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "w.onnx")
    quantize_dynamic(tmp_path / "w.onnx", tmp_path / "q.onnx", per_channel=by_channel)
    sound = compare_weights(tmp_path / "q.onnx", {"dense.weight": weight.T}.items)
    assert (sound.quantized, sound.unknown, sound.missing, sound.differences) == (1, (), (), ())
    model = load(tmp_path / "q.onnx")
    (integers,) = [one for one in model.graph.initializer if one.name == "w_quantized"]
    other = numpy_helper.to_array(integers).copy()
    other[3, 2] += 3
    integers.CopyFrom(numpy_helper.from_array(other, "w_quantized"))
    save(model, tmp_path / "q.onnx")
    ((_, reason),) = reasons(compare_weights(tmp_path / "q.onnx", {"dense.weight": weight.T}.items)).values()
    assert reason.startswith("1 of 8 rows differ")


def test_a_weight_in_a_constant_node_is_compared_too(graph):
    from onnx import helper, numpy_helper

    other = TABLE.copy()
    other[7, 0] += 1
    constant = helper.make_node("Constant", [], ["val_9"], value=numpy_helper.from_array(other))
    path = graph([constant, helper.make_node("Neg", ["x"], ["y"])], {"x": [1]})
    assert reasons(compare_weights(path, {"table": TABLE}.items))["val_9"][0] == "table"


def test_integers_of_a_buffer_are_matched_by_name(found):
    index = np.arange(90).reshape(9, 10)
    other = index.copy()
    other[4, 4] = 0
    model = {"matrix": MATRIX, "position_index": index}
    assert found(model, {"matrix": MATRIX, "position_index": index}).differences == ()
    differences = reasons(found(model, {"matrix": MATRIX, "position_index": other}))
    assert differences == {"position_index": ("position_index", "1 of 90 integers differ")}


def test_the_same_model_after_some_more_training_differs_under_any_name(found):
    trained = TABLE + np.float32(0.05) * RNG.normal(size=TABLE.shape).astype(np.float32)
    assert reasons(found({"table": TABLE}, {"val_1": trained}))["val_1"][0] == "table"


def test_a_number_without_axes_may_be_a_weight_of_one_number(found):
    one = np.array([0.37], np.float32)
    assert (
        found({"matrix": MATRIX, "bias": one}, {"a": MATRIX, "b": one.reshape(()), "half": np.float32(0.5)}).exact == 2
    )
    assert found({"matrix": MATRIX, "scale": one.reshape(())}, {"a": MATRIX, "scale": one}).exact == 2
