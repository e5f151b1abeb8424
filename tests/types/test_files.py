from __future__ import annotations

import gzip
import itertools
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

from mqa_registry import DataError, read_table
from mqa_registry.types.tables import csv_file, json_file, json_lines
from mqa_registry.types.tables.text_stream import open_text

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


def test_a_format_can_be_given_where_the_name_has_none(file):
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


@settings(max_examples=150, deadline=None)
@given(
    cells=st.lists(
        st.text(
            st.one_of(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), st.sampled_from('\r\n",;\t')),
            min_size=1,
            max_size=12,
        ),
        min_size=1,
    ),
    shape=st.tuples(st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(",;\t|"), st.integers(16, 64)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
)
def test_text_survives_a_csv_whatever_it_looks_like(tmp_path_factory, cells, shape, encoding):
    line_end, separator, block = shape
    rows = ['"' + cell.replace('"', '""') + f'"{separator}x' for cell in [*cells, "text"]]
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_bytes((line_end.join([f"column{separator}more", *rows]) + line_end).encode(encoding))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_file, "BLOCK_SIZES", (block, 1 << 20))  # a break in every cell falls on some block's edge
        assert read(path)["column"] == [*cells, "text"]


@pytest.mark.parametrize("before", [b"x", b"xx", b"xxx"])
@pytest.mark.parametrize("size", [2, 3, 4, 5, 7])
def test_no_block_ends_between_a_carriage_return_and_its_line_feed(file, before, size):
    content = before + b"\r\n\r\r\n\n" * 3 + b"\r"
    with open_text(file("rows.csv", content)) as stream:
        blocks = [*iter(lambda: stream.read(size), b"")]
    assert b"".join(blocks) == content
    assert not any(one.endswith(b"\r") and two.startswith(b"\n") for one, two in itertools.pairwise(blocks))


@pytest.mark.parametrize("name", ["rows.csv", "rows.tsv", "rows.csv.gz"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_header_says_what_separates_the_cells_of_a_csv(file, name, separator):
    content = f'"a,;\t|b"{separator}stars\nx{separator}1\n'.encode()
    path = file(name, gzip.compress(content) if name.endswith("gz") else content)
    assert read(path) == {"a,;\t|b": ["x"], "stars": [1]}


def test_the_usual_separator_comes_first_where_the_header_has_several(file):
    assert read(file("rows.csv", "a;b;c,stars\nx,1\n")) == {"a;b;c": ["x"], "stars": [1]}


def test_utf_16_in_a_jsonl(file):
    assert read(file("rows.jsonl", '{"text": "caf\u00e9"}\n'.encode("utf-16"))) == {"text": ["caf\u00e9"]}


def test_a_row_longer_than_a_block_is_read(file, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK_SIZES", (64, 1 << 20))
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 64)
    assert read(file("rows.csv", "text\na\n" + "b" * 500 + "\nc\n")) == {"text": ["a", "b" * 500, "c"]}
    lines = "".join(f'{{"text": "{text}"}}\n' for text in ("a", "b" * 500, "c"))
    assert read(file("rows.jsonl", lines)) == {"text": ["a", "b" * 500, "c"]}


# What a jsonl means


@pytest.mark.parametrize("value", ["2026-11-21", "2026-11-21 10:30:00", "007", "true", "null", ""])
def test_in_a_jsonl_a_string_stays_text(file, value):
    path = file("rows.jsonl", f'{{"text": "{value}", "labels": ["{value}"], "deep": [{{"a": "{value}"}}]}}')
    assert read(path) == {"text": [value], "labels": [[value]], "deep": [[{"a": value}]]}


def test_in_a_jsonl_a_key_that_is_left_out_is_missing(file):
    assert read(file("rows.jsonl", '{"a": 1}\n{"b": "x"}')) == {"a": [1, None], "b": [None, "x"]}


@pytest.mark.parametrize(
    "document",
    [
        '[{"text": "a", "stars": 1},\n {"text": "b", "stars": 2}]',
        '\n [ {"text": "a", "stars": 1} , {"text": "b", "stars": 2} ] \n',
        '{"data": [{"text": "a", "stars": 1}, {"text": "b", "stars": 2}]}',
        '{"schema": {"fields": []}, "data": [{"text": "a", "stars": 1}, {"text": "b", "stars": 2}]}',
        '{"text": ["a", "b"], "stars": [1, 2]}',
        '{"text": {"0": "a", "1": "b"}, "stars": {"0": 1, "1": 2}}',
        '{\n  "text": ["a", "b"],\n  "stars": [1, 2]\n}',
    ],
)
def test_one_json_document_is_read_as_its_rows(file, document):
    assert read(file("rows.json", document)) == {"text": ["a", "b"], "stars": [1, 2]}


def test_an_array_is_read_whatever_the_file_is_called_and_an_object_in_a_jsonl_is_one_row(file):
    assert read(file("rows.jsonl", '[{"text": "a"}]')) == {"text": ["a"]}
    assert read(file("rows.jsonl", '{"text": ["a", "b"]}')) == {"text": [["a", "b"]]}
    assert read(file("rows.json", '{"text": "a", "spans": [{"start": 0}]}')) == {
        "text": ["a"],
        "spans": [[{"start": 0}]],
    }


def test_words_and_numbers_of_one_key_are_text_as_they_would_be_in_a_csv(file):
    path = file("rows.jsonl", '{"a": "1"}\n{"a": 1}\n{"a": true}\n{"a": null}\n{"a": 12345678901234567890}\n')
    assert read(path) == {"a": ["1", "1", "true", None, "12345678901234567890"]}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (['"x"', '["x"]'], "text in line 1 and a list in line 3"),
        (['{"a": 1}', '"x"'], "an object in line 1 and text in line 3"),
        (["[1]", '["x"]'], "a list in line 1 and other rows, which are not alike inside"),
        (['"x"', r'"half \ud83d"'], "half a surrogate pair in line 3, which is no text"),
        (['"x"', b'"caf\xe9"'], "bytes that are not UTF-8 in line 3, which is no text"),
    ],
)
def test_a_column_that_no_table_can_hold_costs_no_other_and_says_why(file, values, reason):
    first, second = (value.encode() if isinstance(value, str) else value for value in values)
    path = file("rows.jsonl", b'{"text": "a", "meta": %s}\n\n{"text": "b", "meta": %s}\n' % (first, second))
    table = read_table(path)
    assert table.column("text").to_pylist() == ["a", "b"]
    assert table.schema.field("meta").type.reason == reason


