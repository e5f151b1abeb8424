"""Where nodes come from: told by the exporter, by names, or by what stands around a node."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from mqa_onnxruntime.lineage import Descent
from mqa_onnxruntime.origins import NOWHERE, read_origins, source_line

QUERY = Descent(
    ("", "encoder", "encoder.query", "linear"),
    ("a.Model", "a.Encoder", "torch.nn.Linear", "aten.linear"),
    stack_trace='File "bert/modeling.py", line 7, in forward\nFile "torch/nn/linear.py", line 134, in forward',
)
NORM = Descent(("", "encoder", "encoder.norm", "layer_norm"), ("a.Model", "a.Encoder", "torch.nn.LayerNorm", "x"))


def node(name, inputs, outputs):
    return helper.make_node("Identity", inputs, outputs, name=name)


def test_a_node_has_its_modules_their_classes_and_the_line_of_the_models_own_code():
    (origin,) = read_origins([node("one", ["x"], ["y"])], {"one": QUERY})
    assert origin.modules == ("", "encoder", "encoder.query")
    assert [origin.class_of(name) for name in origin.modules] == ["Model", "Encoder", "Linear"]
    assert origin.source == "bert/modeling.py:7"


def test_a_node_without_a_name_goes_by_its_first_output():
    (origin,) = read_origins([node("", ["x"], ["y"])], {"y": QUERY})
    assert origin.modules[-1] == "encoder.query"


def test_the_names_of_other_exporters_tell_modules():
    (origin,) = read_origins([node("/encoder/layer.0/dense/MatMul", ["x"], ["y"])], {})
    assert origin.modules == ("", "encoder", "encoder.layer.0", "encoder.layer.0.dense")
    assert origin.class_of("encoder") == ""


def test_a_node_that_a_tool_put_in_belongs_where_its_readers_do():
    nodes = [node("quantize", ["x"], ["q"]), node("scale", ["q"], ["s"]), node("one", ["s"], ["y"])]
    origins = read_origins(nodes, {"one": QUERY})
    assert [origin.modules for origin in origins] == [("", "encoder", "encoder.query")] * 3


def test_readers_in_several_modules_share_what_is_around_both():
    nodes = [node("new", ["x"], ["q"]), node("one", ["q"], ["y"]), node("two", ["q"], ["z"])]
    assert read_origins(nodes, {"one": QUERY, "two": NORM})[0].modules == ("", "encoder")


def test_a_node_that_nobody_reads_belongs_where_its_inputs_come_from():
    nodes = [node("one", ["x"], ["y"]), node("new", ["y"], ["z"])]
    assert read_origins(nodes, {"one": QUERY})[1].modules[-1] == "encoder.query"


def test_of_a_graph_that_tells_nothing_nothing_is_made_up():
    assert read_origins([node("a", ["x"], ["y"]), node("b", ["y"], ["z"])], {}) == [NOWHERE, NOWHERE]


@pytest.mark.parametrize("stack", ["", "no frames", 'File "torch/nn/modules/linear.py", line 3, in forward'])
def test_no_line_is_made_up(stack):
    assert source_line(stack) == ""


@given(st.text(max_size=40))
def test_any_name_of_a_node_is_borne(name):
    (origin,) = read_origins([node(name, ["x"], ["y"])], {})
    assert origin.modules == () or name.startswith("/")
