"""A graph that tells nothing of modules: an export that ONNX Runtime has optimized and written down."""

from __future__ import annotations

import onnx
import pytest

from mqa_parity.attribution.anonymous_graph import find_first_missing
from mqa_parity.attribution.attribute import attribute_difference

MODULES = ["layer.0.dense", "layer.0.norm", "layer.1.dense", "layer.1.norm", "layer.2.dense", "layer.2.norm", "head"]


@pytest.mark.parametrize(
    ("there", "named"),
    [
        ({"layer.0.norm"}, "layer.1.norm"),  # a dense is fused away in every layer
        ({"layer.0.dense", "layer.0.norm", "layer.1.dense"}, "layer.1.norm"),
        ({"layer.0.norm", "layer.1.norm", "layer.2.norm"}, "head"),
        (set(), "layer.0.dense"),
        ({"head"}, ""),
    ],
)
def test_the_first_missing_module_is_one_that_other_layers_have(there, named):
    assert find_first_missing(MODULES, there) == named


@pytest.fixture
def optimized(copied, tmp_path):
    """The graph after ONNX Runtime's optimizers, its metadata lost."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    graph = copied("bert", "graph").SerializeToString()
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return onnx.load(tmp_path / "optimized.onnx")


def test_a_fused_norm_is_found_by_its_numbers(lab, reference, candidate, batches, optimized):

    norms = [node for node in optimized.graph.node if node.op_type == "SkipLayerNormalization"]
    next(attribute for attribute in norms[2].attribute if attribute.name == "epsilon").f = 0.1
    found = attribute_difference(reference(lab("bert").module), candidate(optimized), batches, mask="attention_mask")
    assert (found.kind, found.module) == ("exporter", "bert.encoder.layer.1.attention.output.LayerNorm")
    assert found.class_name == "LayerNorm"
    assert "the graph does not tell its modules" in found.reason


def test_an_outer_module_that_passes_an_earlier_value_on_is_skipped(lab, reference, candidate, batches, optimized):
    pooler = next(node for node in optimized.graph.node if node.output[0] == "tanh" or "pooler" in node.name.lower())
    weight = next(one for one in optimized.graph.initializer if one.name in pooler.input and len(one.dims) == 2)
    array = onnx.numpy_helper.to_array(weight).copy()
    array[0] += 0.5
    weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
    found = attribute_difference(reference(lab("bert").module), candidate(optimized), batches, mask="attention_mask")
    assert (found.kind, found.module) == ("weights", "bert.pooler.dense")


@pytest.mark.filterwarnings("ignore")  # tracing says much of itself
@pytest.mark.parametrize("fault", [True, False])
def test_a_weight_is_named_where_torchscript_shows_no_modules(lab, reference, candidate, batches, copied, *, fault):
    import torch

    class Logits(torch.nn.Module):
        def __init__(self, whole):
            super().__init__()
            self.whole = whole

        def forward(self, input_ids, attention_mask):
            return {"logits": self.whole(input_ids=input_ids, attention_mask=attention_mask).logits}

    given = {name: torch.from_numpy(array) for name, array in batches[2].items()}
    script = torch.jit.trace(Logits(lab("bert").module), example_kwarg_inputs=given, strict=False, check_trace=False)
    graph = copied("bert", "graph")
    bias = next(one for one in graph.graph.initializer if one.name.endswith("layer.1.output.LayerNorm.bias"))
    if fault:
        bias.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(bias) + 0.1, bias.name))
    found = attribute_difference(reference(script), candidate(graph), batches[2:], mask="attention_mask")
    if fault:
        name = "whole.bert.encoder.layer.1.output.LayerNorm"
        assert (found.kind, found.module, found.class_name) == ("weights", name, "LayerNorm")
    else:
        assert found is None


def test_a_weight_that_kept_its_name_is_named_though_its_module_was_fused(
    lab, reference, candidate, batches, optimized
):
    name = "bert.encoder.layer.1.intermediate.dense.bias"
    bias = next(one for one in optimized.graph.initializer if one.name == name)
    numbers = onnx.numpy_helper.to_array(bias).copy()
    numbers[5] += 0.2
    bias.CopyFrom(onnx.numpy_helper.from_array(numbers, name))
    found = attribute_difference(reference(lab("bert").module), candidate(optimized), batches, mask="attention_mask")
    assert (found.kind, found.module) == ("weights", "bert.encoder.layer.1.intermediate.dense")
    assert "1 of 64 numbers differ, by 0.2 at most" in found.reason


def test_nothing_is_reported_for_sound_optimizations(lab, reference, candidate, batches, optimized):

    assert (
        attribute_difference(reference(lab("bert").module), candidate(optimized), batches, mask="attention_mask")
        is None
    )


@pytest.fixture
def nameless(copied):
    """The graph as tools leave it that number what they keep."""
    graph = copied("bert", "graph")
    for place, node in enumerate(graph.graph.node):
        node.name = f"n{place}"
        del node.metadata_props[:]
    return graph


def activations(graph):
    """The nodes of the feed-forward layers' activations, in the order of the layers."""
    found = [node for node in graph.graph.node if node.op_type in {"Gelu", "Erf"}]
    assert len(found) >= 2
    return found


@pytest.mark.parametrize("layer", [0, 1])
def test_the_module_is_named_whose_injected_output_makes_the_graph_right(
    lab, reference, candidate, batches, nameless, *, layer
):
    changed = activations(nameless)[layer]
    changed.op_type, changed.domain = "Softsign" if changed.op_type == "Erf" else "Relu", ""
    del changed.attribute[:]
    found = attribute_difference(reference(lab("bert").module), candidate(nameless), batches, mask="attention_mask")
    name = f"bert.encoder.layer.{layer}.intermediate.intermediate_act_fn"
    assert (found.kind, found.module) == ("exporter", name)
    assert "the graph's output is right" in found.reason
    assert found.node_names