# What the file says of its values


LABEL = {"names": ["no", "yes"], "_type": "ClassLabel"}
FEATURES = {
    "label": LABEL,
    "tags": {"feature": LABEL, "_type": "List"},
    "old": {"feature": LABEL, "length": -1, "_type": "Sequence"},
    "older": [LABEL],
    "pair": {"feature": LABEL, "length": 2, "_type": "List"},
    "deep": {"inside": LABEL},
    "rows": {"feature": {"inside": LABEL}, "length": -1, "_type": "Sequence"},
    "text": {"dtype": "string", "_type": "Value"},
    "named": LABEL,
}
CODED = pa.table(
    {
        "label": [0, 1, -1, None],
        "tags": [[0, 1], [], None, [-1]],
        "old": [[1], [0], [], None],
        "older": [[1], None, [], [0]],
        "pair": pa.array([[0, 1], None, [1, 1], [0, 0]], pa.list_(pa.int64(), 2)),
        "deep": [{"inside": 1, "more": 5}, None, {"inside": 0, "more": 1}, {"inside": None, "more": 0}],
        "rows": [{"inside": [0, 1]}, {"inside": []}, None, {"inside": [1]}],
        "text": ["a", "b", "c", "d"],
        "named": ["yes", "no", "yes", None],
    }
)
NAMED = {
    "label": ["no", "yes", None, None],
    "tags": [["no", "yes"], [], None, [None]],
    "old": [["yes"], ["no"], [], None],
    "older": [["yes"], None, [], ["no"]],
    "pair": [["no", "yes"], None, ["yes", "yes"], ["no", "no"]],
    "deep": [{"inside": "yes", "more": 5}, None, {"inside": "no", "more": 1}, {"inside": None, "more": 0}],
    "rows": [{"inside": ["no", "yes"]}, {"inside": []}, None, {"inside": ["yes"]}],
    "text": ["a", "b", "c", "d"],
    "named": ["yes", "no", "yes", None],
}


def written(path, table):
    (parquet.write_table if path.suffix == ".parquet" else feather.write_feather)(table, path)
    return path


