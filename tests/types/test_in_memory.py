"""Tables in memory: rows of every common library are one table."""

from __future__ import annotations

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mqa_registry import as_table
from mqa_registry.errors import DataError

ROWS = [{"text": "é", "label": "yes", "size": 1}, {"text": "b", "label": "no", "size": 2}]
TABLE = pa.Table.from_pylist(ROWS)
LABELS = datasets.Features(
    {
        "text": datasets.Value("string"),
        "label": datasets.ClassLabel(names=["no", "yes"]),
        "size": datasets.Value("int64"),
    }
)


class GivesArrow:
    """What gives its columns by Arrow's interface, of no library that is known here."""

    def __arrow_c_stream__(self, requested_schema=None):
        return TABLE.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "value",
    [
        ROWS, tuple(ROWS), TABLE, TABLE.to_batches()[0], GivesArrow(),
        pd.DataFrame(ROWS), pd.DataFrame(ROWS, index=[7, 5]),
        pd.DataFrame(ROWS).astype({"label": "category"}), pd.DataFrame(ROWS).convert_dtypes(dtype_backend="pyarrow"),
        pl.DataFrame(ROWS), pl.DataFrame(ROWS).with_columns(pl.col("label").cast(pl.Categorical)),
        datasets.Dataset.from_list(ROWS), datasets.Dataset.from_pandas(pd.DataFrame(ROWS)),
        datasets.Dataset.from_list([ROWS[1], ROWS[0], ROWS[1]]).select([1, 0]),
        datasets.Dataset.from_list([{**row, "label": int(row["label"] == "yes")} for row in ROWS], features=LABELS),
        {"text": ["é", "b"], "label": ("yes", "no"), "size": [np.int64(1), 2]},
    ],
)  # fmt: skip
def test_the_same_rows_are_the_same_table(value):
    made = as_table(value)
    assert made.column_names == ["text", "label", "size"]
    assert made.to_pylist() == ROWS
    assert all(pa.types.is_string(kind) or pa.types.is_large_string(kind) for kind in made.schema.types[:2])


def test_an_index_with_a_name_is_a_column():
    assert as_table(pd.DataFrame(ROWS).set_index("label")).column("label").to_pylist() == ["yes", "no"]


def test_lists_of_text_are_lists_of_text_in_every_library():
    assert as_table(pl.DataFrame({"a": [["x"], ["y", "z"]]})).schema.field("a").type == pa.list_(pa.string())


def test_rows_need_not_have_the_same_keys():
    assert as_table([{"a": 1}, {"b": None}, {"b": "x"}]).to_pylist() == [
        {"a": 1, "b": None}, {"a": None, "b": None}, {"a": None, "b": "x"},
    ]  # fmt: skip


def test_numbers_and_words_in_one_column_of_rows_are_words_and_other_mixtures_are_refused_by_what_reads_them():
    table = as_table([{"a": 1, "b": {}, "c": 1}, {"a": "x", "b": "x", "c": 2}])
    assert table.column("a").to_pylist() == ["1", "x"]
    assert str(table.schema.field("b").type) == "an object in row 1 and text in row 2"


@pytest.mark.parametrize("value", [7, "text", b"text", None, ["a"], {"a": 1}, {}, object(), ROWS[0]])
def test_what_is_no_table_is_none(value):
    assert as_table(value) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (pd.DataFrame({"a": [1, "x"]}), "the `DataFrame` cannot be made a table: .* column a"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the `DataFrame` cannot be made a table: .*[Dd]uplicate column"),
        ({"a": [1], "b": [1, 2]}, "the `dict` cannot be made a table"),
        (datasets.Dataset.from_list(ROWS).to_iterable_dataset(), "a data set that streams has no known rows"),
    ],
)
def test_what_cannot_be_made_a_table_says_why(value, message):
    with pytest.raises(DataError, match=message):
        as_table(value)
