"""Faults of ONNX Runtime itself, put between a file and its sessions: an optimizer's, and a kernel's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from mqa_onnxruntime.reopening import Source


def faulty_kernel(value):
    """Sessions in which the GELU that makes a value is another one, however they are opened."""

    class Faulty(Source):
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
def test_a_fused_kernels_fault_is_its_optimizers_and_has_its_module(blamed, faulty_optimizer, made, optimizer, module):
    found = blamed("bert", source=faulty_optimizer(*made))
    assert (found.kind, found.optimizer, found.module) == ("pass", optimizer, module)
    assert "from the level `extended` on" in found.reason
    assert found.evidence()["optimizer"] == optimizer


def test_a_kernel_that_the_reference_of_onnx_contradicts_is_to_blame_itself(blamed):
    found = blamed("bert", source=faulty_kernel("gelu_2"))
    assert (found.kind, found.module) == ("kernel", "bert.encoder.layer.2.intermediate.intermediate_act_fn")
    assert found.nodes == ("node_gelu_2",)


def test_where_optimizers_are_blamed_the_file_itself_is_sound(lab, reference, candidate, batches, faulty_optimizer):
    held = candidate(lab("bert").path, faulty_optimizer("BiasGelu", 0))
    assert isinstance(held.source.path, Path)
    right = reference(lab("bert").module).run(batches[1])["logits"]
    with held.variant(optimization="disable") as plain:
        assert np.abs(plain.run(batches[1])["logits"] - right).max() < 1e-4
    assert np.abs(held.run(batches[1])["logits"] - right).max() > 1e-3