@pytest.mark.parametrize("name", ["rows.parquet", "rows.arrow"])
def test_class_labels_come_by_the_names_that_the_schema_has_for_them(tmp_path, name):
    metadata = {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    assert read(written(tmp_path / name, CODED.replace_schema_metadata(metadata))) == NAMED


def test_class_labels_come_by_the_names_that_the_folder_has_for_them(tmp_path):
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    assert read(written(tmp_path / "rows.parquet", CODED)) == NAMED


@pytest.mark.parametrize("metadata", ["no json", "[]", '{"features": 5}', '{"info": 3}', '{"features": {"label": 3}}'])
def test_a_description_that_describes_nothing_changes_nothing(tmp_path, metadata):
    (tmp_path / "dataset_info.json").write_text(metadata)
    assert read_table(written(tmp_path / "rows.parquet", CODED)).equals(CODED)


def test_a_class_label_beyond_the_names_is_refused(tmp_path):
    (tmp_path / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    with pytest.raises(DataError, match="column `label` has a number beyond the names"):
        read_table(written(tmp_path / "rows.parquet", pa.table({"label": [0, 2]})))


@pytest.mark.parametrize("name", ["rows.parquet", "rows.arrow"])
def test_codes_of_a_dictionary_become_the_values_they_stand_for(tmp_path, name):
    words = pa.array(["b", None, "a", "b"]).dictionary_encode()
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 3, 4, 4], pa.int32()), words)
    table = read_table(written(tmp_path / name, pa.table({"word": words, "words": lists})))
    assert table.to_pydict() == {"word": ["b", None, "a", "b"], "words": [["b"], [None, "a"], ["b"], []]}
    assert table.schema.types == [pa.string(), pa.list_(pa.string())]


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


