"""Rows of arrays in a `.npz`; that the options of a table's file reach `mqa_registry.open_table`."""

from __future__ import annotations

import pickle
import typing
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mqa_datasets.files import rows_in_file, rows_of_arrays
from mqa_registry import DataError, RunContext
from mqa_registry.options import read_options
from mqa_registry.types.tables.read import FORMATS
from tests.stand_ins import read_all


@pytest.fixture
def read(tmp_path):
    def rows(**arrays):
        np.savez(tmp_path / "rows.npz", **arrays)
        return rows_of_arrays(RunContext(tmp_path), path=tmp_path / "rows.npz")

    return rows


def test_every_array_is_an_input_with_one_entry_a_row(read):
    table = read(input_ids=np.arange(6).reshape(2, 3), pixels=np.ones((2, 1, 2, 2), np.float32))
    assert table.column_names == ["inputs"]
    assert table.column("inputs")[1].as_py() == {"input_ids": [3, 4, 5], "pixels": [[[1.0, 1.0], [1.0, 1.0]]]}


def test_ids_and_targets_become_columns(read):
    table = read(x=np.zeros((2, 1)), id=np.array(["a", "b"]), target=np.array([0, 1]))
    assert table.select(["id", "target"]).to_pylist() == [{"id": "a", "target": 0}, {"id": "b", "target": 1}]


@settings(max_examples=50, deadline=None)
@given(
    array=hnp.arrays(
        st.sampled_from([np.int64, np.float32, np.bool_, np.uint8]), hnp.array_shapes(max_dims=4, max_side=4)
    )
)
def test_an_array_keeps_its_values_and_shape(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("arrays") / "rows.npz"
    np.savez(path, x=array)
    rows = rows_of_arrays(RunContext(path), path=path).column("inputs").to_pylist()
    back = np.array([row["x"] for row in rows], dtype=array.dtype)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x": np.zeros(3), "y": np.zeros(2)}, "different numbers of rows"),
        ({"x": np.float64(3)}, "different numbers of rows"),
        ({"id": np.arange(3)}, "no arrays for a model"),
        ({"x": np.array(["a"])}, "holds <U1"),
        ({"x": np.array([1j])}, "holds complex128"),
        ({"x": np.array(["2026-11-21"], "datetime64[D]")}, r"holds datetime64\[D\]"),
        ({"x": np.zeros(1), "id": np.array([b"a"])}, "holds |S1"),
    ],
)
def test_arrays_that_are_not_rows_are_refused(read, arrays, reason):
    with pytest.raises(DataError, match=reason):
        read(**arrays)


def test_a_pickle_in_an_archive_is_not_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    path = tmp_path / "rows.npz"
    np.savez(path, x=np.array([Bomb()], dtype=object))
    with pytest.raises(DataError, match="cannot be read"):
        rows_of_arrays(RunContext(tmp_path), path=path)
    path.write_bytes(pickle.dumps([1]))
    with pytest.raises(DataError, match="cannot be read"):
        rows_of_arrays(RunContext(tmp_path), path=path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"nothing of the kind"])
def test_another_file_is_refused_with_a_hint(tmp_path, content):
    path = tmp_path / "rows.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read") as refusal:
        rows_of_arrays(RunContext(tmp_path), path=path)
    assert refusal.value.hint
    assert "pickle" not in refusal.value.message, "no hint suggests to load a pickle"


def test_a_member_that_is_no_array_is_named(tmp_path):
    path = tmp_path / "rows.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", "some text")
    with pytest.raises(DataError, match=r"`x` of .* is no array") as refused:
        rows_of_arrays(RunContext(tmp_path), path=path)
    assert refused.value.hint


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        rows_of_arrays(RunContext(tmp_path), path=tmp_path / "rows.npz")


def test_one_array_without_a_name_is_refused(tmp_path):
    np.save(tmp_path / "rows.npy", np.zeros(3))
    with pytest.raises(DataError, match="without a name"):
        rows_of_arrays(RunContext(tmp_path), path=tmp_path / "rows.npy")


def test_an_archive_with_an_array_without_a_name_is_refused(tmp_path):
    path = tmp_path / "rows.npz"
    np.savez(path, x=np.zeros(3))
    np.save(tmp_path / "y.npy", np.zeros(3))
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(tmp_path / "y.npy", ".npy")
    with pytest.raises(DataError, match="without a name"):
        rows_of_arrays(RunContext(tmp_path), path=path)


@pytest.mark.parametrize(("offset", "value"), [(6, 0x21), (6, 0x01), (8, 0x63)])
def test_an_archive_with_damaged_fields_is_refused_in_one_line(read, tmp_path, offset, value):
    """Encrypted, patched, or packed in a way that nobody reads: each is another kind of error to the library."""
    path = tmp_path / "rows.npz"
    np.savez(path, x=np.zeros((2, 1)))
    content = bytearray(path.read_bytes())
    central = content.index(b"PK\x01\x02") + 2  # where the same fields are two bytes later
    content[offset] = content[central + offset] = value
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as `\.npz`") as refused:
        rows_of_arrays(RunContext(tmp_path), path=path)
    assert "\n" not in refused.value.message


@pytest.fixture
def context(tmp_path):
    return RunContext(exports=tmp_path)


def test_the_suffix_decides_the_format(tmp_path, context):
    (tmp_path / "rows.tsv").write_text("text\tlabel\nfine, really\tpositive\n")
    table = read_all(rows_in_file(context, path=tmp_path / "rows.tsv"))
    assert table.to_pylist() == [{"text": "fine, really", "label": "positive"}]


def test_the_format_option_overrides_the_suffix(tmp_path, context):
    (tmp_path / "rows").write_text('{"text": "fine"}\n')
    source = rows_in_file(context, path=tmp_path / "rows", format="jsonl")
    assert read_all(source).to_pylist() == [{"text": "fine"}]


def test_an_unreadable_file_is_a_data_error(tmp_path, context):
    with pytest.raises(DataError, match="there is no file"):
        rows_in_file(context, path=tmp_path / "rows.csv")


def test_the_formats_of_the_option_are_those_of_the_host():
    (option,) = (option for option in read_options(rows_in_file) if option.name == "format")
    formats = {name for part in typing.get_args(option.annotation) for name in typing.get_args(part)}
    assert formats == set(FORMATS.values())
