"""An ONNX file is read before it is run: is it one, is it whole, does it stay inside its folder."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_onnxruntime.graph.onnx_file import read_onnx_file
from mqa_registry import DataError


def external(name, location, count=4):
    """A weight whose data lie in another file."""
    from onnx import TensorProto

    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[count], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def weight(name, values):
    from onnx import numpy_helper

    return numpy_helper.from_array(np.asarray(values), name)


def node(*args, **kwargs):
    from onnx import helper

    return helper.make_node(*args, **kwargs)


def test_a_file_is_read_with_its_opset_precision_and_dynamic_axes(graph):
    weights = [weight("w", np.ones(10, np.float16)), weight("axes", np.ones(3, np.int64))]
    path = graph([node("Mul", ["x", "w"], ["y"])], {"x": ["batch", 10]}, weights=weights, opset=19)
    found = read_onnx_file(path)
    assert (found.opset, found.precision, found.files) == (19, "float16", ("given.onnx",))
    assert found.dynamic_axes == {"x": (0,)}


def test_the_bytes_are_those_of_all_files(exported):
    files = sorted(exported.parent.glob("model.onnx*"))
    assert len(files) == 2
    assert read_onnx_file(exported).facts()["bytes"] == sum(file.stat().st_size for file in files)


@pytest.mark.parametrize("name", ["model.onnx", "model.onnx.data"])
def test_any_byte_of_any_file_changes_the_digest(with_data, name):
    path = with_data()
    before = read_onnx_file(path).sha256()
    file = path.with_name(name)
    content, stat = bytearray(file.read_bytes()), file.stat()
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    if name == "model.onnx":  # the last byte is the opset's
        assert read_onnx_file(path).sha256() != before
    else:
        assert read_onnx_file(path).sha256() != before
        assert read_onnx_file(path).facts()["bytes"] == path.stat().st_size + len(content)


def test_the_digest_is_the_same_wherever_the_files_lie(with_data):
    assert read_onnx_file(with_data("here")).sha256() == read_onnx_file(with_data("there")).sha256()


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"no model at all\n" * 20, b"\x08\x0a", b"PK\x03\x04" + b"\x00" * 99]
)
def test_what_is_no_onnx_file_is_refused(tmp_path, content):
    path = tmp_path / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not an ONNX file"):
        read_onnx_file(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_onnx_file(tmp_path / "none.onnx")
    with pytest.raises(DataError, match="cannot be read: it is a folder"):
        read_onnx_file(tmp_path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(exported, tmp_path, share):
    content = exported.read_bytes()
    path = tmp_path / "short.onnx"
    shutil.copy(exported.with_name("model.onnx.data"), tmp_path)
    path.write_bytes(content[: int(share * (len(content) - 8))])  # beyond lie only the opsets
    with pytest.raises(DataError, match="is not an ONNX file"):
        read_onnx_file(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_onnx_file_or_a_data_error(tmp_path, content):
    path = tmp_path / "random.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError):
        read_onnx_file(path)


@pytest.mark.parametrize("location", ["/etc/passwd", "../secret", "a/../../secret", "./../secret"])
def test_weights_outside_of_the_folder_are_refused(graph, tmp_path, location):
    (tmp_path.parent / "secret").write_bytes(bytes(16))
    path = graph([node("Mul", ["x", "w"], ["y"])], {"x": [4]}, weights=[external("w", location)])
    with pytest.raises(DataError, match="outside of its own folder"):
        read_onnx_file(path)


def test_a_link_out_of_the_folder_is_refused(graph, tmp_path):
    outside = tmp_path.parent / "outside.data"
    outside.write_bytes(bytes(16))
    (tmp_path / "w.data").symlink_to(outside)
    path = graph([node("Mul", ["x", "w"], ["y"])], {"x": [4]}, weights=[external("w", "w.data")])
    with pytest.raises(DataError, match="outside of its own folder"):
        read_onnx_file(path)


def test_weights_that_are_missing_are_named(graph):
    path = graph([node("Mul", ["x", "w"], ["y"])], {"x": [4]}, weights=[external("w", "w.data")])
    with pytest.raises(DataError, match=r"in `w\.data`, which is not there"):
        read_onnx_file(path)


def test_weights_deep_inside_of_a_node_count_too(graph, tmp_path):
    from onnx import helper

    inner = helper.make_graph([node("Identity", ["v"], ["z"])], "inner", [], [helper.make_empty_tensor_value_info("z")])
    inner.initializer.append(external("v", "inner.data"))
    constant = node("Constant", [], ["c"], value=external("", "constant.data"))
    choice = node("If", ["condition"], ["y"], then_branch=inner, else_branch=inner)
    path = graph([constant, choice], {"condition": []})
    for name in ("inner.data", "constant.data"):
        (tmp_path / name).write_bytes(bytes(16))
    assert read_onnx_file(path).files == ("given.onnx", "constant.data", "inner.data")
    before = read_onnx_file(path).sha256()
    (tmp_path / "inner.data").write_bytes(bytes(15) + b"\x01")
    assert read_onnx_file(path).sha256() != before
