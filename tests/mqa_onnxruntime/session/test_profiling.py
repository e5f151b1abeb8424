"""ONNX Runtime's profile, read: the time of each run's kernels by the modules that they came from."""

from __future__ import annotations

import tempfile
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_onnxruntime.execution_providers import CPU
from mqa_onnxruntime.session.factory import SessionConfig, SessionFactory
from mqa_onnxruntime.session.profiling import ModuleProfiler, kernel_times
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_registry import NotRunError, RunnerFacts

BATCH = {"words": np.array([[1, 2, 3], [4, 5, 0]]), "mask": np.array([[1, 1, 1], [1, 1, 0]])}


def event(name, ts, dur):
    return {"cat": "Node", "name": name, "ts": ts, "dur": dur}


def kernel(node, ts, dur):
    return event(f"{node}_kernel_time", ts, dur)


@pytest.fixture
def source(exported):
    return SessionFactory(exported, providers={CPU: {}})


def timed(path, feed, repetitions=2, **settings):
    return ModuleProfiler(SessionFactory(path, SessionConfig(**settings), {CPU: {}})).time_modules(feed, repetitions)


def test_a_run_has_the_kernels_between_its_beginning_and_the_next():
    events = [event("model_run", 10, 9), kernel("a", 11, 2), kernel("b", 14, 3), event("model_run", 30, 5), kernel("a", 31, 4)]  # fmt: skip
    runs = [{"a": 2e-6, "b": 3e-6}, {"a": 4e-6}]
    assert kernel_times(events) == runs
    assert kernel_times(events[::-1]) == runs


def test_events_before_the_first_run_of_a_profile_are_not_counted():
    events = [event("session_initialization", 1, 5), kernel("a", 2, 1), event("model_run", 10, 9), kernel("a", 11, 2)]
    assert kernel_times(events) == [{"a": 2e-6}]
    assert kernel_times([]) == []


def test_a_kernel_that_runs_others_has_their_time_once():
    events = [event("model_run", 0, 50), kernel("if", 10, 20), kernel("inner", 10, 5), kernel("inner", 29, 1), kernel("b", 30, 2)]  # fmt: skip
    assert kernel_times(events) == [{"if": 20e-6, "b": 2e-6}]


def test_a_kernel_that_runs_twice_has_both_times():
    events = [event("model_run", 0, 50), kernel("a", 1, 2), kernel("a", 5, 3)]
    assert kernel_times(events) == [{"a": pytest.approx(5e-6)}]


def test_the_modules_of_an_export_have_times_and_classes(source):
    kernels = ModuleProfiler(source)
    found = kernels.time_modules(BATCH, 3)
    assert {"", "embedding", "inner", "classifier"} <= set(found)
    assert {len(seconds) for seconds in found.values()} == {3}
    assert sum(map(sum, found.values())) > 0
    assert (kernels.class_name("inner"), kernels.class_name("embedding")) == ("Linear", "Embedding")
    assert kernels.class_name("no.such.module") == ""


def test_names_of_pytorch_for_what_is_outside_of_all_modules_are_no_modules(source):
    assert not [name for name in ModuleProfiler(source).time_modules(BATCH, 1) if name.startswith("_empty")]


@pytest.mark.parametrize("optimization", ["disabled", "all"])
def test_a_kernel_belongs_to_its_module_fused_or_not(graph, optimization):
    from onnx import helper, numpy_helper

    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"], name="/dense/MatMul"),
        helper.make_node("Add", ["product", "b"], ["sum"], name="/dense/Add"),
        helper.make_node("Relu", ["sum"], ["y"], name="/act/Relu"),
    ]
    weights = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in (("w", (3, 4)), ("b", 4))]
    path = graph(nodes, {"x": [2, 3]}, weights=weights)
    found = timed(path, {"x": np.ones((2, 3), np.float32)}, optimization=optimization)
    assert set(found) == ({"", "dense", "act"} if optimization == "disabled" else {"", "dense"})


def test_calls_of_one_module_are_one(graph):
    from onnx import helper

    nodes = [helper.make_node("Neg", ["x"], ["a"], name="/neg/Neg"), helper.make_node("Abs", ["a"], ["y"], name="/neg@1/Abs")]  # fmt: skip
    assert set(timed(graph(nodes, {"x": [2]}), {"x": np.ones(2, np.float32)})) == {"", "neg"}


def test_kernels_of_a_graph_without_names_have_no_module(graph):
    from onnx import helper

    path = graph([helper.make_node("Neg", ["x"], ["y"])], {"x": [2]})
    assert set(timed(path, {"x": np.ones(2, np.float32)})) == {""}


def test_a_name_that_is_hostile_stays_a_name(graph):
    from onnx import helper

    name = '/../"}],\n_kernel_time/Neg'
    path = graph([helper.make_node("Neg", ["x"], ["y"], name=name)], {"x": [2]})
    assert sum(timed(path, {"x": np.ones(2, np.float32)})[""]) >= 0


def test_a_run_leaves_no_file_and_prints_nothing(source, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    ModuleProfiler(source).time_modules(BATCH, 1)
    with pytest.raises(Exception, match="words"):
        ModuleProfiler(source).time_modules({"words": np.ones(3)}, 1)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_incomplete_profile_is_not_run(source, monkeypatch):
    monkeypatch.setattr("mqa_onnxruntime.session.profiling.kernel_times", lambda events: [{}])
    with pytest.raises(NotRunError, match="full after 1 of 2 runs"):
        ModuleProfiler(source).time_modules(BATCH, 2)


def test_a_provider_whose_kernels_only_begin_is_not_run(source):
    runner = SessionRunner(SimpleNamespace(), {}, "CUDAExecutionProvider", 1, {}, RunnerFacts(), source)
    with pytest.raises(NotRunError, match="not how long it took"):
        runner.time_modules(BATCH, 1)
