"""What a file is that somebody took for a model: told by its bytes, whatever it is called."""

from __future__ import annotations

import json
import os
import pickle
import struct
import time

import pytest

from mqa_registry import FileFormat, atomic_folder, file_format
from mqa_registry.files import STALE_AFTER, remove_folder, remove_stale_drafts


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
def test_a_format_is_recognized_by_its_bytes(tmp_path, name, content, kind):
    (tmp_path / name).write_bytes(content)
    assert file_format(tmp_path / name) is kind


def test_what_is_not_there_has_no_format(tmp_path):
    assert file_format(tmp_path / "model.pt") is FileFormat.UNKNOWN


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_the_formats_of_pytorch_are_distinguished(tmp_path):
    import torch

    model, x = torch.nn.Linear(3, 2).eval(), torch.ones(2, 3)
    torch.jit.trace(model, x).save(str(tmp_path / "one.jit"))
    torch.export.save(torch.export.export(model, (x,)), tmp_path / "two.pt2")
    torch.save(model.state_dict(), tmp_path / "three.pt")
    torch.save({"state_dict": model.state_dict()}, tmp_path / "four.ckpt")
    torch.save(model.state_dict(), tmp_path / "five.pt", _use_new_zipfile_serialization=False)
    kinds = [file_format(tmp_path / name) for name in ("one.jit", "two.pt2", "three.pt", "four.ckpt", "five.pt")]
    assert kinds == [FileFormat.TORCHSCRIPT, FileFormat.PROGRAM, *[FileFormat.TORCH_SAVE] * 3]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path):
    with atomic_folder(tmp_path / "made" / "new") as draft:
        (draft / "file").write_text("text")
        assert not (tmp_path / "made" / "new").exists()
    assert (tmp_path / "made" / "new" / "file").read_text() == "text"
    assert names(tmp_path / "made") == ["new"]


def test_of_one_that_fails_nothing_is_left(tmp_path):
    def fail():
        with atomic_folder(tmp_path / "new") as draft:
            (draft / "file").write_text("text")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(tmp_path) == []


def test_a_folder_with_files_is_not_replaced(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine").touch()
    with pytest.raises(OSError, match="not empty"), atomic_folder(tmp_path / "new") as draft:
        (draft / "file").touch()
    assert names(tmp_path) == ["new"]
    assert names(tmp_path / "new") == ["mine"]


def fill(folder, text, **options):
    with atomic_folder(folder, **options) as draft:
        (draft / "file").write_text(text)


@pytest.mark.parametrize(("there", "left"), [("whole", "whole"), ("damaged", "new")])
def test_a_folder_that_is_whole_is_kept_and_a_damaged_one_replaced(tmp_path, there, left):
    fill(tmp_path / "made", there)
    fill(tmp_path / "made", "new", is_whole=lambda folder: (folder / "file").read_text() == "whole")
    assert (tmp_path / "made" / "file").read_text() == left
    assert names(tmp_path) == ["made"]


def test_a_folder_that_cannot_be_moved_is_an_error_whatever_is_whole(tmp_path):
    with (
        pytest.raises(OSError, match="made"),
        atomic_folder(tmp_path / "made", is_whole=lambda folder: True) as draft,
    ):
        draft.rmdir()
    assert names(tmp_path) == []


def test_what_a_killed_process_left_is_removed_and_what_another_writes_is_not(tmp_path):
    for name, age in ((".0123456789ab.tmp", STALE_AFTER + 60), (".ba9876543210.tmp", 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, time.time() - age))
    fill(tmp_path / "made", "new")
    assert names(tmp_path) == [".ba9876543210.tmp", "made"]


def test_a_folder_is_removed_and_one_that_is_not_there_is_no_error(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    for _ in range(2):
        remove_folder(tmp_path / "old")
    assert names(tmp_path) == []


def test_only_stale_drafts_are_removed(tmp_path):
    for name in (".0123456789ab.tmp", ".ba9876543210.tmp", ".other.tmp", "run"):
        (tmp_path / name).mkdir()
    for name in (".0123456789ab.tmp", ".other.tmp", "run"):
        os.utime(tmp_path / name, (0, time.time() - STALE_AFTER - 60))
    remove_stale_drafts(tmp_path)
    assert names(tmp_path) == [".ba9876543210.tmp", ".other.tmp", "run"]
