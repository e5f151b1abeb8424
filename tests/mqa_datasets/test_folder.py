"""Folders of files with a table that has a row for each."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from mqa_datasets.folder import rows_in_folder
from mqa_registry import DataError, RunContext
from tests.stand_ins import read_all


@pytest.fixture
def folder(tmp_path):
    """Three images, one of them in a folder of its own, without a table."""
    root = tmp_path / "photos"
    (root / "night").mkdir(parents=True)
    for name in ("a.png", "b.png", "night/c.png"):
        (root / name).write_bytes(b"png")
    return root


def rows_of(folder, **options):
    return rows_in_folder(RunContext(exports=folder), path=folder, **options)


def write_table(folder, names, **columns):
    lines = [",".join(["file_name", *columns]), *(",".join(row) for row in zip(names, *columns.values(), strict=True))]
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")


def refusal(folder, **options):
    with pytest.raises(DataError) as refused:
        read_all(rows_of(folder, **options))
    assert "\n" not in refused.value.message
    assert refused.value.hint
    return refused.value


def test_every_row_has_the_whole_path_of_its_file_and_its_other_columns(folder):
    write_table(folder, ["b.png", "night/c.png"], label=["day", "night"])
    table = read_all(rows_of(folder, field="image"))
    assert table.to_pydict() == {
        "file_name": ["b.png", "night/c.png"],
        "label": ["day", "night"],
        "image": [str(folder / "b.png"), str(folder / "night" / "c.png")],
    }


def test_a_relative_folder_gives_whole_paths_too(folder, monkeypatch):
    write_table(folder, ["a.png"])
    monkeypatch.chdir(folder.parent)
    (path,) = read_all(rows_of(Path("photos"))).column("file").to_pylist()
    assert path == str(folder / "a.png")


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.parquet"])
def test_the_table_may_be_of_another_format(folder, name):
    if name.endswith("jsonl"):
        (folder / name).write_text('{"file_name": "a.png", "label": 1}\n')
    else:
        parquet.write_table(pa.table({"file_name": ["a.png"], "label": [1]}), folder / name)
    assert read_all(rows_of(folder)).to_pylist() == [{"file_name": "a.png", "label": 1, "file": str(folder / "a.png")}]


def test_the_columns_that_are_asked_for_are_given(folder):
    write_table(folder, ["a.png"], label=["day"], notes=["none"])
    assert read_all(rows_of(folder), {"file", "label"}).column_names == ["label", "file"]
    assert read_all(rows_of(folder), {"label"}).column_names == ["label"]
    assert read_all(rows_of(folder, field="file_name"), {"file_name"}).to_pydict() == {
        "file_name": [str(folder / "a.png")]
    }


def test_missing_files_are_counted_and_the_first_are_named(folder):
    write_table(folder, ["a.png", *(f"{number}.png" for number in range(5)), "night"])
    error = refusal(folder)
    assert error.message == (f"6 files of the table of `{folder}` are not there: `0.png`, `1.png`, `2.png` and 3 more")


def test_they_are_missing_even_where_few_rows_are_read(folder):
    write_table(folder, ["a.png", "none.png"])
    with pytest.raises(DataError, match="1 file of"):
        rows_of(folder)


@pytest.mark.parametrize(
    "name", ["../secret.png", "/etc/hostname", "night/../../secret.png", "link.png", "away/secret.png"]
)
def test_a_name_that_leads_out_of_the_folder_is_refused(folder, name):
    (folder.parent / "secret.png").write_bytes(b"png")
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "away").symlink_to(folder.parent)
    write_table(folder, [name])
    assert f"`{name}`" in refusal(folder).message
    assert "outside of the folder" in refusal(folder).message


def test_a_link_to_another_file_of_the_folder_is_a_file(folder):
    (folder / "link.png").symlink_to("a.png")
    write_table(folder, ["link.png"])
    assert len(read_all(rows_of(folder))) == 1


def test_a_pipe_is_no_file(folder):
    os.mkfifo(folder / "pipe.png")
    write_table(folder, ["pipe.png"])
    assert "is not there: `pipe.png`" in refusal(folder).message


def test_a_folder_needs_one_table(folder):
    assert "no table of its files" in refusal(folder).message
    write_table(folder, ["a.png"])
    (folder / "metadata.jsonl").write_text('{"file_name": "a.png"}')
    assert "both `metadata.csv` and `metadata.jsonl`" in refusal(folder).message


def test_without_a_table_the_folder_of_a_file_is_its_label(tmp_path):
    for name in ("cat/b.png", "cat/more/a.png", "dog/c.png", "dog/.hidden", ".cache/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"png")
    table = read_all(rows_of(tmp_path, field="image"))
    names = ["cat/b.png", "cat/more/a.png", "dog/c.png"]
    assert table.column("file_name").to_pylist() == names
    assert table.column("label").to_pylist() == ["cat", "cat", "dog"]
    assert table.column("image").to_pylist() == [str(tmp_path / name) for name in names]
    assert read_all(rows_of(tmp_path), {"label"}).column_names == ["label"]


def test_a_file_in_no_folder_of_a_class_is_named(folder):
    with pytest.raises(DataError, match=r"`a\.png` is in no folder of a class"):
        rows_of(folder)


def test_a_link_in_the_folder_of_a_class_that_leads_out_of_it_is_refused(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"png")
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "cat" / "a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(DataError, match="lies outside"):
        rows_of(tmp_path / "photos")


def test_a_folder_that_is_not_there_is_refused_with_a_guess(folder):
    error = refusal(folder.parent / "photo")
    assert error.message.startswith("there is no folder")
    assert error.hint == "did you mean `photos`?"


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("name\na.png\n", "no column `file_name`"),
        ("file_name,label\n,day\n", "1 row without a `file_name`"),
        ("file_name\n1\n", "holds int64, and no names"),
        ("file_name,file\na.png,x\n", "a column `file` of its own"),
    ],
)
def test_a_table_that_names_no_files_is_refused(folder, table, fault):
    (folder / "metadata.csv").write_text(table)
    assert fault in refusal(folder).message


def test_a_table_without_rows_gives_none(folder):
    write_table(folder, [])
    assert len(read_all(rows_of(folder))) == 0
