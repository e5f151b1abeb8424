"""Files of rows changed at random are read, or refused in one line."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mqa_datasets.files import rows_of_arrays
from mqa_registry import read_table

ROWS = [{"text": f'row {row}, "said"\nand é', "label": row % 2, "score": row / 7, "id": str(row)} for row in range(20)]


def _csv() -> bytes:
    lines = ["text,label,score,id", *(f'"row {row}, ""said"" é",{row % 2},{row / 7},{row}' for row in range(20))]
    return "\r\n".join(lines).encode()


def _jsonl() -> bytes:
    return "\n".join(json.dumps(row) for row in ROWS).encode()


def _json() -> bytes:
    return json.dumps(ROWS, indent=1).encode()


def _parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), sink, row_group_size=8)
    return sink.getvalue()


def _arrow() -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_file(sink, table.schema) as file:
        file.write_table(table)
    return sink.getvalue()


MADE = {"csv": _csv, "jsonl": _jsonl, "json": _json, "parquet": _parquet, "arrow": _arrow}


@pytest.mark.slow
@pytest.mark.trials(400)
@pytest.mark.parametrize("kind", MADE)
def test_changed_rows(fuzz, tmp_path, kind):
    path = tmp_path / f"rows.{kind}"
    for content in fuzz.changed([MADE[kind]()], binary=kind in {"parquet", "arrow"}):
        path.write_bytes(content)
        fuzz.tried_apart(lambda: read_table(path).to_pylist(), content)


@pytest.mark.slow
@pytest.mark.trials(400)
def test_changed_arrays(fuzz, tmp_path):
    sink = io.BytesIO()
    np.savez(
        sink, ids=np.arange(12).reshape(4, 3), mask=np.ones((4, 3), np.float16), target=np.array(["a", "b", "a", "b"])
    )
    path = tmp_path / "rows.npz"
    for content in fuzz.changed([sink.getvalue()], binary=True):
        path.write_bytes(content)
        fuzz.tried_apart(lambda: rows_of_arrays(None, path=path).to_pylist(), content)
