"""Columns of blobs: paths, bytes and structs of both become blobs when rows are read, and names where rows are shown."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from mqa_registry.errors import BlobError, NotRunError
from mqa_registry.types import Rows, fingerprint, read_examples
from mqa_registry.types.blob_columns import holds_blobs, holds_bytes, measure_files
from mqa_registry.types.blobs import Blob, BlobFolder

BOTH = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.png").write_bytes(b"aaaa")
    (tmp_path / "b.png").write_bytes(b"bb")
    return BlobFolder(tmp_path)


def rows(column, folder):
    table = pa.table({"id": [f"row-{n}" for n in range(len(column))], "text": ["x"] * len(column), "image": column})
    return Rows(table, ("image", "text"), blobs=("image",), folder=folder)


def columns(folder):
    """The same two images in every form that a column can have."""
    contents, names = [b"aaaa", b"bb"], ["a.png", "b.png"]
    absolute = [str(folder.path / name) for name in names]
    return {
        "paths": pa.array(names),
        "large paths": pa.array(names, pa.large_string()),
        "a dictionary": pa.array(names).dictionary_encode(),
        "absolute paths": pa.array(absolute),
        "bytes": pa.array(contents, pa.binary()),
        "large bytes": pa.array(contents, pa.large_binary()),
        "both": pa.array([{"bytes": one, "path": name} for one, name in zip(contents, names, strict=True)], BOTH),
        "either": pa.array([{"bytes": None, "path": "a.png"}, {"bytes": b"bb", "path": None}], BOTH),
    }


FORMS = list(columns(BlobFolder(Path())))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_examples(folder, form):
    examples = list(rows(columns(folder)[form], folder).examples())
    assert [example["image"].read() for example in examples] == [b"aaaa", b"bb"]
    assert [example["text"] for example in examples] == ["x", "x"]
    paths = list(rows(columns(folder)["paths"], folder).examples())
    assert [fingerprint(one) for one in examples] == [fingerprint(one) for one in paths]


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_another_process_have_the_same_examples_and_names(folder, form):
    whole = rows(columns(folder)[form], folder)
    for one in (whole, whole.with_blob_values(), whole.take([0, 1]).with_blob_values()):
        there = pickle.loads(pickle.dumps(one))
        assert [fingerprint(example) for example in there.examples()] == [fingerprint(row) for row in whole.examples()]
        assert there.with_names().table["image"].to_pylist() == whole.with_names().table["image"].to_pylist()


def test_bytes_are_in_a_pickle_once(folder):
    content = bytes(range(256)) * 400
    read = rows(pa.array([content], pa.binary()), folder).with_blob_values()
    assert len(content) < len(pickle.dumps(read)) < 1.2 * len(content)


@pytest.mark.parametrize("form", FORMS)
def test_reports_have_names_and_no_bytes(folder, form):
    shown = rows(columns(folder)[form], folder).with_names()
    anonymous = [Blob("", b"aaaa").name, Blob("", b"bb").name]
    expected = {"bytes": anonymous, "large bytes": anonymous, "either": ["a.png", anonymous[1]]}
    assert shown.table["image"].to_pylist() == expected.get(form, ["a.png", "b.png"])
    assert [row["image"] for row in shown.whole()] == shown.table["image"].to_pylist()
    assert shown.with_names() is shown


def test_a_missing_file_is_named_and_counts_no_bytes(folder):
    column = pa.chunked_array([["a.png"], ["none.png", "b.png"]])
    assert measure_files(column, folder).tolist() == [4, 0, 2]
    assert rows(column, folder).with_names().table["image"].to_pylist() == ["a.png", "none.png", "b.png"]


def test_bytes_of_other_columns_are_named_too(folder):
    table = pa.table({"id": ["1"], "text": ["x"], "thumbnail": pa.array([b"large"], pa.binary())})
    (row,) = Rows(table, ("text",)).whole()
    assert row["thumbnail"] == Blob("", b"large").name


def test_rows_that_are_taken_keep_their_blobs(folder):
    taken = rows(columns(folder)["paths"], folder).take([1])
    assert [example["image"].name for example in taken.examples()] == ["b.png"]


def test_values_that_a_perturbation_made_are_beside_the_table(folder):
    whole = rows(columns(folder)["paths"], folder)
    made = [{"image": Blob("a.png", b"AAAA")}, {"image": Blob("b.png", b"BB")}]
    perturbed = Rows(whole.with_names().table, whole.fields, blobs=("image",), blob_values=made)
    assert [example["image"].read() for example in perturbed.take([1, 0]).examples()] == [b"BB", b"AAAA"]
    assert perturbed.table["image"].to_pylist() == ["a.png", "b.png"]
    with pytest.raises(NotRunError, match="the values of `image` are not kept after a perturbation"):
        list(perturbed.with_names().examples())


@pytest.mark.parametrize(
    ("kind", "blobs", "large"),
    [
        (pa.string(), True, False),
        (pa.dictionary(pa.int32(), pa.string()), True, False),
        (pa.binary(), True, True),
        (pa.binary(4), True, True),
        (BOTH, True, True),
        (pa.int64(), False, False),
        (pa.list_(pa.uint8()), False, False),
        (pa.struct([("path", pa.string())]), False, False),
        (pa.struct([("bytes", pa.string()), ("path", pa.string())]), False, False),
    ],
)
def test_which_columns_can_be_blobs(kind, blobs, large):
    assert (holds_blobs(kind), holds_bytes(kind)) == (blobs, large)


def test_a_table_is_read_as_a_task_reads_it(folder):
    table = pa.table({"image": ["a.png", "b.png"], "text": ["x", "y"], "other": [1, 2]})
    examples = read_examples(table, {"image": "image", "text": "text", "mask": "image"}, folder.path)
    assert [(one["image"].read(), one["text"]) for one in examples] == [(b"aaaa", "x"), (b"bb", "y")]
    outside = read_examples(pa.table({"image": ["../a.png"]}), {"image": "image"}, folder.path, confined_to=folder.path)
    with pytest.raises(BlobError, match="leads out of"):
        outside[0]["image"].read()


def test_of_no_rows_that_were_perturbed_nothing_has_to_be_read(folder):
    none = rows(pa.array([], pa.string()), folder).with_names()
    assert len(none.with_blob_values()) == 0
