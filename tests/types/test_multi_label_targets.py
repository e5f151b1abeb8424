"""Targets of several labels a row: lists of names, the JSON of such lists, or a row of 0 and 1 for the classes."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.errors import DataError
from mqa_registry.types import Rows, read_targets

CLASSES = ("music", "sport", "food")


def rows(targets):
    ids = [str(number) for number in range(len(targets))]
    return Rows(pa.table({"id": ids, "target": targets}), ())


def read(targets, classes=CLASSES):
    return read_targets(rows(targets), "labels", classes, data="d").main.to_pylist()


def refusal(targets, classes=CLASSES):
    with pytest.raises(DataError) as refused:
        read(targets, classes)
    return refused.value


def test_lists_of_names_are_read_in_any_case_and_an_empty_list_is_no_missing_one():
    assert read([["Music", "sport "], [], None]) == [["music", "sport"], [], None]
    assert refusal([["music"], ["sport", "jazz"]]).message.startswith("row 2 of the data set `d` has the label `jazz`")


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.int64()), pa.list_(pa.float32()), pa.list_(pa.bool_()), pa.list_(pa.int8(), 3)]
)
def test_a_row_of_0_and_1_for_every_class_has_those_with_1(kind):
    of_one = bool if pa.types.is_boolean(kind.value_type) else int
    table = [[1, 0, 1], [0, 0, 0], None, [0, 1, 0]]
    targets = pa.array([row and [of_one(value) for value in row] for row in table], kind)
    assert read(targets) == [["music", "food"], [], None, ["sport"]]


def test_numbers_that_could_be_positions_are_refused():
    assert "`2`" in refusal([[2], [0, 1]]).message
    assert "`1`" in refusal([[1, 0], [0, 1]], ("music", "sport")).message
    assert read([[1, 0], [1, 1]], ("music", "sport")) == [["music"], ["music", "sport"]]  # the second has one twice
    assert read([[1.0, 0.0], [0.0, 1.0]], ("music", "sport")) == [["music"], ["sport"]]


@given(st.lists(st.none() | st.lists(st.booleans(), min_size=3, max_size=3), min_size=1))
def test_a_table_of_truth_values_and_lists_of_names_mean_the_same(table):
    names = [None if row is None else [name for name, has in zip(CLASSES, row, strict=True) if has] for row in table]
    assert read(pa.array(table, pa.list_(pa.bool_()))) == read(pa.array(names, pa.list_(pa.string()))) == names


def test_a_csv_has_lists_as_json():
    assert read(['["music", "food"]', "[]", "", None]) == [["music", "food"], [], None, None]


@pytest.mark.parametrize("text", ["music", "music,sport", "[1, 2]", '{"music": 1}', "[" * 2000])
def test_any_other_text_is_refused_with_its_row(text):
    error = refusal(['["music"]', text])
    assert error.message.startswith("row 2 of the data set `d` has the label `")
    assert error.hint == 'a csv writes a list as JSON: `["one", "two"]`'
