"""Which values of a graph are the outputs of which modules, call by call."""

from __future__ import annotations

import pytest
from onnx import TensorProto, helper

from mqa_onnxruntime.graph.module_calls import ModuleIndex
from mqa_onnxruntime.graph.provenance import NodeMetadata, resolve_provenance


def read(*lines, outputs=("out",), types=None):
    """A graph from lines `module: inputs -> output`, in the order of a file."""
    nodes, descents = [], {}
    for number, line in enumerate(lines):
        module, _, rest = line.partition(":")
        inputs, _, output = rest.partition("->")
        nodes.append(helper.make_node("Identity", inputs.split(), output.split(), name=f"n{number}"))
        steps = module.split(".") if module else []
        scopes = ["", *(".".join(steps[: depth + 1]) for depth in range(len(steps))), "op"]
        descents[f"n{number}"] = NodeMetadata(tuple(scopes), tuple("x.Some" for _ in scopes))
    made = [name for node in nodes for name in node.output]
    values = [helper.make_tensor_value_info(name, (types or {}).get(name, TensorProto.FLOAT), None) for name in made]
    results = [value for value in values if value.name in outputs]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("in", 1, None)], results, value_info=values)
    return ModuleIndex(helper.make_model(graph), resolve_provenance(graph.node, descents))


def outputs_of(parts):
    return [(part.module, part.call, part.value) for part in parts]


def test_a_module_gives_the_last_value_that_leaves_it_and_inner_ones_come_first():
    reading = read("a.dense: in -> m", "a.dense: m -> d", "a: d -> r", "b: r -> out")
    assert outputs_of(reading.calls()) == [("a.dense", 0, "d"), ("a", 0, "r"), ("b", 0, "out"), ("", 0, "out")]


def test_further_outputs_of_a_module_are_listed():
    part = next(
        part for part in read("a: in -> cos", "a: in -> sin", "b: cos sin -> out").calls() if part.module == "a"
    )
    assert (part.value, part.others) == ("sin", ("cos",))


def test_a_value_that_stays_inside_is_no_output():
    assert ("a", 0, "kept") not in outputs_of(read("a: in -> kept", "a: kept -> r", "b: r -> out").calls())


def test_integers_are_no_outputs_of_modules():
    reading = read("a: in -> r", "a: in -> shape", "b: r shape -> out", types={"shape": TensorProto.INT64})
    assert ("a", 0, "r") in outputs_of(reading.calls())


def test_calls_of_a_leaf_are_split_by_the_nodes_between():
    reading = read("act: in -> one", "b: one -> two", "act: two -> three", "c: three -> out")
    assert [entry for entry in outputs_of(reading.calls()) if entry[0] == "act"] == [
        ("act", 0, "one"),
        ("act", 1, "three"),
    ]


def test_calls_of_a_module_are_split_where_a_submodule_comes_again():
    calls = [
        f"layer.{part}: {one} -> {one}{part}"
        for one, part in (("in", "q"), ("inq", "k"), ("inqk", "q"), ("inqkq", "k"))
    ]
    reading = read(*calls, outputs=("inqkqk",))
    found = [entry for entry in outputs_of(reading.calls()) if entry[0] == "layer"]
    assert found == [("layer", 0, "inqk"), ("layer", 1, "inqkqk")]


def test_a_given_number_of_calls_of_a_module_is_used():
    reading = read("a: in -> one", "b: one -> two", "a: one two -> r", "c: r -> out")
    assert [entry for entry in outputs_of(reading.calls({"a": 1})) if entry[0] == "a"] == [("a", 0, "r")]
    assert [entry for entry in outputs_of(reading.calls({"a": 3})) if entry[0] == "a"] == []


def test_nodes_between_modules_belong_to_the_module_around_them():
    reading = read("a.dense: in -> d", "a: d in -> sum", "a.norm: sum -> r", "b: r -> out")
    norm = next(part for part in reading.calls() if part.module == "a.norm")
    (maker,) = reading.entry_calls(norm)
    assert (norm.entries, maker.module, maker.value) == (("sum",), "a", "sum")


def test_a_module_may_read_several_values_and_each_has_its_maker():
    reading = read("a: in -> one", "b: in -> two", "c: one two -> out")
    part = next(part for part in reading.calls() if part.module == "c")
    assert part.entries == ("one", "two")
    assert [maker.module for maker in reading.entry_calls(part)] == ["a", "b"]


@pytest.mark.parametrize("module", ["a", ""])
def test_a_module_has_the_class_that_the_exporter_recorded(module):
    part = next(part for part in read("a: in -> r", "b: r -> out").calls() if part.module == module)
    assert part.class_name == "Some"
