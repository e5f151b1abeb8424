"""`datasets/memory`: tables and arrays that a caller passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch

from mqa_datasets.files import rows_of_arrays
from mqa_datasets.memory import rows_in_memory, rows_of_object
from mqa_registry import DataError, RunContext

ARRAYS = {"x": np.arange(6, dtype=np.float32).reshape(3, 2), "target": np.array(["a", "b", "a"])}


def test_arrays_are_the_inputs_of_a_model_as_those_in_a_file_are(tmp_path):
    np.savez(tmp_path / "rows.npz", **ARRAYS)
    in_file = rows_of_arrays(RunContext(tmp_path), path=tmp_path / "rows.npz")
    assert rows_of_object(ARRAYS).equals(in_file)
    assert rows_of_object({**ARRAYS, "x": torch.from_numpy(ARRAYS["x"])}).equals(in_file)


def test_columns_of_words_are_columns():
    columns = {"text": pd.Series(["a", "b"]), "label": pd.Series(["x", "y"])}
    assert rows_of_object({name: list(column) for name, column in columns.items()}).num_rows == 2
    assert rows_of_object({"text": ["a"]}).column_names == ["text"]
    assert rows_of_object(7) is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((2, 2)), "y": np.zeros(3)}, "the arrays of the dict have different numbers of rows"),
        (
            {"x": np.zeros(2), "y": np.array(["a", "b"])},
            "the array `y` of the dict holds <U1, and a model reads numbers",
        ),
        ({"x": torch.zeros(2, requires_grad=True)}, "an array cannot be read"),
    ],
)
def test_arrays_that_no_model_reads_are_refused(arrays, message):
    with pytest.raises(DataError, match=message):
        rows_of_object(arrays)


def test_rows_are_found_by_their_digest():
    table = pa.table({"text": ["a"]})
    context = RunContext(Path(), objects={"sha256:1": table})
    assert rows_in_memory(context, digest="sha256:1") is table
    with pytest.raises(DataError, match="the data set is an object in the memory"):
        rows_in_memory(context)
