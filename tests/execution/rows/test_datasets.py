"""Reading data sets: the rows and columns that a run needs, by piece, and where they are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mqa_fairness import column_slices
from mqa_registry import DataError, Dataset, RunContext, Slice, TableSource, open_table
from mqa_registry import plan as plans
from mqa_registry.errors import ContributionError, MissingColumnError
from mqa_registry.execution import load_rows
from mqa_registry.execution.rows import sources
from mqa_registry.execution.rows.columns import columns_read
from mqa_registry.stats.randomness import generator
from mqa_registry.suite import Data, Use
from tests.stand_ins import make_probe, make_task

N_ROWS = 1_000
TABLE = pa.table(
    {
        "id": [f"row-{row}" for row in range(N_ROWS)],
        "text": [f"tree {row}" for row in range(N_ROWS)],
        "label": ["few"] * N_ROWS,
        "gender": ["f", "m"] * (N_ROWS // 2),
        "notes": [f"note {row}" for row in range(N_ROWS)],
    }
)
FIELDS = ["id", "text", "label", "target"]


def open_rows(context, *, path):
    return open_table(path)


def in_pieces(table, pieces=None, *, num_rows=None, size=100):
    """A source of a table in pieces of some rows; `pieces` gets the number of each that is read."""

    def read(columns, stop):
        for start in range(0, len(table), size):
            if pieces is not None:
                pieces.append(start // size)
            yield from table.slice(start, size).to_batches()

    return TableSource(read, num_rows)


@pytest.fixture
def load(engine, tmp_path):
    """The rows of a suite's only data set; its source is a function that gives one, or a table in a parquet file."""

    def load(source, *checks, scratch=None, **rest):
        if isinstance(source, pa.Table):
            path = tmp_path / "rows.parquet"
            parquet.write_table(source, path, row_group_size=100, compression="NONE", use_dictionary=False)
            use = Use("test/file", Dataset("file", open_rows), {}, {"path": path})
        else:
            use = Use("test/source", Dataset("source", source))
        suite = engine.suite(*(checks or [engine.check()]))
        plan = plans.make(replace(suite, data={"words": Data("words", use, **rest)}))
        context = RunContext(exports=tmp_path, scratch=scratch)
        return load_rows(plan, context)["words"]

    return load


def by(column):
    one = Slice("column", column_slices.column, columns=column_slices.name_column)
    return Use("fairness/column", one, {"column": column}, {"column": column})


# What is wrong with a row


def with_nulls(name, *rows):
    values = TABLE[name].to_pylist()
    for row in rows:
        values[row] = None
    return TABLE.set_column(TABLE.column_names.index(name), name, pa.array(values, pa.string()))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (with_nulls("text", 7), "has 1 row (row `row-7`) without a value in `text`"),
        (with_nulls("text", 7, 9), "has 2 rows (row `row-7` first) without a value in `text`"),
        (with_nulls("text", 7).drop_columns(["id"]), "has 1 row (row 8) without a value in `text`"),
        (with_nulls("id", 7), "has 1 row (row 8) without an `id`"),
        (TABLE.set_column(0, "id", [["a"] * 2 + TABLE["id"].to_pylist()[2:]]), "has 1 id more than once, `a`"),
        (
            TABLE.set_column(0, "id", [["a", "b"] * 2 + TABLE["id"].to_pylist()[4:]]),
            "has 2 ids more than once, `a` among them",
        ),
    ],
)
def test_a_row_without_a_value_and_an_id_that_stands_twice_are_named(load, table, message):
    with pytest.raises(DataError) as refused:
        load(table)
    assert refused.value.message == f"the data set `words` {message}"
    assert refused.value.hint


def test_a_column_that_is_missing_is_not_guessed_to_be_a_role(load):
    with pytest.raises(MissingColumnError) as refused:
        load(TABLE.rename_columns(["id", "review", "label", "gender", "notes"]))
    assert refused.value.hint.startswith("it has `review`, `label`, `gender`, `notes`;")


# Rows


@pytest.mark.parametrize("num_rows", [None, N_ROWS])
def test_a_source_in_pieces_gives_the_rows_of_its_table(load, num_rows):
    rows = load(lambda context: in_pieces(TABLE, num_rows=num_rows))
    assert rows.table.select(["id", "text"]).equals(TABLE.select(["id", "text"]))
    assert rows.digest == load(lambda context: TABLE).digest


