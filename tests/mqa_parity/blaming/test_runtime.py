"""Faults of ONNX Runtime itself, put between a file and its sessions: an optimizer's, and a kernel's."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from mqa_onnxruntime.reopening import FOLDER, Source


def optimized(source, graph, optimization, without):
    """The graph that ONNX Runtime makes of a graph."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        for data in source.path.parent.glob("*.data"):
            shutil.copy(data, folder)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.optimized_model_filepath = f"{folder}/optimized.onnx"
        levels = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = {
            "basic": levels.ORT_ENABLE_BASIC, "extended": levels.ORT_ENABLE_EXTENDED, "all": levels.ORT_ENABLE_ALL,
        }[optimization]  # fmt: skip
        if graph:
            options.add_session_config_entry(FOLDER, str(source.path.parent))
        providers = ["CPUExecutionProvider"]
        onnxruntime.InferenceSession(
            graph or str(source.path), options, providers=providers, disabled_optimizers=list(without)
        )
        return onnx.load(f"{folder}/optimized.onnx")


def faulty_optimizer(kind, number):
    """Sessions in which one of the nodes of a kind that optimizers make has another weight."""

    class Faulty(Source):
        def _session(self, graph, optimization, without, severity, profile):
            if optimization == "disabled" or severity < 4:
                return super()._session(graph, optimization, without, severity, profile)
            model = optimized(self, graph, optimization, without)
            made = [node for node in model.graph.node if node.op_type == kind]
            weights = {one.name: one for one in model.graph.initializer if len(one.dims) == 1}
            for node in made[number : number + 1]:
                place = next(place for place, name in enumerate(node.input) if name in weights)
                array = numpy_helper.to_array(weights[node.input[place]])
                noise = np.linspace(-0.1, 0.1, len(array), dtype=np.float32)
                model.graph.initializer.append(numpy_helper.from_array(array + noise, "damaged"))
                node.input[place] = "damaged"
            return super()._session(model.SerializeToString(), "disabled", (), severity, profile)

    return Faulty


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
    ("kind", "number", "optimizer", "module"),
    [
        ("BiasGelu", 1, "BiasGeluFusion", "bert.encoder.layer.1.intermediate.intermediate_act_fn"),
        ("SkipLayerNormalization", 2, "SkipLayerNormFusion", "bert.encoder.layer.1.attention.output.LayerNorm"),
    ],
)
def test_a_fused_kernels_fault_is_its_optimizers_and_has_its_module(blamed, kind, number, optimizer, module):
    found = blamed("bert", source=faulty_optimizer(kind, number))
    assert (found.kind, found.optimizer, found.module) == ("pass", optimizer, module)
    assert "from the level `extended` on" in found.reason
    assert found.evidence()["optimizer"] == optimizer


def test_a_kernel_that_the_reference_of_onnx_contradicts_is_to_blame_itself(blamed):
    found = blamed("bert", source=faulty_kernel("gelu_2"))
    assert (found.kind, found.module) == ("kernel", "bert.encoder.layer.2.intermediate.intermediate_act_fn")
    assert found.nodes == ("node_gelu_2",)


def test_where_optimizers_are_blamed_the_file_itself_is_sound(lab, reference, candidate, batches):
    held = candidate(lab("bert").path, faulty_optimizer("BiasGelu", 0))
    assert isinstance(held.source.path, Path)
    right = reference(lab("bert").module).run(batches[1])["logits"]
    with held.variant(optimization="disable") as plain:
        assert np.abs(plain.run(batches[1])["logits"] - right).max() < 1e-4
    assert np.abs(held.run(batches[1])["logits"] - right).max() > 1e-3
