from __future__ import annotations

import gzip

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

from mqa_registry import DataError, read_table

TABLE = pa.table({"text": ["a film", "two\nlines"], "stars": [1, 2]})


@pytest.fixture
def file(tmp_path):
    """Write one file and give its path."""

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def read(path, kind=None):
    return read_table(path, kind).to_pydict()


# What can be read


@pytest.mark.parametrize("name", ["rows.parquet", "ROWS.PARQUET"])
def test_parquet(tmp_path, name):
    parquet.write_table(TABLE, tmp_path / name)
    assert read_table(tmp_path / name).equals(TABLE)


def test_parquet_takes_no_columns_from_the_names_of_folders(tmp_path):
    (tmp_path / "year=2026").mkdir()
    parquet.write_table(TABLE, tmp_path / "year=2026" / "rows.parquet")
    assert read_table(tmp_path / "year=2026" / "rows.parquet").column_names == ["text", "stars"]


@pytest.mark.parametrize("name", ["rows.arrow", "rows.feather"])
@pytest.mark.parametrize("start", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow_files_and_streams(tmp_path, name, start):
    with start(str(tmp_path / name), TABLE.schema) as writer:
        writer.write_table(TABLE)
    assert read_table(tmp_path / name).equals(TABLE)


def test_compressed_feather(tmp_path):
    feather.write_feather(TABLE, tmp_path / "rows.feather", compression="zstd")
    assert read_table(tmp_path / "rows.feather").equals(TABLE)


def test_csv_with_quotes_lines_in_cells_and_a_byte_order_mark(file):
    path = file("rows.csv", '\ufefftext,stars\n"said ""so"", twice",1\n"two\nlines",2\n')
    assert read(path) == {"text": ['said "so", twice', "two\nlines"], "stars": [1, 2]}


def test_tab_separated(file):
    assert read(file("rows.tsv", "text\tstars\na, b\t1\n")) == {"text": ["a, b"], "stars": [1]}


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.ndjson", "rows.json"])
def test_json_lines(file, name):
    path = file(name, '{"text": "a", "spans": [{"start": 0}]}\n\n{"text": "b", "spans": []}\n')
    assert read(path) == {"text": ["a", "b"], "spans": [[{"start": 0}], []]}


def test_packed_files(file):
    assert read(file("rows.csv.gz", gzip.compress(b"text\na\n"))) == {"text": ["a"]}
    assert read(file("rows.jsonl.gz", gzip.compress(b'{"text": "a"}'))) == {"text": ["a"]}


def test_the_format_can_be_said_where_the_name_does_not_tell(file):
    assert read(file("rows.dat", "text\na\n"), "csv") == {"text": ["a"]}
    assert read(file("rows.csv", '{"text": "a"}'), "jsonl") == {"text": ["a"]}


def test_a_header_alone_is_a_table_without_rows(file):
    assert read(file("rows.csv", "text,stars\n")) == {"text": [], "stars": []}


def test_one_long_line_is_read(file):
    assert len(read(file("rows.jsonl", '{"text": "%s"}' % ("long " * 500_000)))["text"][0]) == 2_500_000


# What a csv means


@pytest.mark.parametrize(
    "cells",
    [
        ["007", "8"],
        ["+1", "2"],
        ["1_000", "2"],
        ["1,5", "2,5"],
        ["0x1f", "2"],
        ["12345678901234567890", "2"],
        ["1", "two"],
        ["1.", "2."],
        [" 1", "2"],
        ["True", "False"],
        ["2026-11-21", "2026-11-22"],
        ["10:30:00", "11:00:00"],
        ["NA", "null"],
        ["1", "NA"],
    ],
)
def test_in_a_csv_what_is_not_plainly_a_number_stays_text_to_the_letter(file, cells):
    quoted = "".join(f'"{cell}"\n' for cell in cells)
    assert read(file("rows.csv", f"column\n{quoted}")) == {"column": cells}


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["0", "-12", "34"], [0, -12, 34]),
        (["0.5", "1", "-0.25"], [0.5, 1.0, -0.25]),
        (["1e-05", "2.5E+3", "0"], [1e-05, 2500.0, 0.0]),
        (["1", "", "3"], [1, None, 3]),
        (["0.5", "", "inf"], [0.5, None, float("inf")]),
    ],
)
def test_in_a_csv_plain_numbers_are_numbers(file, cells, numbers):
    lines = "".join(f"{cell},x\n" for cell in cells)
    assert read(file("rows.csv", f"column,rest\n{lines}"))["column"] == numbers


def test_in_a_csv_nan_is_a_number_among_numbers(file):
    table = read_table(file("rows.csv", "column\n0.5\nnan\nNaN\n"))
    assert table.schema.field("column").type == pa.float64()
    assert table["column"].to_pylist()[1] != table["column"].to_pylist()[1]


def test_in_a_csv_an_empty_cell_is_missing_and_an_empty_quote_is_not(file):
    assert read(file("rows.csv", 'text,more\n,x\n"",y\n')) == {"text": [None, ""], "more": ["x", "y"]}


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=8), min_size=1
    )
)
def test_text_survives_a_csv_whatever_it_looks_like(tmp_path_factory, cells):
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_text("\n".join(["column", *quoted, '"text"']) + "\n", encoding="utf-8", newline="")
    assert read(path)["column"] == [*cells, "text"]


