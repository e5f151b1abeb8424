from __future__ import annotations

from collections import Counter
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_fairness.numbers import parts_of, quantiles, ranges
from mqa_registry import DataError, UsageError


@pytest.mark.parametrize(
    ("age", "name"),
    [
        (17, "age under 18"),
        (17.99, "age under 18"),
        (18, "age 18 to 65"),
        (64, "age 18 to 65"),
        (65, "age 65 and over"),
        (float("inf"), "age 65 and over"),
        (None, "(no age)"),
        (float("nan"), "(no age)"),
    ],
)
def test_a_range_has_its_lower_edge(age, name):
    assert ranges({"age": age}, column="age", edges=[18, 65]) == name


@pytest.mark.parametrize("edges", [[], [2, 2], [3, 1]])
def test_edges_must_rise(edges):
    with pytest.raises(UsageError, match="`edges` must rise"):
        ranges({"age": 1}, column="age", edges=edges)


@pytest.mark.parametrize("value", ["old", True, [1]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(DataError, match=r"the column `age` has .* which is no number"):
        ranges({"age": value}, column="age", edges=[18])


def groups(values, **options):
    return quantiles(pa.table({"age": values}), column="age", **options)


def test_parts_are_equally_large_and_named_by_what_is_in_them():
    found = groups(list(range(100)))
    assert Counter(found) == {
        "age 1/4 (0 to 24)": 25,
        "age 2/4 (25 to 49)": 25,
        "age 3/4 (50 to 74)": 25,
        "age 4/4 (75 to 99)": 25,
    }
    assert found[0] == "age 1/4 (0 to 24)"


def test_rows_without_a_number_are_a_group_of_their_own():
    assert groups([1, None, 2], count=2) == ["age 1/2 (1 to 1)", "(no age)", "age 2/2 (2 to 2)"]
    assert groups(pa.array([float("nan"), 1.0])) == ["(no age)", "age 1/4 (1 to 1)"]
    assert groups(pa.array([None, None], pa.float64())) == ["(no age)"] * 2
    assert groups(pa.array([], pa.int64())) == []


def test_whole_and_decimal_numbers_will_do():
    assert groups([Decimal("1.5"), Decimal("2.5")], count=2) == ["age 1/2 (1.5 to 1.5)", "age 2/2 (2.5 to 2.5)"]


@pytest.mark.parametrize("values", [["a", "b"], [True, False], [[1], [2]]])
def test_a_column_of_something_else_is_refused(values):
    with pytest.raises(DataError, match=r"the column `age` holds .*, and not numbers"):
        groups(values)


def test_a_column_that_is_not_there_is_refused_with_a_guess():
    with pytest.raises(DataError, match="no column `aeg`") as raised:
        quantiles(pa.table({"age": [1]}), column="aeg")
    assert "did you mean `age`?" in raised.value.hint


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60), st.integers(2, 9))
def test_parts_rise_with_the_numbers_and_equal_ones_stay_together(numbers, count):
    numbers = np.array(numbers)
    parts = parts_of(numbers, count)
    order = np.argsort(numbers, kind="stable")
    assert (np.diff(parts[order]) >= 0).all()
    assert all(len(set(parts[numbers == one])) == 1 for one in numbers)
    if len(numbers):
        assert parts.min() >= 0
        assert parts.max() < count


@given(st.integers(2, 9), st.integers(1, 30), st.randoms())
def test_parts_of_distinct_numbers_are_equally_large(count, each, random):
    numbers = list(range(count * each))
    random.shuffle(numbers)
    assert set(Counter(parts_of(np.array(numbers, float), count).tolist()).values()) == {each}
