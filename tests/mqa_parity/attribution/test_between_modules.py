"""What other tools put into a graph between its modules, and modules that are not in it, are named as what they are."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper

from mqa_onnxruntime.graph.provenance import resolve_provenance


def modules_of(found, graph):
    return [one.modules for one in resolve_provenance(graph.graph.node, found.descents)]


def last_value(found, graph, module):
    """The place of a module's last node."""
    return max(place for place, names in enumerate(modules_of(found, graph)) if module in names)


def put_after(graph, place, nodes):
    """Nodes behind another one: what read its output reads that of the last of them."""
    value = graph.graph.node[place].output[0]
    for node in graph.graph.node:
        for number, name in enumerate(node.input):
            if name == value:
                node.input[number] = nodes[-1].output[0]
    nodes[0].input[0] = value
    for offset, node in enumerate(nodes, 1):
        graph.graph.node.insert(place + offset, node)


def constant(graph, name, value):
    graph.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))


def scaled(graph):
    constant(graph, "surgery_factor", np.float32(1.003))
    return [helper.make_node("Mul", ["", "surgery_factor"], ["surgery_out"], name="surgery")]


def clipped(graph):
    constant(graph, "least", np.float32(-0.5))
    constant(graph, "most", np.float32(0.5))
    return [helper.make_node("Clip", ["", "least", "most"], ["surgery_out"], name="surgery")]


def quantized(graph):
    constant(graph, "step", np.float32(0.05))
    constant(graph, "zero", np.int8(0))
    return [
        helper.make_node("QuantizeLinear", ["", "step", "zero"], ["rounded"], name="rounding"),
        helper.make_node("DequantizeLinear", ["rounded", "step", "zero"], ["surgery_out"], name="surgery"),
    ]


@pytest.fixture
def bert(copied, lab):
    """A graph to change, and the export that it is of."""
    return copied("bert", "graph"), lab("bert")


@pytest.mark.parametrize("put", [scaled, clipped, quantized])
@pytest.mark.parametrize(
    ("module", "after"),
    [
        ("bert.encoder.layer.1", "bert.encoder.layer.2"),
        ("bert.encoder.layer.0.attention.output.dense", "bert.encoder.layer.0.attention.output"),
        ("bert.encoder.layer.1.intermediate.dense", "bert.encoder.layer.1.intermediate.intermediate_act_fn"),
        ("bert.pooler", "classifier"),
    ],
)
def test_a_node_inserted_after_a_module_is_named_and_not_the_next_module(bert, attributed, put, module, after):
    graph, found = bert
    put_after(graph, last_value(found, graph, module), put(graph))
    found = attributed("bert", graph)
    assert found.kind == "exporter"
    assert (found.module, found.node_names[-1]) == ("", "surgery")
    assert f"between `{module}" in found.reason
    assert f" and `{after}" in found.reason
    assert "the file agrees" in found.reason


def test_a_node_inserted_in_a_module_is_named_with_it(copied, lab, attributed):
    graph = copied("bert", "graph")
    norm = "bert.encoder.layer.1.output"
    adding = next(
        place
        for place, names in enumerate(modules_of(lab("bert"), graph))
        if names and names[-1] == norm and graph.graph.node[place].op_type == "Add"
    )
    put_after(graph, adding, clipped(graph))
    found = attributed("bert", graph)
    assert (found.kind, found.node_names) == ("exporter", ("surgery",))


@pytest.mark.parametrize("layer", [1, 2])
def test_a_missing_layer_is_named_and_not_the_next_one(copied, lab, attributed, layer):
    graph = copied("bert", "graph")
    module = f"bert.encoder.layer.{layer}"
    names = modules_of(lab("bert"), graph)
    inside = [place for place, one in enumerate(names) if module in one]
    before = graph.graph.node[last_value(lab("bert"), graph, f"bert.encoder.layer.{layer - 1}")].output[0]
    value = graph.graph.node[inside[-1]].output[0]
    for node in graph.graph.node:
        for number, name in enumerate(node.input):
            if name == value:
                node.input[number] = before
    for place in reversed(inside):
        del graph.graph.node[place]
    found = attributed("bert", graph)
    assert (found.kind, found.module, found.class_name) == ("exporter", module, "BertLayer")
    assert found.evidence()["meaning"] == f"`{module}` is missing in the file"


@pytest.fixture
def scaled(copied):
    """An export whose logits come times a number that is made of the batch's size, which is no module's."""

    def make(number):
        model = copied("bert", "graph")
        graph = model.graph
        next(node for node in graph.node if "logits" in node.output).output[0] = "ours"
        kept = {"nought": np.float32(0), "factor": np.float32(number)}
        graph.initializer.extend(numpy_helper.from_array(np.asarray(one), name) for name, one in kept.items())
        size = next(node for node in graph.node if node.op_type == "Shape").output[0]
        for kind, taken, made in (
            ("Size", [size], "size"),
            ("Mul", ["wide", "nought"], "none"),
            ("Add", ["none", "factor"], "times"),
            ("Mul", ["ours", "times"], "logits"),
        ):
            graph.node.append(helper.make_node(kind, taken, [made], name=f"make_{made}"))
        place = next(place for place, node in enumerate(graph.node) if node.name == "make_none")
        graph.node.insert(place, helper.make_node("Cast", ["size"], ["wide"], name="make_wide", to=1))
        return model

    return make


@pytest.mark.parametrize("number", [1.01, np.nan])
def test_a_fault_after_the_last_module_is_not_taken_for_rounding(attributed, scaled, number):
    found = attributed("bert", scaled(number))
    assert (found.kind, found.module, found.class_name) == ("exporter", "", "BertForSequenceClassification")
    assert found.node_names[-1] == "make_logits"
    assert "all modules agree" in found.reason


def test_an_inner_value_in_place_of_an_output_is_attributed_to_the_signature(attributed, copied):
    model = copied("bert", "graph")
    pooled = next(node for node in model.graph.node if node.op_type == "Tanh").output[0]
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(pooled, 1, None))
    found = attributed("bert", model)
    assert (found.kind, found.module) == ("signature", "")
    assert f"`{pooled}` is not what the model has for `logits`" in found.reason


def test_nothing_is_reported_for_inserted_nodes_without_effect(attributed, scaled):
    assert attributed("bert", scaled(1.0)) is None
