"""Targets that are numbers."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.errors import DataError
from mqa_registry.types import Rows, read_targets


def read(*targets, kind=None):
    table = pa.table({"id": [str(number) for number in range(len(targets))], "target": pa.array(targets, kind)})
    return read_targets(Rows(table, ()), "value", (), data="d").main.to_pylist()


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_number_is_the_same_as_its_text(numbers):
    texts = [None if number is None else repr(number) for number in numbers]
    assert read(*texts, kind=pa.string()) == read(*numbers, kind=pa.float64()) == numbers


def test_whole_numbers_are_numbers_and_what_stands_for_none_is_missing():
    assert read(1, 2, None) == [1.0, 2.0, None]
    assert read(1.5, float("nan")) == [1.5, None]
    assert read(" 1.5 ", "", None, "1e3") == [1.5, None, None, 1000.0]


@pytest.mark.parametrize("text", ["good", "1,5", "inf", "nan", "1_000", "0x1", "4 stars"])
def test_a_text_that_is_no_finite_number_is_refused_with_its_row(text):
    with pytest.raises(DataError) as refused:
        read("1.0", text)
    assert refused.value.message == f"row 2 of the data set `d` has the target `{text}`, which is no finite number"


def test_an_infinite_target_is_refused():
    with pytest.raises(DataError, match="row 2 of the data set `d` has the target `inf`"):
        read(1.0, float("inf"))


def test_lists_are_refused():
    with pytest.raises(DataError, match="schema `value` needs double"):
        read([1.0], [2.0])
