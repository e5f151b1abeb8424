"""Blobs: opened when they are read, known by their content, and the same file whenever they are read."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mqa_registry.errors import BlobError
from mqa_registry.types import Blob, fingerprint
from mqa_registry.types.blobs import is_same_value

NUMBERS = arrays.arrays(
    st.sampled_from(["u1", "<i4", ">i4", "<f4", "<f8", "?"]), arrays.array_shapes(max_dims=3, max_side=4)
)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"pixels")
    return path


def refused(blob: Blob) -> BlobError:
    with pytest.raises(BlobError) as caught:
        blob.read()
    return caught.value


# What tells one example from another.


@pytest.mark.parametrize(
    ("example", "known"),
    [
        ({"text": "tree"}, "89bdcfe5849e7fcc03670358be98859a"),
        ({"text": "Bäume", "stars": 3, "tags": ["a", None], "score": 0.5}, "a4f6864c6b0e3d42e630fc619b9bc61c"),
        ({"raw": b"bytes"}, "716b27c189c94787b42e92c4235b4af1"),
    ],
)
def test_text_plain_values_and_bytes_have_the_fingerprints_that_stored_predictions_are_known_by(example, known):
    assert fingerprint(example).hex() == known


@given(st.binary(max_size=40), st.text(max_size=8), st.text(max_size=8))
def test_equal_content_has_one_fingerprint_whatever_its_name_and_form(content, name, other):
    forms = [Blob(name, content), Blob(other, pa.py_buffer(content)), content]
    assert len({fingerprint({"image": form}) for form in forms}) == 1
    assert all(is_same_value(forms[0], form) for form in forms)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_other_content_has_another_fingerprint(one, other):
    same = fingerprint({"image": Blob("a", one)}) == fingerprint({"image": Blob("a", other)})
    assert same is (one == other)
    assert is_same_value(Blob("a", one), Blob("a", other)) is (one == other)


@given(NUMBERS)
def test_equal_arrays_have_one_fingerprint_however_they_lie_in_memory(array):
    swapped = array.astype(array.dtype.newbyteorder("S"))
    for same in (array.copy(order="F"), np.stack([array, array])[1], swapped):
        assert fingerprint({"image": same}) == fingerprint({"image": array})
        assert is_same_value(same, array)


@pytest.mark.parametrize(
    "other",
    [
        np.arange(6, dtype=np.int32),
        np.arange(6, dtype=np.int32).reshape(3, 2),
        np.arange(6, dtype=np.uint32).reshape(2, 3),
        np.arange(1, 7, dtype=np.int32).reshape(2, 3),
        Blob("", np.arange(6, dtype=np.int32).tobytes()),
    ],
)
def test_another_shape_type_or_value_is_another_array(other):
    array = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert fingerprint({"image": other}) != fingerprint({"image": array})
    assert not is_same_value(other, array)


def test_a_large_array_counts_as_a_whole():
    array = np.zeros(100_000, dtype=np.uint8)
    other = array.copy()
    other[50_000] = 1
    assert fingerprint({"sound": array}) != fingerprint({"sound": other})


# Reading.


def test_a_file_is_read_when_it_is_asked_for(photo):
    blob = Blob("photo.png", photo)
    with blob.open() as file:
        assert file.read() == b"pixels"
    assert (blob.name, blob.size, blob.read(), repr(blob)) == ("photo.png", 6, b"pixels", "Blob('photo.png')")


def test_bytes_without_a_name_are_called_by_their_digest_and_size():
    blob = Blob("", b"pixels")
    assert blob.name == f"{blob.digest[:12]} (6 bytes)"
    assert repr(blob) == "<Blob of 6 bytes>"


@pytest.mark.parametrize("read", ["read", "open", "digest"])
def test_a_file_that_changed_after_its_fingerprint_is_refused_by_name(photo, read):
    blob = Blob("photo.png", photo)
    fingerprint({"image": blob})
    vars(blob)["_digest"] = ""
    photo.write_bytes(b"others")
    os.utime(photo, ns=(1, 1))
    with pytest.raises(BlobError, match=r"`photo\.png` has changed since it was first read"):
        getattr(blob, read)() if read != "digest" else blob.digest


def test_another_process_opens_it_and_knows_that_it_has_changed(photo):
    blob = Blob("photo.png", photo)
    fingerprint({"image": blob})
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).read())"

    def read_there() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([sys.executable, "-c", code], check=False, input=pickle.dumps(blob), capture_output=True)

    assert read_there().stdout == b"b'pixels'\n"
    photo.write_bytes(b"more pixels")
    assert b"`photo.png` has changed" in read_there().stderr


def test_the_error_crosses_processes():
    error = pickle.loads(pickle.dumps(BlobError("a.png", "is missing", hint="look")))
    assert (str(error), error.name, error.reason, error.hint) == ("`a.png` is missing", "a.png", "is missing", "look")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.png", "`none.png` is missing"),
        ("photo.png/deeper", "`photo.png/deeper` is missing"),
        ("folder", "`folder` is a folder, and a file is needed"),
        ("pipe", "`pipe` is a pipe or a device, and may never end"),
        ("/dev/zero", "`/dev/zero` is a pipe or a device, and may never end"),
        ("dangling", "`dangling` is missing"),
        ("circle", "`circle` cannot be read: Too many levels of symbolic links"),
        ("nul\0.png", "cannot be read: embedded null byte"),
        ("x" * 300, "cannot be read: File name too long"),
        ("https://example.org/a.png", "is a URL, and the files of rows are on disk"),
    ],
)
def test_what_is_no_file_is_refused(photo, tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to("circle")
    assert message in refused(Blob(name, tmp_path / name)).message


def test_a_row_with_neither_path_nor_bytes_is_refused():
    assert "the row has neither a path nor bytes" in refused(Blob("", None)).message


def test_a_link_is_followed(photo, tmp_path):
    (tmp_path / "link.png").symlink_to(photo)
    assert Blob("link.png", tmp_path / "link.png").read() == b"pixels"


@pytest.mark.parametrize("name", ["../outside.png", "OUTSIDE", "link.png", "linked/outside.png"])
def test_a_confined_run_opens_nothing_outside_of_its_folder(tmp_path, name):
    outside, folder = tmp_path / "outside.png", tmp_path / "suite"
    folder.mkdir()
    outside.write_bytes(b"secret")
    (folder / "link.png").symlink_to(outside)
    (folder / "linked").symlink_to(tmp_path)
    name = name.replace("OUTSIDE", str(outside))
    assert Blob(name, folder / name).read() == b"secret"
    confined = Blob(name, folder / name, confined_to=Path(os.path.realpath(folder)))
    assert "`--confined` keeps the suite to it" in refused(confined).message
    with pytest.raises(BlobError):
        _ = confined.size


def test_a_confined_run_opens_what_a_link_names_inside_of_its_folder(photo, tmp_path):
    (tmp_path / "link.png").symlink_to(photo)
    assert Blob("link.png", tmp_path / "link.png", confined_to=tmp_path).read() == b"pixels"