# What a jsonl means


@pytest.mark.parametrize("value", ["2026-11-21", "2026-11-21 10:30:00", "007", "true", "null", ""])
def test_in_a_jsonl_a_string_stays_text(file, value):
    path = file("rows.jsonl", f'{{"text": "{value}", "labels": ["{value}"], "deep": [{{"a": "{value}"}}]}}')
    assert read(path) == {"text": [value], "labels": [[value]], "deep": [[{"a": value}]]}


def test_in_a_jsonl_a_key_that_is_left_out_is_missing(file):
    assert read(file("rows.jsonl", '{"a": 1}\n{"b": "x"}')) == {"a": [1, None], "b": [None, "x"]}


# What cannot be read


def refusal(path, kind=None):
    with pytest.raises(DataError) as raised:
        read_table(path, kind)
    assert str(path) in raised.value.message
    assert "\n" not in raised.value.message
    return raised.value


def test_a_file_that_is_not_there_is_refused_with_a_guess(file, tmp_path):
    file("reviews.csv", "text\na\n")
    error = refusal(tmp_path / "review.csv")
    assert error.message.startswith("there is no file")
    assert error.hint == "did you mean `reviews.csv`?"
    assert refusal(tmp_path / "nowhere" / "rows.csv").hint == ""


def test_a_folder_is_refused(tmp_path):
    (tmp_path / "rows.csv").mkdir()
    assert "is a folder" in refusal(tmp_path / "rows.csv").message


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet", "rows.arrow"])
def test_an_empty_file_is_refused(file, name):
    assert refusal(file(name, "")).message.endswith("is empty")


@pytest.mark.parametrize("name", ["rows", "rows.xlsx", "rows.gz", "rows.parquet.gz", ".csv"])
def test_a_name_that_does_not_tell_the_format_is_refused(file, name):
    error = refusal(file(name, "text\na\n"))
    assert "does not tell its format" in error.message
    assert ".parquet" in error.hint


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet", "rows.arrow", "rows.csv.gz"])
def test_a_picture_is_refused(file, name):
    assert "cannot be read as" in refusal(file(name, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe" * 20)).message


def test_a_broken_row_of_a_csv_is_named(file):
    error = refusal(file("rows.csv", "a,b\n1,2\n3\n4,5\n"))
    assert "Row #3" in error.message
    assert "Expected 2 columns, got 1" in error.message


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"a": 2', "line 2 is no JSON"),
        ("[1, 2]", "line 2 is no JSON object"),
        ("5", "line 2 is no JSON object"),
        (b'{"a": "\xff"}', "line 2 is not UTF-8 text"),
        ('{"a": "x"}', "changed from number to string"),
    ],
)
def test_a_broken_line_of_a_jsonl_is_named(file, line, fault):
    line = line.encode() if isinstance(line, str) else line
    assert fault in refusal(file("rows.jsonl", b'{"a": 1}\n' + line + b"\n")).message


def test_one_json_array_is_no_json_lines(file):
    error = refusal(file("rows.json", '[{"a": 1}, {"a": 2}]'))
    assert "line 1 is no JSON object" in error.message
    assert "one JSON object on every line" in error.hint


def test_text_that_is_not_utf_8_is_refused(file):
    assert "UTF8" in refusal(file("rows.csv", "text\ncaf\u00e9\n".encode("latin-1"))).message
    parquet_with_bad_text = pa.table({"text": pa.array([b"caf\xe9"]).view(pa.string())})
    path = file("rows.parquet", b"")
    parquet.write_table(parquet_with_bad_text, path)
    assert "UTF8" in refusal(path).message


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_a_column_name_that_repeats_is_refused(file, name):
    path = file(name, "text,text\na,b\n")
    if name.endswith("parquet"):
        parquet.write_table(pa.table([pa.array([1]), pa.array([2])], names=["text", "text"]), path)
    assert "more than one column `text`" in refusal(path).message


def test_a_file_cut_short_is_refused(file, tmp_path):
    parquet.write_table(TABLE, tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    assert "cannot be read as parquet" in refusal(file("rows.parquet", whole[:-30])).message
    packed = gzip.compress(b"text\n" + b"a\n" * 5000)
    assert "Truncated" in refusal(file("rows.csv.gz", packed[:-20])).message


def test_a_file_that_must_not_be_read_is_refused(file, monkeypatch):
    path = file("rows.csv", "text\na\n")

    def denied(*_args, **_options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(pa, "input_stream", denied)
    assert "Permission denied" in refusal(path).message


@settings(max_examples=150, deadline=None)
@given(content=st.binary(min_size=1, max_size=200), name=st.sampled_from(["rows.csv", "rows.jsonl", "rows.arrow"]))
def test_no_bytes_lead_to_any_error_but_a_data_error(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("bytes") / name
    path.write_bytes(content)
    try:
        read_table(path).to_pylist()
    except DataError as error:
        said = error.message
    else:
        said = str(path)
    assert str(path) in said