@pytest.mark.parametrize("num_rows", [None, N_ROWS])
@pytest.mark.parametrize(
    "shape", [{"sample": 50}, {"sample": 50, "limit": 7}, {"limit": 30}, {"sample": 5 * N_ROWS, "limit": 30}]
)
def test_samples_and_limits_take_the_same_rows_of_a_source_as_of_a_table(load, num_rows, shape):
    indices = np.arange(N_ROWS)
    if shape.get("sample") == 50:
        indices = np.sort(generator(7, "sample", "words").choice(N_ROWS, 50, replace=False))
    indices = indices[: shape.get("limit")]
    for source in (lambda context: in_pieces(TABLE, num_rows=num_rows), lambda context: TABLE):
        rows = load(source, **shape)
        assert rows.ids.to_pylist() == [f"row-{row}" for row in indices]
        expected = [row + 1 for row in indices] if shape.get("sample") == 50 else None
        assert (None if rows.numbers is None else list(rows.numbers)) == expected


def test_pieces_behind_a_limit_are_not_read(load, monkeypatch):
    monkeypatch.setattr(sources, "digest_source", lambda use, source: "")  # which reads all
    monkeypatch.setattr("mqa_registry.execution.rows.datasets.digest_source", lambda use, source: "")
    pieces = []
    assert len(load(lambda context: in_pieces(TABLE, pieces), limit=130)) == 130
    assert pieces == [0, 1]


def test_large_rows_are_in_a_file_that_has_no_name_any_more(load, tmp_path, monkeypatch):
    monkeypatch.setattr("mqa_registry.types.tables.spool.TableSpool.__init__.__kwdefaults__", {"limit": 1000})
    asked = []
    folder = tmp_path / "scratch"
    folder.mkdir()
    before = pa.total_allocated_bytes()
    rows = load(TABLE, scratch=lambda: asked.append(folder) or folder)
    assert asked
    assert list(folder.iterdir()) == []
    assert pa.total_allocated_bytes() - before < TABLE.nbytes / 2
    assert rows.ids.to_pylist() == TABLE.column("id").to_pylist()


def test_rows_that_cannot_be_written_are_an_error_of_the_store(load, tmp_path, monkeypatch):
    monkeypatch.setattr("mqa_registry.types.tables.spool.TableSpool.__init__.__kwdefaults__", {"limit": 1000})
    with pytest.raises(Exception, match="rows of the data set `words` cannot be written") as refused:
        load(TABLE, scratch=lambda: tmp_path / "nowhere")
    assert "--store" in refused.value.hint


# Columns


def corrupt(path, column):
    """Overwrite a column of a parquet file, so that reading it fails."""
    metadata = parquet.ParquetFile(path).metadata
    content = bytearray(Path(path).read_bytes())
    for group in range(metadata.num_row_groups):
        chunk = metadata.row_group(group).column(TABLE.column_names.index(column))
        content[chunk.data_page_offset : chunk.data_page_offset + 50] = b"\xff" * 50
    Path(path).write_bytes(content)


