"""A file of fewer bits than PyTorch has: every module errs, and one with a wrong weight errs more than rounding does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mqa_onnxruntime.export.conversion import ExportPrecision, convert
from mqa_onnxruntime.session.factory import SessionFactory
from mqa_onnxruntime.session.int8_sums import sums_saturate

INT8 = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "channels"])
def quantized(request, lab, tmp_path_factory):
    """A BERT of which every matrix is in int8, with one scale each or one for each channel."""
    path = tmp_path_factory.mktemp("quantized") / "model.onnx"
    convert(ExportPrecision("int8-dynamic", request.param), lab("bert").path, path)
    return onnx.load(str(path))


@pytest.fixture
def exact_sums(request):
    """Skips wrong weights of channels where sums of products in 8 bits saturate, as on x86 processors with AVX2 and no VNNI.

    With a scale for each channel, weights use all 8 bits: modules err by more than by a wrong weight, and precision is then
    the cause to be found.
    """
    if not request.node.callspec.params["quantized"]:
        return
    if sums_saturate():
        pytest.skip("sums of products in 8 bits saturate on this processor")


def copy_of(graph):
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    return copy


def matrices(graph):
    """The weights of few bits that are multiplied with, by their names."""
    known = {one.name for one in graph.graph.initializer if one.data_type in INT8 and len(one.dims) == 2}
    return [name for node in graph.graph.node if "MatMul" in node.op_type for name in node.input if name in known]


def test_rounding_alone_is_attributed_to_precision(quantized, attributed):
    found = attributed("bert", quantized)
    assert found.kind == "precision"
    # Rows are in uint8 and weights in int8; which module errs most, and by which of the two, differs from processor to processor.
    assert re.search("`u?int8`", found.reason)
    assert found.module


@pytest.mark.usefixtures("exact_sums")
@pytest.mark.parametrize("place", [0, 4, 9])
@pytest.mark.parametrize("part", ["_quantized", "_scale"])
def test_a_weight_that_is_more_than_rounded_is_named_with_its_module(quantized, attributed, place, part):
    damaged = copy_of(quantized)
    name = matrices(damaged)[place]
    wanted = name.removesuffix("_quantized") + part
    tensor = next(one for one in damaged.graph.initializer if one.name == wanted)
    array = numpy_helper.to_array(tensor)
    tensor.CopyFrom(numpy_helper.from_array((array * 0.6).astype(array.dtype), wanted))
    found = attributed("bert", damaged)
    assert (found.kind, found.weight) == ("weights", f"{name}: weight")
    assert found.module.startswith("bert.encoder.layer.")
    assert found.class_name == "Linear"
    assert "of its steps off" in found.reason


@pytest.mark.usefixtures("exact_sums")
@pytest.mark.parametrize("module", ["bert.pooler.dense", "classifier"])
def test_a_product_and_its_bias_that_were_one_node_keep_their_module(quantized, attributed, module):
    damaged = copy_of(quantized)
    name = f"{module}.weight_quantized"
    tensor = next(one for one in damaged.graph.initializer if one.name == name)
    tensor.CopyFrom(numpy_helper.from_array((numpy_helper.to_array(tensor) * 0.6).astype(np.int8), name))
    found = attributed("bert", damaged)
    assert (found.kind, found.module, found.weight) == ("weights", module, f"{name}: weight")


def faulty_kernel(value):
    """Sessions in which the GELU that makes a value is another one, however they are opened."""

    class Faulty(SessionFactory):
        def _session(self, graph, optimization, without, severity, profile):
            model = onnx.load_from_string(graph) if graph else onnx.load(str(self.path), load_external_data=False)
            for node in model.graph.node:
                if value in node.output:
                    del node.attribute[:]
                    node.attribute.append(helper.make_attribute("approximate", "tanh"))
            return super()._session(model.SerializeToString(), optimization, without, severity, profile)

    return Faulty


@pytest.mark.parametrize(
    ("made", "optimizer", "module"),
    [
        (("BiasGelu", 1), "BiasGeluFusion", "bert.encoder.layer.1.intermediate.intermediate_act_fn"),
        (("SkipLayerNormalization", 2), "SkipLayerNormFusion", "bert.encoder.layer.1.attention.output.LayerNorm"),
    ],
)
def test_a_fault_of_a_fused_kernel_is_attributed_to_its_optimizer_and_module(
    attributed, faulty_optimizer, made, optimizer, module
):
    found = attributed("bert", source=faulty_optimizer(*made))
    assert (found.kind, found.optimizer, found.module) == ("optimizer", optimizer, module)
    assert "from the level `extended` on" in found.reason
    assert found.evidence()["optimizer"] == optimizer


def test_a_kernel_that_differs_from_the_reference_evaluator_is_at_fault(attributed):
    found = attributed("bert", source=faulty_kernel("gelu_2"))
    assert (found.kind, found.module) == ("kernel", "bert.encoder.layer.2.intermediate.intermediate_act_fn")
    assert found.node_names == ("node_gelu_2",)


def test_where_optimizers_are_at_fault_the_file_itself_is_sound(lab, reference, candidate, batches, faulty_optimizer):
    held = candidate(lab("bert").path, faulty_optimizer("BiasGelu", 0))
    assert isinstance(held.source.path, Path)
    right = reference(lab("bert").module).run(batches[1])["logits"]
    with held.variant(optimization="disabled") as plain:
        assert np.abs(plain.run(batches[1])["logits"] - right).max() < 1e-4
    assert np.abs(held.run(batches[1])["logits"] - right).max() > 1e-3
