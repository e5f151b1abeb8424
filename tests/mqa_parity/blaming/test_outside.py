"""A difference that begins in no module: in what the model itself makes of what its modules give."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper, numpy_helper


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
def test_what_stands_after_the_last_module_is_not_taken_for_rounding(blamed, scaled, number):
    found = blamed("bert", scaled(number))
    assert (found.kind, found.module, found.class_name) == ("exporter", "", "BertForSequenceClassification")
    assert found.nodes[-1] == "make_logits"
    assert "all modules agree" in found.reason


def test_an_inner_value_in_place_of_an_output_is_of_the_signature(blamed, copied):
    model = copied("bert", "graph")
    pooled = next(node for node in model.graph.node if node.op_type == "Tanh").output[0]
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(pooled, 1, None))
    found = blamed("bert", model)
    assert (found.kind, found.module) == ("signature", "")
    assert f"`{pooled}` is not what the model has for `logits`" in found.reason


def test_nobody_is_blamed_for_what_changes_nothing(blamed, scaled):
    assert blamed("bert", scaled(1.0)) is None
