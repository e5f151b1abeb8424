"""Rows pass between processes: as many as there are, with all that they know."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path

import pyarrow as pa

from mqa_registry.types import Rows
from mqa_registry.types.blobs import BlobFolder

ROWS = Rows(
    pa.table({"id": [f"{number}" for number in range(10_000)], "text": ["a long text " * 20] * 10_000}),
    ("text",),
    "sha256:0",
    list(range(10_000)),
    {"use": "datasets/file"},
)


def test_rows_are_the_same_in_another_process():
    rows = replace(ROWS.slice(5, 9), blobs=("text",), folder=BlobFolder(Path("images")))
    there = pickle.loads(pickle.dumps(rows))
    assert {one.name: getattr(there, one.name) for one in fields(Rows)} == {
        one.name: getattr(rows, one.name) for one in fields(Rows)
    }


def test_some_rows_of_many_do_not_take_the_others_along():
    assert len(pickle.dumps(ROWS.slice(5, 9))) < 5000
