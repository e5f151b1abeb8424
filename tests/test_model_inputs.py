"""Inputs that a caller in Python passes: what counts as arrays, texts and tables, and what has no meaning."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch

from mqa_registry import RowSources, RunOptions, resolve_rows
from mqa_registry.errors import MqaError

SOURCES = RowSources(
    sample="datasets/sentences", table="datasets/file", arrays="datasets/arrays", folder="datasets/folder"
)


class TwoInputs(torch.nn.Module):
    def forward(self, ids, mask, *, scale=1.0):
        return ids * mask * scale


MODEL = TwoInputs()
IDS, MASK = np.arange(6).reshape(3, 2), np.ones((3, 2), np.float32)


def resolve(inputs, model=MODEL, columns=None):
    return resolve_rows(inputs, model, RunOptions(), columns=columns or {}, sources=SOURCES)


def read(inputs, model=MODEL):
    """The rows of the table that inputs become."""
    (table,) = resolve(inputs, model).objects.values()
    return table.to_pylist()


ROWS = [
    {"id": f"row-{number}", "inputs": {"ids": IDS[number].tolist(), "mask": MASK[number].tolist()}}
    for number in range(3)
]


@pytest.mark.parametrize(
    "inputs",
    [
        (IDS, MASK),
        {"ids": IDS, "mask": MASK},
        (torch.tensor(IDS), torch.tensor(MASK, requires_grad=True)),
        [(IDS[:1], MASK[:1]), {"mask": MASK[1:], "ids": IDS[1:]}],
    ],
    ids=["by position", "by name", "tensors", "batches"],
)
def test_arrays_are_the_inputs_of_rows_by_the_names_of_the_arguments(inputs):
    rows = resolve(inputs)
    assert rows.are_arrays
    assert rows.table.keys() == {"use", "digest"}
    assert rows.objects.keys() == {rows.table["digest"]}
    assert [{"id": one["id"], "inputs": {**one["inputs"]}} for one in read(inputs)] == ROWS


def test_one_array_is_the_first_argument():
    assert [one["inputs"] for one in read(IDS)] == [{"ids": one.tolist()} for one in IDS]
    assert read([torch.tensor(IDS[:2]), IDS[2:]]) == read(IDS)


def test_ids_of_ones_own_are_kept():
    assert [one["id"] for one in read({"id": np.array(["a", "b", "c"]), "ids": IDS})] == ["a", "b", "c"]


def test_texts_are_rows_with_their_numbers():
    rows = resolve(["one", "two"], "a-model")
    assert not rows.are_arrays
    assert read(["one", "two"]) == [{"id": "row-0", "text": "one"}, {"id": "row-1", "text": "two"}]


@pytest.mark.parametrize("make", [lambda rows: rows, pa.Table.from_pylist, lambda rows: {"review": ["one"]}])
def test_tables_keep_their_columns_which_can_be_mapped(make):
    inputs = make([{"review": "one"}])
    assert resolve(inputs, columns={"text": "review"}).table["columns"] == {"text": "review"}
    assert read(inputs) == [{"review": "one"}]


def test_files_and_nothing_are_data_sets_of_the_plugin(tmp_path):
    for name in ("rows.csv", "rows.npz"):
        (tmp_path / name).touch()
    folder = resolve(str(tmp_path), columns={"image": "file"})
    assert folder.table == {"use": "datasets/folder", "path": str(tmp_path), "columns": {"image": "file"}}
    path = tmp_path / "rows.csv"
    table = {"use": "datasets/file", "path": str(path), "columns": {"text": "review"}}
    assert resolve(path, columns={"text": "review"}).table == table
    arrays = resolve(str(tmp_path / "rows.npz"))
    assert (arrays.are_arrays, arrays.table["use"]) == (True, "datasets/arrays")
    assert resolve(None).table == {"use": "datasets/sentences"}


@pytest.mark.parametrize(
    ("inputs", "model", "message"),
    [
        ([], MODEL, "`inputs` is empty"),
        ((), MODEL, "`inputs` is empty"),
        (IDS[:0], MODEL, "`inputs` has no rows"),
        ("gone.csv", MODEL, "there is no file `gone.csv`"),
        ([IDS, "a text"], MODEL, "`inputs` is a list of `ndarray` and `str`"),
        ((IDS, MASK, MASK), MODEL, "`inputs` has 3 arrays without a name, and the `TwoInputs` takes `ids`, `mask`"),
        (IDS, "model.pt2", "`inputs` has 1 array without a name, and `model.pt2` does not tell the names of its inputs"),
        (IDS, object(), "`inputs` has 1 array without a name, and the `object` does not tell the names of its inputs"),
        ([{"ids": IDS}, {"mask": MASK}], MODEL, "`inputs` has batches of `ids` and of `mask`"),
        ([IDS, IDS[:, :1]], MODEL, "`inputs` has batches of `ids` with the shapes (3, 2) and (3, 1)"),
        ((IDS, MASK[:2]), MODEL, "the arrays of the dict have different numbers of rows: `ids` (3, 2), `mask` (2, 2)"),
        (torch.zeros(2, 2, dtype=torch.bfloat16), MODEL, "an array of `inputs` cannot be read: Got unsupported ScalarType"),
        (7, MODEL, "the data set `inputs` is of type `int`, and no table"),
    ],
)  # fmt: skip
def test_what_has_no_rows_is_refused_in_one_line_with_a_hint(inputs, model, message):
    with pytest.raises(MqaError) as caught:
        resolve(inputs, model)
    assert caught.value.message.startswith(message), caught.value.message
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_traced_module_has_no_names_for_its_arguments():
    traced = torch.jit.trace(MODEL, (torch.ones(1, 2), torch.ones(1, 2)))
    with pytest.raises(
        MqaError, match="1 array without a name, and the `TopLevelTracedModule` does not tell the names"
    ):
        resolve(IDS, traced)


def test_columns_of_arrays_are_refused():
    for inputs in (IDS, None):
        with pytest.raises(MqaError, match="`columns` maps the columns of rows, and these have none"):
            resolve(inputs, columns={"text": "review"})
