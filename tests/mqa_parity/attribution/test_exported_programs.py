"""An exported program, which remembers its modules or has lost them: a weight's own name says where it is all the same."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import onnx
import pytest
from mqa_torch.exported_program import to_module
from mqa_torch.model_sources import set_evaluation_mode
from onnx import numpy_helper

from mqa_onnxruntime.export.exporters import export
from mqa_parity.attribution.attribute import attribute_difference

LAYERS = 6  # all of one shape: far more ways to put one weight in another's place than are tried


@pytest.fixture(scope="module")
def batch():
    return {"x": np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)}


@pytest.fixture(scope="module", params=[True, False], ids=["remembered", "lost"])
def exported(request, batch, tmp_path_factory):
    """A program, with its modules or without them, and the export of the model that it was made of."""
    import torch

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.outer = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)

        def forward(self, x):
            return x + self.outer(torch.tanh(self.inner(x)))

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(*(Layer() for _ in range(LAYERS)))

        def forward(self, x):
            return {"logits": self.layers(x)}

    torch.manual_seed(7)
    whole, folder = Whole().eval(), tmp_path_factory.mktemp("program")
    export(whole, batch, {"x": (0,)}, folder, None)
    program = torch.export.export(whole, (torch.from_numpy(batch["x"]),))
    for node in program.graph.nodes if not request.param else ():
        node.meta.pop("nn_module_stack", None)
    return set_evaluation_mode(to_module(program)), folder / "model.onnx"


@pytest.mark.parametrize("part", ["layers.0.inner.weight", "layers.0.inner.bias", f"layers.{LAYERS - 1}.outer.weight"])
def test_a_wrong_weight_is_named_with_the_module_that_it_was_in(exported, reference, candidate, batch, part):
    model, path = exported
    graph = onnx.load(str(path))
    tensor = next(one for one in graph.graph.initializer if one.name == part)
    array = numpy_helper.to_array(tensor).copy()
    array.flat[3] += 0.2
    tensor.CopyFrom(numpy_helper.from_array(array, part))
    held = replace(candidate(graph, origin=path), inputs={"x": np.float32})
    found = attribute_difference(replace(reference(model), sample=lambda: batch), held, [batch])
    assert (found.kind, found.module) == ("weights", part.rpartition(".")[0])
    assert found.weight.startswith(f"{part}: ")
    reader = next(node.name for node in graph.graph.node if part in node.input)
    assert (found.class_name, found.evidence()["node"]) == ("Linear", reader)


@pytest.fixture(scope="module")
def hiding(batch, tmp_path_factory):
    """A program of which a part is hidden, as it was traced without gradients, and which names neither of its outputs."""
    import torch

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.shown = torch.nn.Linear(8, 8), torch.nn.Linear(8, 3)

        def forward(self, x):
            with torch.no_grad():
                share = torch.softmax(self.hidden(x), -1)
            return self.shown(x * share), (x * share).sum(-1)

    torch.manual_seed(7)
    whole, folder = Whole().eval(), tmp_path_factory.mktemp("hiding")
    given, rows = (torch.from_numpy(batch["x"]),), ({0: torch.export.Dim("rows")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            whole, given, folder / "model.onnx", input_names=["x"], output_names=["scores", "total"],
            dynamic_shapes=rows, dynamo=True, verbose=False,
        )  # fmt: skip
    program = torch.export.export(whole, given, dynamic_shapes=rows)
    return set_evaluation_mode(to_module(program)), folder / "model.onnx"


@pytest.mark.parametrize("part", ["hidden", "shown"])
def test_a_wrong_weight_of_a_hidden_part_is_named_too(hiding, reference, candidate, batch, part):
    model, path = hiding
    held = replace(reference(model), sample=lambda: batch)
    assert held.module_names() == ["shown"]
    graph = onnx.load(str(path))
    tensor = next(one for one in graph.graph.initializer if one.name == f"{part}.bias")
    array = numpy_helper.to_array(tensor).copy()
    array[1] += 0.3
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    found = attribute_difference(held, replace(candidate(graph), inputs={"x": np.float32}), [batch])
    assert (found.kind, found.module, found.class_name) == ("weights", part, "Linear" if part == "shown" else "")


def test_unnamed_outputs_are_compared_by_position(hiding, reference, candidate, batch):
    model, path = hiding
    sound = replace(candidate(path), inputs={"x": np.float32})
    assert attribute_difference(replace(reference(model), sample=lambda: batch), sound, [batch]) is None
