"""What a file is that somebody took for a model: told by its bytes, whatever it is called."""

from __future__ import annotations

import json
import pickle
import struct

import pytest

from mqa_registry import FileFormat, file_format


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("model.pkl", pickle.dumps([1]), FileFormat.PICKLE),
        ("w.bin", struct.pack("<Q", 2) + json.dumps({}).encode(), FileFormat.SAFETENSORS),
        ("model.h5", b"\x89HDF\r\n\x1a\n...", FileFormat.HDF5),
        ("model.bin", b"GGUF\x03", FileFormat.GGUF),
        ("model", b"\x1c\0\0\0TFL3", FileFormat.TFLITE),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", FileFormat.LFS_POINTER),
        ("model.onnx", b"\x08\x09:", FileFormat.ONNX),
        ("model.pt", b"", FileFormat.UNKNOWN),
        ("model.pt", b"PK\x03\x04 no archive", FileFormat.UNKNOWN),
    ],
)
def test_bytes_tell_a_format(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    assert file_format(tmp_path / name) is kind


def test_what_is_not_there_has_no_format(tmp_path):
    assert file_format(tmp_path / "model.pt") is FileFormat.UNKNOWN


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_what_pytorch_writes_is_told_apart(tmp_path):
    import torch

    model, x = torch.nn.Linear(3, 2).eval(), torch.ones(2, 3)
    torch.jit.trace(model, x).save(str(tmp_path / "one.jit"))
    torch.export.save(torch.export.export(model, (x,)), tmp_path / "two.pt2")
    torch.save(model.state_dict(), tmp_path / "three.pt")
    torch.save({"state_dict": model.state_dict()}, tmp_path / "four.ckpt")
    torch.save(model.state_dict(), tmp_path / "five.pt", _use_new_zipfile_serialization=False)
    kinds = [file_format(tmp_path / name) for name in ("one.jit", "two.pt2", "three.pt", "four.ckpt", "five.pt")]
    assert kinds == [FileFormat.TORCHSCRIPT, FileFormat.PROGRAM, *[FileFormat.TORCH_SAVE] * 3]
