"""A session that runs on values in a device's memory answers as one that is run plainly; the CPU is a device as well."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_onnxruntime.binding import Binding, Graphs
from mqa_onnxruntime.providers import asked_for, open_session
from mqa_registry import Conditions

NAMES = ["logits", "pooled"]
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4))


@pytest.fixture
def session(tmp_path, exported):
    return open_session(exported, asked_for(Conditions(exports=tmp_path, device="cpu"), None), "all", 1)[0]


def feed(shape, seed=7):
    words = np.random.default_rng(seed).integers(1, 23, size=shape)
    return {"words": words, "mask": np.ones(shape, np.int64)}


def same(found, wanted):
    assert all((one == other).all() for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5)])
def test_bound_values_give_the_same_answers(session, shape):
    same(Binding(session, "cpu").run(NAMES, feed(shape)), session.run(NAMES, feed(shape)))


def test_outputs_come_in_the_order_in_which_they_are_named(session):
    wanted = session.run(NAMES, feed((2, 3)))
    same(Binding(session, "cpu").run(NAMES[::-1], feed((2, 3))), wanted[::-1])
    same(Graphs(Binding(session, "cpu")).run(NAMES[::-1], feed((2, 3))), wanted[::-1])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(runs=st.lists(st.tuples(SHAPES, st.integers(0, 9)), max_size=8), most=st.sampled_from([0, 1, 64]))
def test_whatever_was_run_before_every_answer_is_its_own(session, runs, most):
    graphs = Graphs(Binding(session, "cpu"), most)
    found = [graphs.run(NAMES, feed(shape, seed)) for shape, seed in runs]
    for outputs, (shape, seed) in zip(found, runs, strict=True):
        same(outputs, session.run(NAMES, feed(shape, seed)))
    assert len(graphs.captured) == min(most, len({shape for shape, _ in runs}))


def test_inputs_of_the_same_shapes_share_a_graph_and_its_addresses(session, monkeypatch):
    import onnxruntime

    graphs = Graphs(Binding(session, "cpu"))
    graphs.run(NAMES, feed((2, 3), 1))
    (captured,) = graphs.captured.values()
    places = [value.data_ptr() for value in (*captured.inputs.values(), *captured.outputs)]
    monkeypatch.setattr(onnxruntime.OrtValue, "ortvalue_from_numpy", None)  # no other value is made
    same(graphs.run(NAMES, feed((2, 3), 2)), session.run(NAMES, feed((2, 3), 2)))
    assert places == [value.data_ptr() for value in (*captured.inputs.values(), *captured.outputs)]


def test_graphs_have_numbers_of_their_own(session):
    graphs = Graphs(Binding(session, "cpu"))
    for shape in [(1, 2), (2, 2), (3, 2)]:
        graphs.run(NAMES, feed(shape))
    assert [one.number for one in graphs.captured.values()] == [0, 1, 2]


@pytest.mark.parametrize("graphs", [False, True])
def test_what_is_given_is_left_as_it_is(session, graphs):
    binding = Binding(session, "cpu")
    runner, inputs = Graphs(binding) if graphs else binding, feed((2, 3), 1)
    before = {name: array.copy() for name, array in inputs.items()}
    runner.run(NAMES, inputs)
    runner.run(NAMES, feed((2, 3), 2))
    assert all((inputs[name] == before[name]).all() for name in before)
