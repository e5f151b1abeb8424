"""The calls that a graph remembers: nested, repeated, torn apart by a pass, or not at all."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mqa_torch.call_tree import STACK, Call, build_call_tree


def graph_of(*stacks):
    """A chain of nodes; each stack is the modules around a node, such as `a a.b`, or nothing where it does not say."""
    import torch

    graph = torch.fx.Graph()
    node = graph.placeholder("x")
    for stack in stacks:
        node = graph.call_function(operator.neg, (node,))
        if stack is not None:
            names = ["", *stack.split()]
            node.meta[STACK] = {name: (name.partition("@")[0], f"kinds.{name.upper()}") for name in names}
    graph.output((node,))
    return graph


def summarize(call):
    """Its modules, with the number of nodes directly in each."""
    inner = [summarize(step) for step in call.steps if isinstance(step, Call)]
    return (call.module, sum(isinstance(step, str) for step in call.steps), *inner)


def test_calls_are_nested_as_their_modules_are():
    assert summarize(build_call_tree(graph_of("a", "a a.b", "a", "", "c"))) == ("", 3, ("a", 2, ("a.b", 1)), ("c", 1))


def test_every_call_of_a_module_is_a_separate_call():
    assert summarize(build_call_tree(graph_of("a", "a@1 a.b", "a@2"))) == (
        "",
        2,
        ("a", 1),
        ("a", 0, ("a.b", 1)),
        ("a", 1),
    )


def test_the_nodes_of_a_split_call_belong_to_the_call_around_it():
    assert summarize(build_call_tree(graph_of("a a.b", "a a.c", "a a.b"))) == ("", 2, ("a", 2, ("a.c", 1)))


def test_a_node_without_a_stack_belongs_to_the_open_call():
    assert summarize(build_call_tree(graph_of("a", None, "a"))) == ("", 2, ("a", 3))
    assert summarize(build_call_tree(graph_of(None, None))) == ("", 4)


def test_the_inputs_of_a_call_are_read_in_it_and_its_outputs_outside():
    call = next(iter(build_call_tree(graph_of("", "a", "a", "")).descendants()))
    assert (call.class_name, call.inputs, call.outputs) == ("A", ("neg",), ("neg_2",))


def test_a_stack_without_the_model_itself_is_ignored():
    graph = graph_of("a", "a", "a")
    made = list(graph.nodes)[2]
    made.meta[STACK] = {"_made_by_a_pass": ("_made_by_a_pass", "_made_by_a_pass")}
    assert summarize(build_call_tree(graph)) == ("", 2, ("a", 3))


@pytest.mark.parametrize("names", [["a@b@c"], ["@"], [" "]])
def test_names_may_be_any_text(names):
    assert build_call_tree(graph_of(*names)).steps


@given(st.lists(st.sampled_from([None, "", "a", "a a.b", "a@1", "a@1 a.b", "c a", "a.b"]), max_size=12))
def test_every_node_runs_once_and_in_order(stacks):
    graph = graph_of(*stacks)

    def steps(call):
        return [name for step in call.steps for name in (steps(step) if isinstance(step, Call) else [step])]

    assert steps(build_call_tree(graph)) == [node.name for node in graph.nodes]


def test_a_call_gives_the_first_of_several_outputs_of_an_operator():
    import torch

    graph = torch.fx.Graph()
    chunks = graph.call_function(torch.chunk, (graph.placeholder("x"), 2))
    first, second = (graph.call_function(operator.getitem, (chunks, index)) for index in (0, 1))
    total = graph.call_function(operator.add, (first, second))
    graph.output((total,))
    for node in (chunks, first, second):
        node.meta[STACK] = {"": ("", "Model"), "a": ("a", "Chunk")}
    total.meta[STACK] = {"": ("", "Model")}
    (call,) = build_call_tree(graph).descendants()
    assert (call.inputs, call.outputs) == (("x",), (first.name,))
