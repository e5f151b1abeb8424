"""The folder that shows a difference: small, and worth something without mqa."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from mqa_parity.attribution import reproduction

CUDA = "CUDAExecutionProvider"


@pytest.fixture
def damaged(copied):
    """An export with another GELU in its second layer."""
    graph = copied("bert", "graph")
    node = [node for node in graph.graph.node if node.op_type == "Gelu"][1]
    del node.attribute[:]
    node.attribute.append(onnx.helper.make_attribute("approximate", "tanh"))
    return graph


def run(folder):
    """The script by itself: no path of ours, no module of ours."""
    command = [sys.executable, "-I", "reproduce.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_reproduction_shows_the_difference_without_mqa(attributed, damaged, tmp_path):
    found = attributed("bert", damaged, bundle=lambda _: tmp_path / "out")
    shown = run(tmp_path / "out")
    assert shown.returncode == 1, shown.stderr
    assert "the reference evaluator of ONNX: " in shown.stdout
    assert json.loads((tmp_path / "out" / "attribution.json").read_text()) == found.evidence()


def test_a_reproduction_replaces_that_of_an_earlier_run_and_a_failed_one_leaves_nothing(
    attributed, damaged, tmp_path, monkeypatch
):
    folder = tmp_path / "reproduction" / "out"
    folder.mkdir(parents=True)
    (folder / "old").touch()
    attributed("bert", damaged, bundle=lambda _: folder)
    assert not (folder / "old").exists()

    def fail(test):
        raise OSError("no space left")

    monkeypatch.setattr(reproduction, "_make_criterion", fail)
    with pytest.raises(OSError, match="no space left"):
        attributed("bert", damaged, bundle=lambda _: folder)
    assert list(folder.parent.iterdir()) == [folder]
    assert run(folder).returncode == 1


def test_the_input_is_the_smallest_and_the_graph_the_modules_alone(attributed, damaged, tmp_path):
    attributed("bert", damaged, bundle=lambda _: tmp_path / "out")
    inputs = np.load(tmp_path / "out" / "inputs.npz", allow_pickle=False)
    assert [array.shape for array in inputs.values()] == [(1, 1, 64)]
    piece = onnx.load(tmp_path / "out" / "subgraph.onnx")
    onnx.checker.check_model(piece)
    assert [node.op_type for node in piece.graph.node] == ["Gelu"]


def test_a_repaired_subgraph_shows_no_difference(attributed, damaged, tmp_path):
    attributed("bert", damaged, bundle=lambda _: tmp_path / "out")
    piece = onnx.load(tmp_path / "out" / "subgraph.onnx")
    del piece.graph.node[0].attribute[:]
    onnx.save(piece, tmp_path / "out" / "subgraph.onnx")
    assert run(tmp_path / "out").returncode == 0


def test_the_whole_graph_is_saved_where_no_module_is_at_fault(attributed, copied, tmp_path):
    graph = copied("bert", "graph")
    last = next(node for node in graph.graph.node if "logits" in node.output)
    for place in (1, 2):
        weight = next(one for one in graph.graph.initializer if one.name == last.input[place])
        array = onnx.numpy_helper.to_array(weight)[[1, 0, 2]]
        graph.graph.initializer.append(onnx.numpy_helper.from_array(array, f"swapped {place}"))
        last.input[place] = f"swapped {place}"
    assert attributed("bert", graph, bundle=lambda _: tmp_path / "out").kind == "signature"
    assert run(tmp_path / "out").returncode == 1
    assert set(np.load(tmp_path / "out" / "inputs.npz")) == {"input_ids", "attention_mask"}


def test_an_output_in_another_shape_is_reproduced(attributed, copied, tmp_path):
    graph = copied("bert", "graph")
    next(node for node in graph.graph.node if "logits" in node.output).output[0] = "ours"
    graph.graph.node.append(onnx.helper.make_node("Squeeze", ["ours"], ["logits"], name="squeezed"))
    graph.graph.output[0].type.tensor_type.ClearField("shape")
    assert attributed("bert", graph, bundle=lambda _: tmp_path / "out").kind == "signature"
    shown = run(tmp_path / "out")
    assert shown.returncode == 1
    assert "its shape is (3,), and not (1, 3)" in shown.stdout


def test_an_input_that_crashes_is_cut_to_the_length_that_does(attributed, copied, tmp_path):
    graph = copied("bert", "graph")
    gather = next(node for node in graph.graph.node if "bert.embeddings.position_embeddings.weight" in node.input)
    table = next(one for one in graph.graph.initializer if one.name == gather.input[0])
    table.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(table)[:9].copy(), table.name))
    found = attributed("bert", graph, bundle=lambda _: tmp_path / "out")
    assert (found.kind, found.evidence()["ratio"]) == ("weights", None)
    assert [array.shape for array in np.load(tmp_path / "out" / "inputs.npz").values()] == [(1, 10)]
    shown = run(tmp_path / "out")
    assert shown.returncode == 1
    assert "indices element out of data bounds" in shown.stdout


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (
            "NoSuchExecutionProvider",
            "this ONNX Runtime has no NoSuchExecutionProvider, which the difference was found on",
        ),
        (CUDA, "CUDAExecutionProvider does not start here, and CPUExecutionProvider runs in its place"),
    ],
)
def test_the_script_reports_a_missing_execution_provider(attributed, damaged, tmp_path, real_gpu_names, *, first, told):
    import onnxruntime

    if first == CUDA and (CUDA not in onnxruntime.get_available_providers() or real_gpu_names()):
        pytest.skip("needs an ONNX Runtime with CUDA on a machine where that does not start")
    attributed("bert", damaged, bundle=lambda _: tmp_path / "out")
    session = tmp_path / "out" / "session.json"
    assert json.loads(session.read_text()) == {"providers": [reproduction.CPU], "tf32": False}
    session.write_text(json.dumps({"providers": [first, reproduction.CPU], "tf32": False}))
    shown = run(tmp_path / "out")
    assert shown.returncode == 1, shown.stderr
    assert told in shown.stdout


def test_the_script_imports_nothing_but_numpy_and_onnx():
    tree = ast.parse(reproduction.SCRIPT.read_text())
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    tops = {(node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0] for node in named}
    assert tops <= {"__future__", "json", "sys", "pathlib", "typing", "numpy", "onnxruntime", "onnx"}
