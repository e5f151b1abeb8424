"""A convolution with the normalization behind it folded in: a number that was learned is another, and whose it is."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from mqa_onnxruntime.export.exporters import export
from mqa_parity.attribution.attribute import attribute_difference

LAYER = "resnet.encoder.stages.1.layers.0.layer.0"
CONVOLUTION, NORMALIZATION = f"{LAYER}.convolution", f"{LAYER}.normalization"
WEIGHT, BIAS = f"{CONVOLUTION}.weight", f"{CONVOLUTION}.weight_bias"
SIZES = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}


@pytest.fixture(scope="module")
def batch():
    return {"pixel_values": np.random.default_rng(1).normal(size=(3, 3, 32, 32)).astype(np.float32)}


@pytest.fixture(scope="module")
def exported(batch, tmp_path_factory):
    """A model whose normalizations have learned something, and its export; neither is to be changed."""
    import torch
    import transformers

    torch.manual_seed(7)
    model = transformers.ResNetForImageClassification(transformers.ResNetConfig(**SIZES)).eval()
    with torch.no_grad():
        for name, numbers in (*model.named_parameters(), *model.named_buffers()):
            if "normalization" in name and numbers.is_floating_point():
                numbers.copy_(torch.rand_like(numbers) + 0.5)
    folder = tmp_path_factory.mktemp("resnet")
    export(model, batch, {"pixel_values": (0,)}, folder, None)
    return model, folder / "model.onnx"


@pytest.fixture
def found(exported, reference, candidate, batch):
    """What attribution finds of the export after some initializers were changed, or beside another model."""

    def ask(model=None, graph=None, **changes):
        whole, path = exported
        graph = graph or onnx.load(str(path))
        for tensor in graph.graph.initializer:
            if (change := changes.get({WEIGHT: "weight", BIAS: "bias"}.get(tensor.name, ""))) is not None:
                tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), tensor.name))
        held = replace(candidate(graph, origin=path), inputs={"pixel_values": np.float32})
        return attribute_difference(replace(reference(model or whole), sample=lambda: batch), held, [batch])

    return ask


def one_more(array):
    array.flat[5] += 0.3
    return array


def one_channel_larger(array):
    array[3] *= 1.2
    return array


def test_nothing_is_reported_for_folding(found):
    assert found() is None


def test_a_changed_weight_is_attributed_to_the_convolution(found):
    told = found(weight=one_more)
    assert (told.kind, told.module, told.class_name) == ("weights", CONVOLUTION, "Conv2d")
    assert told.weight == f"{WEIGHT}: {WEIGHT}"
    assert "1 of 1152 numbers differ" in told.reason


def test_a_scaled_channel_is_attributed_to_the_normalization(found):
    told = found(weight=one_channel_larger)
    assert (told.kind, told.module, told.class_name) == ("weights", NORMALIZATION, "BatchNorm2d")
    assert "72 of 1152 numbers differ" in told.reason


def test_a_changed_bias_is_attributed_to_the_normalization(found):
    told = found(bias=one_more)
    assert (told.kind, told.module) == ("weights", NORMALIZATION)
    assert told.weight == f"{BIAS}: {NORMALIZATION}.bias"


@pytest.mark.parametrize(("change", "module"), [(one_more, CONVOLUTION), (one_channel_larger, NORMALIZATION)])
def test_a_weight_and_its_bias_may_both_be_wrong(found, change, module):
    told = found(weight=change, bias=one_more)
    assert (told.kind, told.module, told.weight) == ("weights", module, f"{WEIGHT}: {WEIGHT}")


def folding(model, **others):
    """What folding makes of the convolution where some numbers of the normalization are others."""
    layer, kernel = model.get_submodule(NORMALIZATION), model.get_submodule(CONVOLUTION).weight.detach().numpy()
    numbers = {name: array.numpy().astype(float) for name, array in layer.state_dict().items()}
    numbers = {"eps": layer.eps, **numbers}
    for name, change in others.items():
        numbers[name] = change(numbers[name])
    scale = numbers["weight"] / np.sqrt(numbers["running_var"] + numbers["eps"])
    weight = (kernel * scale[:, None, None, None]).astype(np.float32)
    bias = (numbers["bias"] - numbers["running_mean"] * scale).astype(np.float32)
    return {"weight": lambda _: weight, "bias": lambda _: bias}


SCALED = "another `weight` or `running_var` in 1 of 16 channels would make it so"
MOVED = "another `bias` or `running_mean` would make it so"


@pytest.mark.parametrize(
    ("number", "change", "words"),
    [
        ("eps", lambda _: 1e-3, "an epsilon of 0.001 would make it so, and the model has 1e-05"),
        ("weight", one_more, SCALED),
        ("running_var", one_more, SCALED),
        ("running_mean", one_more, MOVED),
        ("bias", one_more, MOVED),
        ("weight", lambda weight: weight * 1.5, SCALED.replace("1 of", "16 of")),
    ],
)
def test_the_changed_number_of_the_normalization_is_named_where_it_can_be_known(found, exported, number, change, words):
    told = found(**folding(exported[0], **{number: change}))
    kind = "exporter" if number == "eps" else "weights"  # an epsilon is no number that was learned
    assert (told.kind, told.module) == (kind, NORMALIZATION)
    assert told.reason.endswith(f"the module agrees; {words}")


def test_no_number_of_the_normalization_is_named_where_none_explains_the_change(found, exported):
    two = folding(exported[0], weight=one_more, bias=lambda bias: bias + 0.1)
    for changes in (two, {"weight": one_channel_larger}, {"weight": one_more, "bias": one_more}):
        assert found(**changes).reason.endswith("the module agrees")


def test_a_model_that_was_trained_on_has_another_weight(found, exported):
    import torch

    model = copy.deepcopy(exported[0])
    with torch.no_grad():
        weight = model.get_submodule(CONVOLUTION).weight
        weight.copy_(torch.randn_like(weight) * 0.1)
    told = found(model)
    assert (told.kind, told.module) == ("weights", CONVOLUTION)


def test_another_convolution_with_right_weights_is_attributed_to_the_exporter(found, exported):
    graph = onnx.load(str(exported[1]))
    node = next(node for node in graph.graph.node if WEIGHT in node.input)
    pads = next(attribute for attribute in node.attribute if attribute.name == "pads")
    pads.ints[:] = [0, 0, 2, 2]
    told = found(graph=graph)
    assert (told.kind, told.module) == ("exporter", NORMALIZATION)
