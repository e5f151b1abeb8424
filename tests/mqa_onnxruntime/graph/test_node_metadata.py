"""What ships says nothing of the machine it was made on; what was there is kept beside it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mqa_onnxruntime.graph.onnx_file import parse_model
from mqa_onnxruntime.graph.provenance import NodeMetadata, move_metadata, read_metadata, trace_file
from mqa_registry import DataError

NAMES = "pkg.torch.onnx."


@pytest.fixture
def path(graph, tmp_path):
    """A file with all that exporters write into one."""
    from onnx import helper

    stack = f'File "{Path(sys.prefix)}/lib/python/site-packages/torch/nn/functional.py", line 9, in gelu\n    return x'
    node = helper.make_node("Gelu", ["x"], ["y"], name="node_gelu", doc_string=stack)
    for key, value in {
        f"{NAMES}name_scopes": "['', 'encoder', 'encoder.act', 'gelu']",
        f"{NAMES}class_hierarchy": "['bert.Bert', 'bert.Encoder', 'torch.nn.GELU', 'aten.gelu.default']",
        f"{NAMES}fx_node": "%gelu : call_function",
        f"{NAMES}stack_trace": stack,
        "namespace": "encoder",
    }.items():
        node.metadata_props.add(key=key, value=value)
    path = graph([node], {"x": ["n"]}, opset=20)
    model = parse_model(path)
    model.doc_string = f"made in {Path.home()}"
    model.metadata_props.add(key="where", value=str(Path.home()))
    model.graph.metadata_props.add(key="pkg.torch.export.graph_signature", value="secret")
    model.graph.input[0].metadata_props.add(key="from", value="secret")
    path.write_bytes(model.SerializeToString())
    return path


def test_a_node_has_its_modules_and_its_source_line(path):
    found = read_metadata(path)["node_gelu"]
    assert found.scopes == ("", "encoder", "encoder.act", "gelu")
    assert found.classes == ("bert.Bert", "bert.Encoder", "torch.nn.GELU", "aten.gelu.default")
    assert found.fx_node == "%gelu : call_function"


def test_moving_the_metadata_writes_a_trace_file(path):
    before = read_metadata(path)
    move_metadata(path)
    assert trace_file(path).is_file()
    assert read_metadata(path) == before
    trace_file(path).unlink()
    assert read_metadata(path) == {}


def test_a_file_without_metadata_names_no_folder_of_its_exporter(path):
    move_metadata(path)
    content = path.read_bytes()
    assert [word for word in (b"secret", b"File", b"encoder", str(Path.home()).encode()) if word in content] == []


def test_neither_file_names_a_folder_of_the_machine(path, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(f"{Path(sys.prefix)}/lib/python/site-packages")
    move_metadata(path)
    content = trace_file(path).read_text()
    assert sys.prefix not in content
    assert read_metadata(path)["node_gelu"].stack_trace.startswith('File "torch/nn/functional.py", line 9, in gelu')


def test_a_source_file_that_no_package_holds_keeps_its_name_alone(graph):
    from onnx import helper

    node = helper.make_node("Neg", ["x"], ["y"], name="n")
    node.metadata_props.add(key=f"{NAMES}stack_trace", value='File "/a/builder/of/ours.py", line 9, in forward')
    assert read_metadata(graph([node], {"x": [1]}))["n"].stack_trace == 'File "ours.py", line 9, in forward'


def test_moving_the_metadata_changes_no_output(path):
    import numpy as np
    import onnxruntime

    def answer():
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return session.run(None, {"x": np.linspace(-2, 2, 5, dtype=np.float32)})[0]

    before = answer()
    move_metadata(path)
    assert (answer() == before).all()


def test_a_file_of_another_exporter_has_no_metadata(graph):
    from onnx import helper

    assert read_metadata(graph([helper.make_node("Neg", ["x"], ["y"])], {"x": [1]})) == {}


@pytest.mark.parametrize("names", ["", "not a list", "['open", "__import__('os')", "{'a': 1}", "(" * 500])
def test_metadata_are_read_and_never_run(graph, names):
    from onnx import helper

    node = helper.make_node("Neg", ["x"], ["y"], name="n")
    node.metadata_props.add(key=f"{NAMES}name_scopes", value=names)
    assert read_metadata(graph([node], {"x": [1]})) in ({}, {"n": NodeMetadata()})


@pytest.mark.parametrize("content", ["", "[]", "{", '{"n": 1}', '{"n": {"scopes": 7}}', "[" * 99_999])
def test_a_damaged_trace_file_is_named(path, content):
    trace_file(path).write_text(content)
    with pytest.raises(DataError, match="is no file of node metadata"):
        read_metadata(path)


def test_every_node_of_an_export_has_its_modules(exported):
    """Nodes that an exporter adds for the shapes of things have none of their own."""
    names = {node.name for node in parse_model(exported).graph.node}
    found = read_metadata(exported)
    assert set(found) <= names
    assert {"inner", "classifier"} <= {scope for metadata in found.values() for scope in metadata.scopes}
    assert all("/" not in line.split('"')[1] or not line.split('"')[1].startswith("/")
               for metadata in found.values() for line in metadata.stack_trace.splitlines() if line.startswith("File"))  # fmt: skip
