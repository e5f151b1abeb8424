"""Files of rows that are read piece by piece: some columns, the first rows, and the same rows as a whole."""

from __future__ import annotations

import json
import os
from contextlib import closing

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from mqa_registry import DataError, open_table, read_table
from mqa_registry.types.tables import arrow_file, csv_file, json_lines, source, spool
from tests.stand_ins import read_all

NAMES = ["rows.csv", "rows.jsonl", "rows.parquet", "rows.arrow"]
N_ROWS = 2_000
TABLE = pa.table(
    {
        "id": [f"row-{row}" for row in range(N_ROWS)],
        "text": [f"a film, number {row}\nof many" for row in range(N_ROWS)],
        "stars": [row % 5 for row in range(N_ROWS)],
    }
)


def write(path, table):
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=100)
    elif path.suffix == ".arrow":
        with pa.ipc.new_file(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=100)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    else:
        lines = (",".join(json.dumps(cell) for cell in row.values()).replace(r"\n", "\n") for row in table.to_pylist())
        path.write_text("\n".join([",".join(table.column_names), *lines]) + "\n")
    return path


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of some rows, as large files have, and nothing that is kept to read it once."""
    monkeypatch.setattr(csv_file, "BLOCK_SIZES", (4096, 1 << 20))
    monkeypatch.setattr(csv_file, "HELD_BYTES", 0)
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(arrow_file, "PIECE_BYTES", 4096)
    monkeypatch.setattr(source, "PIECE_ROWS", 50)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_many_pieces_has_the_rows_that_it_has_as_a_whole(tmp_path, name):
    rows = open_table(write(tmp_path / name, TABLE))
    pieces = list(rows.read(None, None))
    assert len(pieces) > 10
    assert pa.concat_tables(pieces).equals(TABLE)
    assert read_all(rows).equals(TABLE)  # a second time


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", NAMES)
def test_columns_are_read_in_the_order_of_the_file_and_names_that_it_has_not_are_left_out(tmp_path, name):
    rows = open_table(write(tmp_path / name, TABLE))
    assert read_all(rows, {"stars", "id", "none"}).equals(TABLE.select(["id", "stars"]))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", NAMES)
def test_what_is_behind_the_rows_that_are_asked_for_is_not_read(tmp_path, name):
    path = write(tmp_path / name, TABLE)
    if path.suffix in {".csv", ".jsonl"}:
        path.write_text(path.read_text() + "what is no row\n")
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
        path.write_bytes(content)
    first = read_all(open_table(path), stop=30)
    assert 30 <= len(first) < 300
    assert first.equals(TABLE.slice(0, len(first)))
    if path.suffix != ".arrow":  # in whose pages zeros are values
        with pytest.raises(DataError):
            read_table(path)


@pytest.mark.parametrize(("name", "known"), [(name, name.endswith("parquet")) for name in NAMES])
def test_a_parquet_file_knows_its_number_of_rows(tmp_path, name, known):
    assert open_table(write(tmp_path / name, TABLE)).num_rows == (N_ROWS if known else None)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["written to", "replaced", "removed"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, name, change):
    path = write(tmp_path / name, TABLE)
    with closing(open_table(path).read(None, None)) as pieces:
        next(pieces)
        if change == "written to":
            os.utime(path, ns=(1, 1))
        elif change == "replaced":
            write(tmp_path / f"other{path.suffix}", TABLE).replace(path)
        else:
            path.unlink()
        with pytest.raises(DataError, match="changed while it was read") as refused:
            list(pieces)
    assert refused.value.hint


# What the type of a column follows from, where its rows are in several blocks


VALUES = {
    "csv": ["1", "-2", "0.5", "1e3", "nan", "", "007", "text", "12345678901234567", "1234567890123456"],
    "jsonl": [
        "1",
        "0.5",
        "null",
        '"text"',
        '"2026-11-21"',
        "true",
        "[1]",
        "[0.5]",
        '{"a": 1}',
        '{"b": "x"}',
        "[]",
        "{}",
    ],
}


@settings(max_examples=100)
@given(data=st.data(), kind=st.sampled_from(["csv", "jsonl"]))
def test_blocks_change_no_value_and_no_type(tmp_path_factory, data, kind):
    values = data.draw(st.lists(st.sampled_from(VALUES[kind]), min_size=1, max_size=12))
    lines = [f"{value},x" if kind == "csv" else f'{{"column": {value}, "more": "x"}}' for value in values]
    path = tmp_path_factory.mktemp("blocks") / f"rows.{kind}"
    path.write_text("\n".join(["column,more", *lines] if kind == "csv" else lines))
    whole = read_table(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_file, "BLOCK_SIZES", (24, 1 << 20))
        patch.setattr(csv_file, "HELD_BYTES", 0)
        patch.setattr(json_lines, "BLOCK_BYTES", 24)
        parts = read_table(path)
    assert parts.schema.equals(whole.schema)
    assert str(parts.to_pydict()) == str(whole.to_pydict())  # as texts, since NaN is not equal to itself


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "rows.arrow"])
def test_broken_text_in_a_later_piece_makes_the_whole_column_unreadable(tmp_path, name):
    broken = pa.array([b"caf\xe9" if row == 1500 else b"cafe" for row in range(N_ROWS)]).view(pa.string())
    path = tmp_path / name
    if name.endswith("csv"):
        path.write_bytes(
            b"".join(
                [
                    b"id,text\n",
                    *(b"%d,%s\n" % (row, bytes(b)) for row, b in enumerate(broken.view(pa.binary()).to_pylist())),
                ]
            )
        )
    else:
        write(path, pa.table({"id": range(N_ROWS), "text": broken}))
    table = read_table(path)
    assert table.column("id").to_pylist() == list(range(N_ROWS))
    at = "line 1502" if name.endswith("csv") else "row 1501"
    assert table.schema.field("text").type.reason == f"'caf\u00e9' in {at}, which is not UTF-8 text"
    assert read_all(open_table(path), {"id"}).num_rows == N_ROWS


def test_an_unreadable_column_is_one_in_a_table_on_disk_too(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "x", "text": "b"}\n{"a": ["x"], "text": "c"}\n')
    with spool.TableSpool(lambda: tmp_path, limit=1) as table:
        for piece in open_table(path).read(None, None):
            table.append(piece)
        kept = table.finish()
    assert kept.schema.field("a").type.reason == "text in line 1 and a list in line 2"
    assert kept.column("text").to_pylist() == ["b", "c"]
