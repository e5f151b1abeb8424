"""A loop without end in a file is ended by its time limit and by Ctrl-C, while ONNX Runtime works on it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper


def value(name, kind=TensorProto.FLOAT, shape=("rows", 2)):
    return helper.make_tensor_value_info(name, kind, shape)


def write(path, *nodes, tensors=()):
    graph = helper.make_graph(list(nodes), "graph", [value("x")], [value("y")], list(tensors))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "plain.onnx", helper.make_node("Identity", ["x"], ["y"]))
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Add", ["v", "v"], ["w"])],
        "body",
        [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("v", shape=None)],
        [value("on", TensorProto.BOOL, []), value("w", shape=None)],
    )
    loop = helper.make_node("Loop", ["", "true", "x"], ["y"], body=body)
    write(tmp_path / "endless.onnx", loop, tensors=[helper.make_tensor("true", TensorProto.BOOL, [], [True])])
    np.savez(tmp_path / "rows.npz", x=np.ones((4, 2), np.float32))
    return tmp_path


def start(folder, *options):
    command = [sys.executable, "-m", "mqa_registry.cli", "parity", "plain.onnx", "endless.onnx", "--inputs", "rows.npz"]
    return subprocess.Popen(
        [*command, *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # no thread holds a lock
    )


def test_the_time_limit_ends_an_endless_graph_alone(folder):
    stdout, stderr = (process := start(folder, "--timeout", "5")).communicate(timeout=100)
    assert process.returncode == 3
    assert "was still at work when its time was up" in " ".join(stdout.split())
    assert "nor when it was stopped" not in stderr


def test_ctrl_c_ends_it_at_once(folder):
    process = start(folder)
    assert any(line.startswith("loading onnx") for line in process.stderr)
    time.sleep(3)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr.splitlines()[0]) == (130, "interrupted")
    assert time.monotonic() - pressed < 5