def test_a_link_that_leads_nowhere_is_said_to_be_one(tmp_path):
    (tmp_path / "rows.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    for name in ("rows.csv", "loop.csv"):
        assert refusal(tmp_path / name).message.endswith("is a link that leads nowhere")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_file_of_another_format_than_its_name_says_is_named_by_what_it_is(tmp_path, file, name):
    parquet.write_table(TABLE, tmp_path / name)
    error = refusal(tmp_path / name)
    assert (error.message.endswith("and it is a parquet"), ".parquet" in error.hint) == (True, True)
    assert read_table(tmp_path / name, "parquet").equals(TABLE)
    feather.write_feather(TABLE, tmp_path / name)
    assert refusal(tmp_path / name).message.endswith("and it is an Arrow file")
    assert refusal(file(name, gzip.compress(b"text\na\n"))).message.endswith("and it is packed by gzip")
    assert "as .xlsx and .npz are" in refusal(file(name, b"PK\x03\x04\x14\0\x06\0")).message


def test_a_csv_whose_first_column_is_called_as_a_format_begins_is_read(file):
    assert read(file("rows.csv", "PAR1,PK\n1,2\n")) == {"PAR1": [1], "PK": [2]}


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet", "rows.arrow"])
def test_an_empty_file_is_refused(file, name):
    assert refusal(file(name, "")).message.endswith("is empty")


@pytest.mark.parametrize("name", ["rows", "rows.xlsx", "rows.gz", "rows.parquet.gz", ".csv"])
def test_a_name_without_a_format_is_refused(file, name):
    error = refusal(file(name, "text\na\n"))
    assert "does not tell its format" in error.message
    assert ".parquet" in error.hint


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet", "rows.arrow", "rows.csv.gz"])
def test_a_picture_is_refused(file, name):
    assert "cannot be read as" in refusal(file(name, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe" * 20)).message


def test_a_broken_row_of_a_csv_is_named(file):
    error = refusal(file("rows.csv", "a,b\n1,2\n3\n4,5\n"))
    assert error.message.endswith("line 3 has 1 cell, and the header has 2")


def test_the_line_of_a_broken_row_is_that_of_an_editor(file):
    error = refusal(file("rows.csv", 'a,b\r\n"one\r\ntwo",2\r\n\r\n3,4,5\r\n'))
    assert error.message.endswith("line 5 has 3 cells, and the header has 2")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"a": 2', "line 2 is no JSON"),
        ("[1, 2]", "line 2 is no JSON object"),
        ("5", "line 2 is no JSON object"),
        ('{"a": 2, "a": 3}', "line 2 has one key twice"),
    ],
)
def test_a_broken_line_of_a_jsonl_is_named(file, line, fault):
    line = line.encode() if isinstance(line, str) else line
    assert fault in refusal(file("rows.jsonl", b'{"a": 1}\n' + line + b"\n")).message


def test_a_broken_line_is_found_without_the_lines_before_it_in_memory(file, monkeypatch):
    """Nothing of the file is held but a block: what reads all of it is not called."""

    def read_all(path):
        raise AssertionError("the whole file was read")

    monkeypatch.setattr(json_file, "_read_slowly", read_all)
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 64)
    lines = b"".join(b'{"a": %d}\r\n' % number for number in range(1000))
    for line, fault in (
        (b'{"a": caf\xe9}', "is no JSON: "),
        (b"[]", "is no JSON object"),
        (b'{"a": 1, "a": 2}', "has one key twice"),
    ):
        for rest in (b"", b"\r\n", b"\n\n" + lines):
            assert f"line 1001 {fault}" in refusal(file("rows.jsonl", lines + line + rest)).message
    assert "line 1 is no JSON object" in refusal(file("rows.jsonl", b"5\n" + lines)).message


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('[{"a": 1},\n 5]', "line 2 is no JSON object"),
        ('[{"a": 1},\n {"a": }]', "line 2 is no JSON"),
        ('[{"a": 1},\n {"a": 2}', "line 2 is no JSON"),
        ('{"a": [\n1}', "line 1 is no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_document_is_named_by_its_line(file, content, fault):
    assert fault in refusal(file("rows.json", content)).message


def test_text_that_is_not_utf_8_costs_no_other_column_and_says_where(file):
    table = read_table(file("rows.csv", 'id,text\n1,"a\nb"\n2,caf\u00e9\n'.encode("latin-1")))
    assert table.column("id").to_pylist() == [1, 2]
    assert table.schema.field("text").type.reason == "'caf\u00e9' in line 4, which is not UTF-8 text"
    path = file("rows.parquet", b"")
    parquet.write_table(pa.table({"id": [1], "text": pa.array([b"caf\xe9"]).view(pa.string())}), path)
    table = read_table(path)
    assert table.column("id").to_pylist() == [1]
    assert table.schema.field("text").type.reason == "'caf\u00e9' in row 1, which is not UTF-8 text"


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
    assert refusal(path).message == f"`{path}` cannot be read: permission denied"


@settings(max_examples=150, deadline=None)
@given(content=st.binary(min_size=1, max_size=200), name=st.sampled_from(["rows.csv", "rows.jsonl", "rows.arrow"]))
def test_no_bytes_lead_to_any_error_but_a_data_error(tmp_path_factory, content, name):
    path = tmp_path_factory.mktemp("bytes") / name
    path.write_bytes(content)
    try:
        read_table(path).to_pylist()
    except DataError as error:
        metadata = error.message
    else:
        metadata = str(path)
    assert str(path) in metadata


# What is damaged


def ipc(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as written:
        written.write_table(table)
    return sink.getvalue().to_pybytes()


def test_texts_that_end_before_they_begin_are_refused(file):
    offsets = pa.array([0, 9, 2, 12], pa.int32()).buffers()[1]
    texts = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"abcdefghijkl"))
    with pytest.raises(DataError, match="cannot be read as arrow"):
        read(file("rows.arrow", ipc(pa.table({"text": texts}))))


@pytest.mark.parametrize("code", [-1, 2, 1_000_000])
def test_a_code_that_stands_for_nothing_is_refused(file, code):
    codes = pa.DictionaryArray.from_arrays(pa.array([0, code], pa.int32()), pa.array(["a", "b"]), safe=False)
    with pytest.raises(DataError, match="stands for none of 2 values"):
        read(file("rows.arrow", ipc(pa.table({"text": codes}))))


@pytest.mark.parametrize("digits", [4299, 4301, 100_000])
@pytest.mark.parametrize("layout", ['[{{"text": "a", "n": {0}}}]', '{{"text": "a",\n "n": {0}}}'])
def test_a_number_of_too_many_digits_is_text(file, digits, layout):
    number = "9" * digits
    assert read(file("rows.json", layout.format(number))) == {"text": ["a"], "n": [number]}


@pytest.mark.parametrize("digits", [11, 18])
@pytest.mark.parametrize("layout", ['[{{"text": "a", "n": {0}}}]', '{{"text": "a",\n "n": {0}}}'])
def test_a_number_of_some_digits_is_one(file, digits, layout):
    number = int("9" * digits)
    assert read(file("rows.json", layout.format(number))) == {"text": ["a"], "n": [number]}
