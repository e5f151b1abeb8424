"""Tables in the files of a record: each comes back as it was, and no column is written twice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry.runs import serialization

ODD = {
    "nothing": pa.nulls(3),
    "half": pa.array(np.array([1, np.nan, -0.0], np.float16)),
    "spans": pa.array([[{"start": 1, "end": 2, "label": "a"}], [], None]),
    "codes": pa.array(["x", None, "x"]).dictionary_encode(),
    "bytes": pa.array([b"\xff", b"", None]),
    "took": pa.array([1, 2, None], pa.duration("ns")),
    "either": pa.UnionArray.from_sparse(
        pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])]
    ),
    "a.b": pa.array([[0.1], [0.2, None], None]),
}


@pytest.mark.parametrize("names", [list(ODD), ["nothing"], ["half", "a.b"]])
def test_a_table_of_any_types_comes_back_as_it_was(names):
    whole = pa.table({"id": ["a", "b", "c"], **{name: ODD[name] for name in names}})
    tables = serialization.TableFiles()
    entries = [tables.add("rows", whole), tables.add("rows", whole), tables.add("seen", whole.select(["id"]))]
    read = {name: serialization.read_table_file(content) for name, content in tables.files.items()}
    first, again, ids = (serialization.restore_table(one, read) for one in entries)
    for table in (first, again):
        assert table.schema.equals(whole.schema)
        assert str(table.to_pydict()) == str(whole.to_pydict())
    assert ids.equals(whole.select(["id"]))


def test_a_table_whose_columns_are_all_in_other_files_keeps_its_metadata():
    rows = pa.table({"id": ["a", "b"], "label": ["x", "y"]})
    tables = serialization.TableFiles()
    entries = [tables.add("rows", rows), tables.add("probe", rows.replace_schema_metadata({"classes": "3"}))]
    read = {name: serialization.read_table_file(content) for name, content in tables.files.items()}
    plain, with_metadata = (serialization.restore_table(one, read) for one in entries)
    assert plain.equals(rows)
    assert plain.schema.metadata is None
    assert with_metadata.schema.metadata == {b"classes": b"3"}
    assert with_metadata.to_pylist() == rows.to_pylist()


def test_a_table_that_parquet_has_no_type_for_is_kept_small_too():
    repeated = pa.UnionArray.from_sparse(pa.array([0] * 10_000, pa.int8()), [pa.array([7] * 10_000)])
    tables = serialization.TableFiles()
    tables.add("rows", pa.table({"either": repeated}))
    ((name, content),) = tables.files.items()
    assert name.endswith(serialization.ARROW)
    assert len(content) < 10_000 < repeated.nbytes


def test_a_large_table_is_written_to_the_scratch_folder_and_comes_back(tmp_path, monkeypatch):
    monkeypatch.setattr(serialization, "MAX_BYTES_IN_MEMORY", 1000)
    large, small = pa.table({"id": np.arange(1000)}), pa.table({"id": np.arange(10)})
    odd = pa.table({"either": pa.UnionArray.from_sparse(pa.array([0] * 1000, pa.int8()), [pa.array([7] * 1000)])})
    tables = serialization.TableFiles(lambda: tmp_path)
    entries = [tables.add("rows", one) for one in (large, small, odd)]
    assert [isinstance(content, bytes) for content in tables.files.values()] == [False, True, False]
    contents = {
        name: content if isinstance(content, bytes) else content.read_bytes() for name, content in tables.files.items()
    }
    read = {name: serialization.read_table_file(content) for name, content in contents.items()}
    assert [serialization.restore_table(one, read).to_pydict() for one in entries] == [
        one.to_pydict() for one in (large, small, odd)
    ]
