"""A session, run: its inputs in its own types, its failures told apart."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mqa_onnxruntime.execution_providers import CPU, cpu_request
from mqa_onnxruntime.session.factory import SessionFactory, open_session
from mqa_onnxruntime.session.runner import SessionRunner
from mqa_registry import NotRunError, OutOfMemoryError, RunnerFacts


@pytest.fixture
def run(tmp_path):
    """Opens a file on the CPU and runs it."""

    def opened(path, inputs, batch):
        session, _ = open_session(path, cpu_request())
        return SessionRunner(session, inputs, CPU, 1, {}, RunnerFacts(), SessionFactory(path)).run(batch)

    return opened


def test_inputs_are_given_in_the_sessions_types_and_others_left_out(graph, run):
    from onnx import TensorProto, helper

    types = dict.fromkeys(("x", "y"), TensorProto.INT32)
    path = graph([helper.make_node("Neg", ["x"], ["y"])], {"x": ["n"]}, types=types)
    found = run(path, {"x": np.int32}, {"x": np.array([1, 2], np.int64), "unused": np.zeros(2)})
    assert found["y"].tolist() == [-1, -2]


def test_half_precision_comes_back_as_float32(graph, run):
    from onnx import TensorProto, helper

    path = graph([helper.make_node("Neg", ["x"], ["y"])], {"x": ["n"]}, types=dict.fromkeys("xy", TensorProto.FLOAT16))
    found = run(path, {"x": np.float16}, {"x": np.array([1.5])})
    assert (found["y"].dtype, found["y"].tolist()) == (np.float32, [-1.5])


def test_a_batch_that_does_not_fit_is_out_of_memory(graph, run, capfd):
    from onnx import TensorProto, helper

    path = graph([helper.make_node("Expand", ["one", "shape"], ["y"])], {"one": [1], "shape": ["n"]},
                 types={"shape": TensorProto.INT64})  # fmt: skip
    batch = {"one": np.ones(1, np.float32), "shape": np.array([10**7, 10**7])}
    with pytest.raises(OutOfMemoryError, match="ONNX Runtime ran out of memory"):
        run(path, {"one": np.float32, "shape": np.int64}, batch)
    assert capfd.readouterr() == ("", "")


NODE = "Non-zero status code returned while running MatMul node. Name:'m' Status Message: "
NAMED = "node `m` (MatMul): "


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "/src/bfc_arena.cc:376 void* BFCArena::Alloc(size_t, bool) Failed to allocate memory for requested buffer of size 400\n",
            "Failed to allocate memory for requested buffer of size 400",
        ),
        (
            "CUDA failure 2: out of memory ; GPU=0 ; hostname=secret ; file=x.cc ; line=1",
            "CUDA failure 2: out of memory",
        ),
        ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=secret", "CUBLAS_STATUS_ALLOC_FAILED"),
        ("CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0 ; hostname=secret", "DEVICE_ALLOCATION_FAILED"),
    ],
)
def test_out_of_memory_on_a_gpu_is_recognized_from_any_library(message, expected):
    def fail(*_):
        raise RuntimeError(f"[ONNXRuntimeError] : 1 : FAIL : {NODE}{message}")

    session = SimpleNamespace(get_outputs=list, run=fail)
    with pytest.raises(OutOfMemoryError) as raised:
        SessionRunner(session, {}, CPU, 1, {}, RunnerFacts(), SessionFactory(Path("model.onnx"))).run({})
    assert raised.value.message.startswith(f"ONNX Runtime ran out of memory: {NAMED}")
    assert raised.value.message.endswith(expected)


def test_any_other_failure_is_one_line_with_its_node(graph, run, capfd):
    from onnx import helper

    path = graph([helper.make_node("Add", ["a", "b"], ["y"])], {"a": ["n"], "b": ["m"]})
    with pytest.raises(RuntimeError) as raised:
        run(path, dict.fromkeys("ab", np.float32), {"a": np.ones(2), "b": np.ones(3)})
    expected = str(raised.value)
    assert re.fullmatch(r"ONNX Runtime fails: node `\w*` \(Add\): [^/|]+", expected)
    assert not isinstance(raised.value, OutOfMemoryError)
    assert capfd.readouterr() == ("", "")


def test_a_session_that_changes_its_provider_in_the_middle_is_refused():
    session = SimpleNamespace(
        get_outputs=lambda: [SimpleNamespace(name="y")], run=lambda *_: [np.ones(1)], get_providers=lambda: [CPU]
    )
    runner = SessionRunner(
        session, {}, "CUDAExecutionProvider", 1, {}, RunnerFacts(), SessionFactory(Path("model.onnx"))
    )
    with pytest.raises(NotRunError, match="left `CUDAExecutionProvider` for `CPUExecutionProvider`"):
        runner.run({})
