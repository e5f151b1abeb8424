"""Files of predictions: their formats, their schemas, and the file of every view."""

from __future__ import annotations

import json
import typing

import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from mqa_registry import DataError, NotRunError
from mqa_registry.types import SCHEMAS
from mqa_replay.file import FileOptions, FileReplay, SchemaName

LABELS = pa.table({"id": ["1", "2"], "label": ["no", "yes"]})
PROBABILITY_TABLE = pa.table({"id": [1, 2], "no": [0.9, 0.2], "yes": [0.1, 0.8], "text": ["a", "b"]})


def write(path, table):
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    elif path.suffix == ".arrow":
        feather.write_feather(table, path)
    elif path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()), encoding="utf-8")
    return path


def read_predictions(path, view="reviews", **options):
    return FileReplay().read(view, FileOptions(path=path, **options))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".jsonl", ".csv"])
def test_one_file_in_any_format_has_the_predictions_for_unperturbed_rows(tmp_path, suffix):
    predictions = read_predictions(write(tmp_path / f"last-month{suffix}", PROBABILITY_TABLE))
    assert predictions.ids.to_pylist() == ["1", "2"]
    assert predictions.main.to_pylist() == ["no", "yes"]
    assert predictions.classes == ("no", "yes")
    assert predictions.probabilities.tolist() == [[0.9, 0.1], [0.2, 0.8]]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@pytest.mark.parametrize(
    ("schema", "columns"),
    [
        ("label", {"label": ["a", "b"]}),
        ("labels", {"labels": [["a", "b"], []]}),
        ("spans", {"spans": [[{"start": 0, "end": 3, "label": "PER"}], []]}),
        ("vector", {"vector": [[0.5, 1.0], [0.25, 2.0]]}),
        ("value", {"value": [0.5, 2.0]}),
        ("text", {"text": ["one", "2026-11-21"]}),
        ("ranking", {"ranking": [["a", "b"], ["b"]]}),
    ],
)
def test_predictions_of_every_schema_are_read(tmp_path, suffix, schema, columns):
    path = write(tmp_path / f"predictions{suffix}", pa.table({"id": ["1", "2"], **columns}))
    predictions = read_predictions(path, schema=schema)
    assert predictions.schema == schema
    (name, values), = columns.items()  # fmt: skip
    expected = [[span | {"score": None} for span in row] for row in values] if schema == "spans" else values
    assert predictions.table.column(name).to_pylist() == expected


def test_a_csv_of_vectors_has_a_column_per_dimension(tmp_path):
    (tmp_path / "vectors.csv").write_text("id,x,y\n007,0.5,1.5\n008,2.5,3.0\n")
    predictions = read_predictions(tmp_path / "vectors.csv", schema="vector")
    assert predictions.ids.to_pylist() == ["007", "008"]
    assert predictions.values.tolist() == [[0.5, 1.5], [2.5, 3.0]]


def test_classes_name_the_probability_columns(tmp_path):
    path = write(tmp_path / "predictions.csv", PROBABILITY_TABLE.append_column("weight", pa.array([3.5, 4.5])))
    assert read_predictions(path, classes=["yes", "no"]).classes == ("yes", "no")
    with pytest.raises(DataError) as raised:
        read_predictions(path)
    assert raised.value.message == f"`{path}`: row `1` has 3.5 in column `weight`, and a probability lies in [0, 1]"


def test_a_folder_has_a_file_for_every_view(tmp_path):
    write(tmp_path / "reviews.parquet", LABELS)
    write(tmp_path / "reviews.typos-3f2a9c.jsonl", LABELS.slice(1))
    write(tmp_path / "other.csv", LABELS)
    assert len(read_predictions(tmp_path)) == 2
    assert read_predictions(tmp_path, "reviews.typos-3f2a9c").ids.to_pylist() == ["2"]


def test_a_view_without_a_file_is_not_run_and_gets_a_hint(tmp_path):
    write(tmp_path / "reviews.parquet", LABELS)
    with pytest.raises(NotRunError, match=r"no predictions for view `reviews\.typos-3f2a9c`") as raised:
        read_predictions(tmp_path, "reviews.typos-3f2a9c")
    assert "`mqa rows SUITE --out DIR`" in raised.value.hint
    assert "`reviews.typos-3f2a9c.parquet`" in raised.value.hint


def test_one_file_has_no_predictions_for_perturbed_rows(tmp_path):
    path = write(tmp_path / "reviews.parquet", LABELS)
    with pytest.raises(NotRunError, match=r"only for unperturbed rows, and view `reviews\.typos-3f2a9c`") as raised:
        read_predictions(path, "reviews.typos-3f2a9c")
    assert "`mqa rows SUITE --out DIR`" in raised.value.hint


def test_two_files_for_one_view_are_refused(tmp_path):
    write(tmp_path / "reviews.parquet", LABELS)
    write(tmp_path / "reviews.csv", LABELS)
    with pytest.raises(DataError, match=r"`reviews\.csv` and `reviews\.parquet` for one view"):
        read_predictions(tmp_path)


@pytest.mark.parametrize("view", ["../secret", "/etc/passwd", "..", "", "a/b"])
def test_no_view_name_leads_out_of_the_folder(tmp_path, view):
    write(tmp_path / "secret.parquet", LABELS)
    (tmp_path / "inside").mkdir()
    with pytest.raises(NotRunError):
        read_predictions(tmp_path / "inside", view)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"label": ["a"]}, "there is no column `id`"),
        ({"id": ["1"]}, "there is no column `label`"),
        ({"id": ["1", "1"], "label": ["a", "b"]}, "1 of the ids stand in more than one row, `1` among them"),
        ({"id": [None, "1"], "label": ["a", "b"]}, "1 of 2 rows have no `id`"),
    ],
)
def test_unusable_predictions_are_refused_with_the_name_of_the_file(tmp_path, table, message):
    path = write(tmp_path / "predictions.parquet", pa.table(table))
    with pytest.raises(DataError) as raised:
        read_predictions(path)
    assert raised.value.message == f"`{path}`: {message}"


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_predictions(tmp_path / "none.parquet")


def test_the_schemas_of_the_option_are_those_of_the_host():
    assert set(typing.get_args(SchemaName)) == set(SCHEMAS)