def test_a_column_that_nobody_reads_is_not_read(engine, tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(TABLE, path, compression="NONE", use_dictionary=False)
    corrupt(path, "notes")
    data = {"words": Data("words", Use("test/file", Dataset("file", open_rows), {}, {"path": path}))}
    plan = plans.make(replace(engine.suite(engine.check(by=by("gender"))), data=data))
    rows = load_rows(plan, RunContext(exports=tmp_path))["words"]
    assert rows.table.select(["text", "gender"]).equals(TABLE.select(["text", "gender"]))
    plan = plans.make(replace(engine.suite(engine.check(by=by("notes"))), data=data))
    with pytest.raises(DataError, match="cannot be read as parquet"):
        load_rows(plan, RunContext(exports=tmp_path))


def test_columns_that_the_suite_maps_are_read(load):
    assert load(TABLE, columns={"more": "notes"}).table.column_names == [
        "id",
        "text",
        "label",
        "notes",
        "more",
        "target",
    ]


def test_fields_and_roles_are_read(load):
    assert load(TABLE).table.column_names == FIELDS


@pytest.mark.parametrize("inputs", ["example", "table"])
def test_where_a_slice_may_read_any_column_all_are(load, engine, inputs):
    use = Use("test/any", Slice("any", lambda example: None, inputs=inputs))
    assert load(TABLE, engine.check(), engine.check("sliced", by=use)).table.column_names == [
        *TABLE.column_names,
        "target",
    ]


def test_a_slice_of_predictions_reads_no_column(load, engine):
    use = Use("test/sure", Slice("sure", lambda predictions: None, inputs="predictions"))
    assert load(TABLE, engine.check(by=use)).table.column_names == FIELDS


@pytest.mark.parametrize("columns", [lambda: "gender", lambda: [3], lambda: 5, lambda: 1 / 0])
def test_where_a_slice_fails_to_say_what_it_reads_all_columns_are_read(load, engine, columns):
    use = Use("test/any", Slice("any", lambda example: None, columns=columns))
    assert "notes" in load(TABLE, engine.check(by=use)).table.column_names


@pytest.mark.parametrize(
    ("declared", "expected"), [({}, None), ({"columns": lambda self, options: ["notes"]}, {"notes"})]
)
def test_a_probe_may_say_which_columns_it_reads(engine, declared, expected):
    probe = make_probe("probe", lambda context: None)
    for name, function in declared.items():
        setattr(type(probe), name, function)
    plan = plans.make(engine.suite(engine.check("probed", measure=Use("test/probe", probe))))
    assert columns_read(plan, "words") == expected
    assert columns_read(plan, "other") == set()


def test_the_error_of_a_missing_column_lists_all(load, engine):
    with pytest.raises(MissingColumnError, match="no column `sex`") as missing:
        load(TABLE, columns={"gender": "sex"})
    assert "`notes`" in missing.value.hint
    assert "notes" in load(TABLE, engine.check(by=by("sex"))).table.column_names  # for the slice to say so


def test_without_a_model_every_column_of_text_is_a_field_unless_some_are_mapped(tmp_path, engine):
    suite = replace(engine.suite(engine.check()), model=None)
    use = Use("test/source", Dataset("source", lambda context: TABLE))
    for columns, names in (({}, [*TABLE.column_names, "target"]), ({"text": "text"}, FIELDS)):
        plan = plans.make(replace(suite, data={"words": Data("words", use, columns=columns)}))
        assert load_rows(plan, RunContext(exports=tmp_path))["words"].table.column_names == names


# What a source must not give


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (TableSource(lambda columns, stop: iter([])), "gave a source without a piece"),
        (TableSource(lambda columns, stop: iter([{"text": "a"}])), "a `pyarrow.Table` is expected"),
        (TableSource(lambda columns, stop: [TABLE, TABLE.select(["id"])]), "gave rows with the columns"),
        (TableSource(lambda columns, stop: 1 / 0), "crashed: ZeroDivisionError"),
        (TableSource(lambda columns, stop: (1 / 0 for _ in "a")), "crashed: ZeroDivisionError"),
        (TableSource("no function"), "cannot be read"),
        (TableSource(lambda columns, stop: [TABLE], -1), "cannot be read"),
        ("rows", "a `pyarrow.Table` is expected"),
    ],
)
def test_a_source_that_gives_no_rows_is_an_error_of_its_plugin(load, source, fault):
    with pytest.raises(ContributionError) as error:
        load(lambda context: source)
    assert fault in error.value.message
    assert "test/source" in error.value.message


def test_a_source_that_says_more_rows_than_it_has_is_an_error_of_its_plugin(load):
    with pytest.raises(ContributionError, match="gave fewer rows than the 5,000 that it said there are"):
        load(lambda context: in_pieces(TABLE, num_rows=5000), sample=900)


def test_a_task_with_other_fields_reads_those(engine, tmp_path):
    task = Use("test/notes", make_task(engine.letters.codec, "notes", fields={"notes": "text"}))
    suite = engine.suite(engine.check())
    use = Use("test/source", Dataset("source", lambda context: TABLE))
    plan = plans.make(replace(suite, model=replace(suite.model, task=task), data={"words": Data("words", use)}))
    names = load_rows(plan, RunContext(exports=tmp_path))["words"].table.column_names
    assert names == ["id", "label", "notes", "target"]
