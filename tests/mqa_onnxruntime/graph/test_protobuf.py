"""Walking an ONNX model: what is in subgraphs and functions counts, and element types have the standard's numbers."""

from __future__ import annotations

import pytest
from onnx import TensorProto, helper, numpy_helper

from mqa_onnxruntime.graph.protobuf import (
    FLOATS,
    PRECISIONS,
    ElementType,
    all_nodes,
    copy_message,
    named_tensors,
    read_names,
    rename_values,
    subgraphs,
    type_name,
    value_types,
    with_inferred_types,
)


def tensor(name, values=(1.0,)):
    return helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)


@pytest.fixture
def model():
    """`y` is `x` plus one, or minus `offset`, which the subgraphs read from outside."""
    one = helper.make_node("Constant", [], ["one"], name="one", value=tensor("value"))
    branches = [
        helper.make_graph(
            [one, helper.make_node("Add", ["x", "one"], ["sum"], name="add")],
            "then",
            [],
            [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1])],
        ),
        helper.make_graph(
            [helper.make_node("Sub", ["x", "offset"], ["rest"], name="sub")],
            "else",
            [],
            [helper.make_tensor_value_info("rest", TensorProto.FLOAT, [1])],
            [tensor("inner")],
        ),
    ]
    choose = helper.make_node("If", ["flag"], ["y"], name="if", then_branch=branches[0], else_branch=branches[1])
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]),
        helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])]
    return helper.make_model(helper.make_graph([choose], "g", inputs, outputs, [tensor("offset", (2.0,))]))


@pytest.mark.parametrize("kind", ElementType)
def test_element_types_have_the_numbers_of_the_standard(kind):
    assert getattr(TensorProto, kind.name) == kind


def test_a_type_is_named_as_numpy_names_it_and_others_as_the_standard_does():
    assert [type_name(kind) for kind in (1, 7, 10, 16, 21)] == ["float32", "int64", "float16", "bfloat16", "uint4"]
    assert type_name(TensorProto.STRING) == "string"
    assert {PRECISIONS[kind] for kind in FLOATS} == {"float32", "float16", "bfloat16", "float64"}


def test_nodes_and_tensors_of_subgraphs_are_found(model):
    assert {node.name for node in all_nodes(model)} == {"if", "one", "add", "sub"}
    found = {name: numpy_helper.to_array(one).tolist() for name, one in named_tensors(model)}
    assert found == {"offset": [2.0], "one": [1.0], "inner": [1.0]}
    assert [graph.name for graph in subgraphs(model.graph.node[0])] == ["else", "then"]


def test_a_node_reads_what_its_subgraphs_read(model):
    assert set(read_names(model.graph.node[0])) == {"flag", "x", "one", "offset"}


def test_a_value_is_renamed_everywhere_and_the_original_of_a_copy_stays(model):
    copy = copy_message(model)
    rename_values(copy.graph, {"x": "input", "offset": "bias", "y": "output", "sum": "total"})
    assert set(read_names(copy.graph.node[0])) == {"flag", "input", "one", "bias"}
    assert [value.name for value in copy.graph.input] == ["input", "flag"]
    assert [value.name for value in copy.graph.output] == ["output"]
    assert [one.name for one in copy.graph.initializer] == ["bias"]
    assert {"total", "rest"} == {graph.output[0].name for graph in subgraphs(copy.graph.node[0])}
    assert set(read_names(model.graph.node[0])) == {"flag", "x", "one", "offset"}


def test_types_that_are_not_declared_are_inferred_as_far_as_that_goes():
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT16, ["n"])]
    outputs = [helper.make_tensor_value_info("z", TensorProto.FLOAT16, None)]
    nodes = [helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Frobnicate", ["y"], ["z"], domain="mine")]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    model = helper.make_model(helper.make_graph(nodes, "g", inputs, outputs), opset_imports=opsets)
    assert value_types(model) == {"z": 10}
    assert value_types(with_inferred_types(model)) == {"y": 10, "z": 10}
