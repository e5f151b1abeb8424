"""Where nodes come from: told by the exporter, by names, or by what stands around a node."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from mqa_onnxruntime.graph.provenance import (
    UNKNOWN,
    NodeMetadata,
    NodeProvenance,
    align_provenance,
    resolve_provenance,
    source_line,
)

QUERY = NodeMetadata(
    ("", "encoder", "encoder.query", "linear"),
    ("a.Model", "a.Encoder", "torch.nn.Linear", "aten.linear"),
    stack_trace='File "bert/modeling.py", line 7, in forward\nFile "torch/nn/linear.py", line 134, in forward',
)
NORM = NodeMetadata(("", "encoder", "encoder.norm", "layer_norm"), ("a.Model", "a.Encoder", "torch.nn.LayerNorm", "x"))


def node(name, inputs, outputs):
    return helper.make_node("Identity", inputs, outputs, name=name)


def test_a_node_has_its_modules_their_classes_and_the_line_of_the_models_own_code():
    (origin,) = resolve_provenance([node("one", ["x"], ["y"])], {"one": QUERY})
    assert origin.modules == ("", "encoder", "encoder.query")
    assert [origin.class_name(name) for name in origin.modules] == ["Model", "Encoder", "Linear"]
    assert origin.source == "bert/modeling.py:7"


def test_a_node_without_a_name_goes_by_its_first_output():
    (origin,) = resolve_provenance([node("", ["x"], ["y"])], {"y": QUERY})
    assert origin.modules[-1] == "encoder.query"


def test_node_names_of_other_exporters_give_the_modules():
    (origin,) = resolve_provenance([node("/encoder/layer.0/dense/MatMul", ["x"], ["y"])], {})
    assert origin.modules == ("", "encoder", "encoder.layer.0", "encoder.layer.0.dense")
    assert origin.class_name("encoder") == ""


def test_a_node_that_a_tool_inserted_has_the_provenance_of_its_readers():
    nodes = [node("quantize", ["x"], ["q"]), node("scale", ["q"], ["s"]), node("one", ["s"], ["y"])]
    origins = resolve_provenance(nodes, {"one": QUERY})
    assert [origin.modules for origin in origins] == [("", "encoder", "encoder.query")] * 3


def test_nodes_that_replace_another_have_its_provenance():
    nodes = [
        node("x_QuantizeLinear", ["x"], ["q"]),
        node("linear_18_MatMul_quant", ["q"], ["p"]),
        node("linear_18_Add", ["p"], ["y"]),
        node("norm", ["y"], ["z"]),
    ]
    origins = resolve_provenance(nodes, {"linear": NORM, "linear_18": QUERY, "norm": NORM})
    assert [origin.modules[-1] for origin in origins] == ["encoder.query"] * 3 + ["encoder.norm"]


def test_a_numeric_suffix_is_another_node():
    nodes = [node("linear_1_MatMul", ["x"], ["y"]), node("norm", ["y"], ["z"])]
    assert resolve_provenance(nodes, {"linear": QUERY, "norm": NORM})[0].modules[-1] == "encoder.norm"


def test_readers_in_several_modules_share_what_is_around_both():
    nodes = [node("new", ["x"], ["q"]), node("one", ["q"], ["y"]), node("two", ["q"], ["z"])]
    assert resolve_provenance(nodes, {"one": QUERY, "two": NORM})[0].modules == ("", "encoder")


def test_a_node_without_readers_has_the_provenance_of_its_inputs():
    nodes = [node("one", ["x"], ["y"]), node("new", ["y"], ["z"])]
    assert resolve_provenance(nodes, {"one": QUERY})[1].modules[-1] == "encoder.query"


def test_a_graph_without_metadata_has_no_provenance():
    assert resolve_provenance([node("a", ["x"], ["y"]), node("b", ["y"], ["z"])], {}) == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("stack", ["", "no frames", 'File "torch/nn/modules/linear.py", line 3, in forward'])
def test_no_line_is_made_up(stack):
    assert source_line(stack) == ""


MODULES = ("encoder", "encoder.query", "encoder.norm", "head")


def test_a_model_that_was_exported_inside_of_another_keeps_its_own_names():
    origin = NodeProvenance(
        ("", "wrapped", "wrapped.encoder", "wrapped.encoder.query"), ("W", "a.Model", "a.Encoder", "b.Linear")
    )
    (found,) = align_provenance([origin], MODULES)
    assert found.modules == ("", "encoder", "encoder.query")
    assert [found.class_name(name) for name in found.modules] == ["Model", "Encoder", "Linear"]


def test_a_part_that_was_exported_has_the_names_that_it_has_in_the_model():
    (found,) = align_provenance([NodeProvenance(("", "query"), ("a.Encoder", "b.Linear"))], MODULES)
    assert found.modules == ("encoder", "encoder.query")


@pytest.mark.parametrize(("file", "model"), [("m.n.", ""), ("", "inner.net."), ("m.", "inner.net."), ("a.b.c.", "d.")])
def test_wrappers_of_several_levels_on_either_side_are_seen_through(file, model):
    names = ("encoder", "encoder.query", "encoder.query.norm", "head")
    origins = [NodeProvenance(("", f"{file}{name}")) for name in names]
    found = align_provenance(origins, [f"{model}{name}" for name in names])
    assert [one.modules[-1] for one in found] == [f"{model}{name}" for name in names]


MODULE = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)


@given(names=st.lists(MODULE, min_size=2, max_size=5, unique=True))
def test_a_model_of_one_layer_inside_of_another_keeps_its_name_whatever_the_names_are(names):
    """TorchScript names a layer `/wrapper/layer/MatMul`: nothing but the last part of that is a name of the model."""
    wrapper, layer, *others = names
    origins = resolve_provenance([node(f"/{wrapper}/{layer}/MatMul", ["x"], ["y"])], {})
    (found,) = align_provenance(origins, [layer, *others])
    assert found.modules == ("", layer)


def test_a_prefix_that_fits_every_module_is_no_match():
    origins = [NodeProvenance(("", "query")), NodeProvenance(("", "norm"))]
    names = [one.modules for one in align_provenance(origins, ["encoder", "encoder.query", "head"])]
    assert names == [("encoder", "encoder.query"), ("encoder", "encoder.norm")]


ALIGN = """
from mqa_onnxruntime.graph.provenance import NodeProvenance, align_provenance
names = ("a.x", "b.x", "c.y")
print(align_provenance([NodeProvenance(("", name)) for name in names], ["p.x", "q.x", "r.y", "s"]))
"""


def test_names_are_aligned_alike_in_every_process():
    """Sets of strings have another order in each, and nothing here tells which of several prefixes is meant."""

    def align(seed):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", ALIGN]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert len({align(str(seed)) for seed in range(6)}) == 1


def test_a_container_that_is_never_called_is_part_of_the_name():
    shared = ["stem", "body", "head"]
    modules = ["towers.0.query", "towers.0.norm", "towers.1.norm", *shared]
    origins = [NodeProvenance(("", name)) for name in ("query", "norm", *shared)]
    names = [one.modules[-1] for one in align_provenance(origins, modules)]
    assert names == ["towers.0.query", "norm", *shared]  # `norm` may be either


def test_a_numbered_module_comes_with_the_name_of_its_container():
    nodes = [node("/stem/stem.0/stem.0.1/Conv", ["x"], ["y"]), node("/layers.0.1/layers.0.1.2/Conv", ["y"], ["z"])]
    found = resolve_provenance(nodes, {})
    assert found[0].modules == ("", "stem", "stem.0", "stem.0.1")
    assert found[1].modules == ("", "layers.0.1", "layers.0.1.2")


def test_names_of_the_models_modules_stay():
    origins = [NodeProvenance(("", "encoder", "encoder.query")), NodeProvenance(("", "head")), UNKNOWN]
    assert align_provenance(origins, MODULES) == origins
    assert align_provenance(origins, ()) == origins


@given(st.text(max_size=40))
def test_any_name_of_a_node_is_accepted(name):
    (origin,) = resolve_provenance([node(name, ["x"], ["y"])], {})
    assert origin.modules == () or name.startswith("/")
