"""What ships is known by its stamp, and a file that was changed since is not it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mqa_onnxruntime.graph import read_graph
from mqa_onnxruntime.stamp import stamp_file
from mqa_registry import DataError, NotRunError


@pytest.fixture
def shipped(backend, subject, exported, tmp_path):
    """The folder that `mqa export` fills."""
    return backend.export(subject, tmp_path / "out" / "deep")


def test_a_folder_gets_the_file_with_its_weights_its_descent_and_its_stamp(shipped):
    folder = shipped.files[0].parent
    names = ["model.onnx", "model.onnx.data", "model.trace.json", "model.mqa.json"]
    assert [file.name for file in shipped.files] == names
    assert {file.name for file in folder.iterdir()} == set(names)
    assert shipped.findings == []


def test_a_stamp_says_what_it_is_and_what_it_was_made_of(shipped, subject):
    told = json.loads(stamp_file(shipped.files[0]).read_text())
    assert told == json.loads(json.dumps(shipped.facts))
    assert told["sha256"] == read_graph(shipped.files[0]).sha256()
    assert set(told["files"]) == {"model.onnx", "model.onnx.data"}
    assert told["model"]["digest"] == subject.model.digest
    assert (told["opset"], told["precision"], told["verdict"]) == (20, "float32", None)
    assert set(told["recipe"]["versions"]) == {"torch", "transformers", "onnx", "onnxscript"}
    assert {shape["outcome"] for shape in told["audit"]["shapes"]} == {"agrees"}


def test_nothing_that_ships_names_a_folder_of_this_machine(shipped, exports):
    for file in shipped.files:
        content = file.read_bytes()
        for place in (Path(__file__).parents[2], Path.home(), exports, "site-packages"):
            assert str(place).encode() not in content, (file.name, place)


def test_a_stamped_file_runs_as_long_as_it_is_what_was_stamped(backend, subject, shipped):
    path = shipped.files[0]
    assert backend.identity(subject, path=path)["onnx"] == shipped.facts["sha256"]
    data = path.with_name("model.onnx.data")
    content = bytearray(data.read_bytes())
    content[9] ^= 1
    data.write_bytes(content)
    with pytest.raises(DataError, match=r"is not the file that its stamp `model\.mqa\.json` was made for"):
        backend.identity(subject, path=path)


@pytest.mark.parametrize("content", ["", "{}", "[]", "7", "[" * 99_999])
def test_a_damaged_stamp_is_no_stamp(backend, subject, shipped, content):
    stamp_file(shipped.files[0]).write_text(content)
    with pytest.raises(DataError, match="cannot be read"):
        backend.identity(subject, path=shipped.files[0])


def test_an_export_over_an_older_one_replaces_it(backend, subject, shipped):
    folder = shipped.files[0].parent
    (folder / "model.onnx").write_bytes(b"old")
    (folder / "model.mqa.json").write_text("old")
    again = backend.export(subject, folder)
    assert read_graph(again.files[0]).sha256() == shipped.facts["sha256"]


def test_a_folder_that_cannot_be_written_is_one_line(backend, subject, exported, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotRunError, match="the export cannot be written to"):
        backend.export(subject, tmp_path / "file" / "out")
