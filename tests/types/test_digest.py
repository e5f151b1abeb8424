from __future__ import annotations

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry.types import digests
from mqa_registry.types.digests import digest_files, digest_pieces, digest_table


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


def test_the_digest_of_a_table_stays_what_it_is():
    assert digest_table(TABLE) == "sha256:682ecc734c34e5e64c5154b9a0db2863a2d43991577b1fd155980897a009230c"
    numbers = range(150_000)
    columns = {
        "n": pa.array(numbers),
        "t": pa.array([None if row % 7 == 0 else "x" * (row % 5) for row in numbers]),
        "l": pa.array([[row] * (row % 3) for row in numbers]),
        "b": pa.array([row % 2 == 0 for row in numbers]),
    }
    many = pa.table(columns)
    assert digest_table(many) == "sha256:7c50e71519087eca8774ed8ab0d9543101aa13606083b5f38b3a6bb944cea6bc"
    assert digest_table(many.slice(0, 0)) == "sha256:29002d07ce601044210ff26afa272418ba59c60c2ed502a98171d62b631ac729"


@settings(max_examples=30)
@given(
    texts=st.lists(st.one_of(st.none(), st.text(max_size=3)), min_size=1, max_size=9),
    shape=st.tuples(st.integers(1, 1500), st.integers(0, 3), st.integers(100, 900)),
)
def test_pieces_and_parts_of_larger_tables_have_the_digest_of_the_rows_alone(texts, shape):
    length, before, size = shape
    values = [texts[row % len(texts)] for row in range(length)]
    around = pa.array(["x"] * before + values + ["y"] * 9, pa.string())
    nested = pa.array([[text] for text in around.to_pylist()], pa.list_(pa.string()))
    part = pa.table([around, nested], names=["a", "b"]).slice(before, length)
    alone = pa.table(
        [pa.array(values, pa.string()), pa.array([[text] for text in values], nested.type)], names=["a", "b"]
    )
    pieces = [part.slice(start, size) for start in range(0, length, size)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "HASHED_ROWS", 512)
        assert digest_table(part) == digest_pieces(pieces) == digest_table(alone)


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
