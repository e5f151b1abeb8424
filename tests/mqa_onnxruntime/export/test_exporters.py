"""An export is as requested, or there is none."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_onnxruntime.export import exporters
from mqa_onnxruntime.export.exporters import dynamic_axes, export
from mqa_onnxruntime.graph.onnx_file import read_onnx_file
from mqa_registry import NotRunError


@pytest.fixture
def traced(model_under_test):
    """A batch of the task, and its axes of no fixed length."""
    rows = model_under_test.codec.encode(model_under_test.task.sample)
    batch = model_under_test.codec.collate(rows)
    return batch, dynamic_axes(rows, batch)


def refuse(reason):
    def exporter(tracing, path):
        path.write_bytes(b"half a file")
        path.with_name("model.onnx.data").write_bytes(b"more")
        raise RuntimeError(f"{reason}\nand much more")

    return exporter


def test_rows_and_whatever_differs_between_them_have_no_fixed_length():
    rows = [{"image": np.zeros((3, 8, width)), "label": np.int64(1)} for width in (5, 7)]
    batch = {"image": np.zeros((2, 3, 8, 7)), "label": np.zeros(2)}
    assert dynamic_axes(rows, batch) == {"image": (0, 3), "label": (0,)}


def test_where_collating_adds_axes_only_the_rows_have_no_fixed_length():
    assert dynamic_axes([{"x": np.zeros(3)}, {"x": np.zeros(5)}], {"x": np.zeros((2, 1, 5))}) == {"x": (0,)}


def test_an_export_has_the_modules_names_and_dynamic_axes(module, traced, tmp_path, capfd):
    batch, axes = traced
    assert export(module, batch, axes, tmp_path, None) == "transformers"
    assert capfd.readouterr() == ("", "")
    assert "[torch.onnx]" in (tmp_path / "export.log").read_text()
    found = read_onnx_file(tmp_path / "model.onnx")
    assert found.dynamic_axes == {"words": (0, 1), "mask": (0, 1)}
    files = {"model.onnx", "model.onnx.data", "model.trace.json", "export.log"}
    assert {file.name for file in tmp_path.iterdir()} == files


def test_where_one_exporter_fails_the_next_one_is_tried(module, traced, tmp_path, monkeypatch, model_under_test):
    import onnxruntime

    monkeypatch.setattr(exporters, "_export_with_transformers", refuse("not this model"))
    assert export(module, *traced, tmp_path, None) == "torch"
    assert "not this model" in (tmp_path / "export.log").read_text()
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert [node.name for node in session.get_outputs()] == ["logits", "pooled"]
    assert read_onnx_file(tmp_path / "model.onnx").dynamic_axes == {"words": (0, 1), "mask": (0, 1)}


def test_where_both_exporters_fail_both_reasons_are_reported_and_no_file_is_left(module, traced, tmp_path, monkeypatch):
    monkeypatch.setattr(exporters, "_export_with_transformers", refuse("no rope"))
    monkeypatch.setattr(exporters, "_export_with_torch", refuse("no scatter"))
    with pytest.raises(NotRunError, match=r"cannot be exported to ONNX \(transformers: no rope; torch: no scatter\)"):
        export(module, *traced, tmp_path, None)
    assert [file.name for file in tmp_path.iterdir()] == ["export.log"]


def test_a_reason_that_both_exporters_share_is_reported_once(module, traced, tmp_path, monkeypatch):
    monkeypatch.setattr(exporters, "_export_with_transformers", refuse("no rope"))
    monkeypatch.setattr(exporters, "_export_with_torch", refuse("no rope"))
    with pytest.raises(NotRunError, match=r"cannot be exported to ONNX \(transformers and torch: no rope\)"):
        export(module, *traced, tmp_path, None)


def test_of_an_error_that_an_exporter_wraps_the_cause_is_reported(module, traced, tmp_path, monkeypatch):
    def wrap(tracing, path):
        raise RuntimeError("\x1b[96mThis is step 1/3 of exporting the model") from ValueError("no rope")

    for name in ("_export_with_transformers", "_export_with_torch"):
        monkeypatch.setattr(exporters, name, wrap)
    with pytest.raises(NotRunError, match=r"ONNX \(transformers and torch: no rope\)"):
        export(module, *traced, tmp_path, None)


def test_a_model_that_does_not_run_on_its_trace_rows_is_reported_as_such(traced, tmp_path):
    import torch

    class Reads(torch.nn.Module):
        def forward(self, words, mask):
            raise ValueError("pixels are missing") from KeyError("pixels")

    with pytest.raises(NotRunError, match=r"traced with \(`words`, `mask`\): pixels are missing") as refused:
        export(Reads(), *traced, tmp_path, None)
    assert "`--data`" in refused.value.hint


def test_exporting_leaves_the_module_unchanged(module, traced, tmp_path, monkeypatch):
    def spoil(tracing, path):
        tracing.module.classifier.bias.data.fill_(99)
        tracing.inputs.clear()
        raise RuntimeError("spoiled")

    for name in ("_export_with_transformers", "_export_with_torch"):
        monkeypatch.setattr(exporters, name, spoil)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    with pytest.raises(NotRunError):
        export(module, *traced, tmp_path, None)
    assert all(value.equal(before[name]) for name, value in module.state_dict().items())


@pytest.fixture
def gives(graph, monkeypatch, tmp_path):
    """Exporters that give a file of this opset, whose inputs have this shape, whatever the request."""

    def give(shape, opset):
        from onnx import TensorProto, helper

        nodes = [helper.make_node("Add", ["words", "mask"], ["logits"])]
        types = dict.fromkeys(("words", "mask", "logits"), TensorProto.INT64)
        content = graph(nodes, dict.fromkeys(("words", "mask"), shape), ["logits"], types=types, opset=opset)
        for name in ("_export_with_transformers", "_export_with_torch"):
            monkeypatch.setattr(exporters, name, lambda tracing, path: path.write_bytes(content.read_bytes()))
        folder = tmp_path / "out"
        folder.mkdir()
        return folder

    return give


def test_an_export_of_fixed_length_is_refused(module, traced, gives):
    with pytest.raises(NotRunError, match="it fixes the length of axis 1 of `words`"):
        export(module, *traced, gives(["batch", 7], 20), None)


def test_an_exporter_that_writes_another_opset_is_refused(module, traced, gives):
    """RunOptions for 16, PyTorch gives 18 for some models, and says nothing."""
    with pytest.raises(NotRunError, match="it gives opset 18 where 16 was requested"):
        export(module, *traced, gives(["batch", "length"], 18), 16)


def test_an_export_has_the_requested_opset(module, traced, tmp_path):
    export(module, *traced, tmp_path, 21)
    assert read_onnx_file(tmp_path / "model.onnx").opset == 21
