"""The columns of a row as one value, for tasks that read tables."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry import DataError, Dataset, RunContext
from mqa_registry.execution.rows.datasets import load_dataset
from mqa_registry.suite import Data, Use
from tests.stand_ins import make_task

TABLE = pa.table(
    {
        "id": ["a", "b"],
        "age": pa.array([39, None], pa.int8()),
        "hours": pa.array([40.5, float("nan")], pa.float32()),
        "sex": pa.array(["Male", "Female"]).dictionary_encode(),
        "income": ["low", "high"],
    }
)


@pytest.fixture
def load(tmp_path):
    """The rows of a table as a task of tables reads them; `read` are the columns that checks read by their names."""

    def load(table, read=(), **rest):
        use = Use("test/rows", Dataset("rows", lambda context: table))
        task = make_task(fields={"columns": "columns"})
        return load_dataset(Data("people", use, **rest), task, RunContext(exports=tmp_path), 0, read)

    return load


def test_a_row_has_every_column_without_a_role_in_64_bits_and_none_for_what_is_missing(load):
    rows = load(TABLE, columns={"target": "income"})
    assert [example["columns"] for example in rows.examples()] == [
        {"age": 39, "hours": 40.5, "sex": "Male"},
        {"age": None, "hours": None, "sex": "Female"},
    ]
    kind = rows.table.schema.field("columns").type
    assert [field.type for field in kind] == [pa.int64(), pa.float64(), pa.string()]


def test_columns_stay_on_their_own_where_a_check_reads_them(load):
    columns = {"target": "income"}
    assert load(TABLE, columns=columns).table.column_names == ["id", "income", "target", "columns"]
    assert load(TABLE, ["sex"], columns=columns).table.column_names == ["id", "sex", "income", "target", "columns"]
    assert load(TABLE, None, columns=columns).table.column_names == [*TABLE.column_names, "target", "columns"]


def test_a_label_is_the_target_unless_another_column_is(load):
    table = TABLE.append_column("label", pa.array(["x", "y"]))
    assert "label" not in next(load(table).examples())["columns"]
    assert next(load(table, columns={"target": "income"}).examples())["columns"]["label"] == "x"


def test_ids_follow_from_all_columns(load):
    table = TABLE.drop_columns(["id"])
    first, other = (load(one).ids.to_pylist() for one in (table, table.take([1, 0])))
    assert len(set(first)) == 2
    assert first == other[::-1]


def test_a_table_of_ids_alone_is_refused(load):
    with pytest.raises(DataError, match="the data set `people` has no columns besides `id`"):
        load(TABLE.select(["id"]))
