from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest

from mqa_registry.types.rows import digest_files, digest_table


def sha256(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_file_has_the_digest_that_sha256sum_gives(tmp_path):
    (tmp_path / "rows.csv").write_bytes(b"text\na\n")
    assert digest_files({"format": "csv", "path": tmp_path / "rows.csv"}) == sha256(b"text\na\n")


def test_a_folder_has_that_of_its_files_and_their_names(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "b.csv").write_bytes(b"b")
    (tmp_path / "in" / "a.csv").write_bytes(b"a")
    lines = "".join(f"{sha256(one.encode()).removeprefix('sha256:')}  {name}\n" for name, one in (("b.csv", "b"), ("in/a.csv", "a")))  # fmt: skip
    assert digest_files({"path": tmp_path}) == sha256(lines.encode())
    (tmp_path / "b.csv").rename(tmp_path / "c.csv")
    assert digest_files({"path": tmp_path}) != sha256(lines.encode())


@pytest.mark.parametrize("options", [{}, {"id": "acme/reviews"}])
def test_options_that_name_no_file_have_none(options):
    assert digest_files(options) == ""


def test_a_file_that_is_not_there_has_none(tmp_path):
    assert digest_files({"path": tmp_path / "none"}) == ""


TABLE = pa.table({"id": ["1", "2", "3"], "stars": [1, None, 3], "words": [["a"], None, ["b", "c"]]})


@pytest.mark.parametrize(
    "same",
    [
        pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1)]),
        pa.concat_tables([TABLE, TABLE]).slice(3),
        TABLE.replace_schema_metadata({"written": "by another"}),
        TABLE.take(pa.array([0, 1, 2])),
    ],
)
def test_a_table_has_one_digest_however_it_is_held(same):
    assert digest_table(same) == digest_table(TABLE)


@pytest.mark.parametrize(
    "other",
    [
        TABLE.slice(1),
        TABLE.take(pa.array([1, 0, 2])),
        TABLE.rename_columns(["id", "stars", "word"]),
        TABLE.set_column(1, "stars", pa.array([1.0, None, 3.0])),
        TABLE.set_column(1, "stars", pa.array([1, 0, 3])),
    ],
)
def test_another_row_order_name_type_or_value_is_another_digest(other):
    assert digest_table(other) != digest_table(TABLE)
