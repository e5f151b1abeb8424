"""Groups by what columns hold: values, ranges and quantiles of numbers, and the confidence of predictions."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_fairness.column_slices import assign_quantiles, column, confidence, crossed, quantiles, ranges
from mqa_registry import DataError, Predictions, UsageError
from mqa_registry.options import read_options, validate


@pytest.mark.parametrize(
    ("value", "group"),
    [
        ("women", "women"),
        (3, "3"),
        (0, "0"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (dt.date(2026, 11, 21), "2026-11-21"),
        (["a", "b"], ["a", "b"]),
        (["a", None], "a"),
        ([], "(no domain)"),
        ([None], "(no domain)"),
        (None, "(no domain)"),
        (float("nan"), "(no domain)"),
        ("", "(no domain)"),
    ],
)
def test_a_row_is_in_the_group_that_its_value_names(value, group):
    groups = column(pa.table({"domain": [value]}), column="domain")
    (names,) = groups if isinstance(groups, list) else groups.to_pylist()
    assert (names if isinstance(names, list) else [names]) == (group if isinstance(group, list) else [group])


@given(st.lists(st.sampled_from(["b", "a", "", None, "(no domain)"])), st.integers(1, 4))
def test_rows_of_several_chunks_are_in_the_groups_that_their_values_name(values, size):
    chunks = [pa.array(values[start : start + size], pa.string()) for start in range(0, len(values), size)]
    groups = column(pa.table({"domain": pa.chunked_array(chunks, pa.string())}), column="domain")
    assert groups.to_pylist() == [value or "(no domain)" for value in values]


def test_a_column_that_is_not_there_is_refused_with_a_guess_and_those_that_are():
    with pytest.raises(DataError, match="no column `domian`") as raised:
        column(pa.table({"id": ["1"], "text": ["fine"], "domain": ["nyt"]}), column="domian")
    assert raised.value.hint == "did you mean `domain`? they have `id`, `text`, `domain`"


def test_without_a_close_name_there_is_no_guess():
    with pytest.raises(DataError) as raised:
        column(pa.table({"id": ["1"]}), column="gender")
    assert raised.value.hint == "they have `id`"


@pytest.mark.parametrize(
    ("row", "groups"),
    [
        ({"sex": "F", "age": 3}, ["F, 3"]),
        ({"sex": None, "age": 3}, ["(no sex), 3"]),
        ({"sex": "", "age": float("nan")}, ["(no sex), (no age)"]),
        ({"sex": ["F", "M"], "age": 3}, ["F, 3", "M, 3"]),
    ],
)
def test_columns_are_crossed_and_a_missing_value_is_one_of_them(row, groups):
    assert crossed(row, columns=["sex", "age"]) == groups


@pytest.mark.parametrize("columns", [[], ["sex"], ["sex", "sex"]])
def test_crossing_takes_two_columns(columns):
    with pytest.raises(UsageError, match="needs two columns or more"):
        crossed({"sex": "F"}, columns=columns)


def test_a_column_to_cross_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="no column `race`"):
        crossed({"sex": "F"}, columns=["sex", "race"])


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


def quantile_groups(values, **options):
    return quantiles(pa.table({"age": values}), column="age", **options)


def test_parts_are_equally_large_and_named_by_what_is_in_them():
    found = quantile_groups(list(range(100)))
    assert Counter(found) == {
        "age 1/4 (0 to 24)": 25,
        "age 2/4 (25 to 49)": 25,
        "age 3/4 (50 to 74)": 25,
        "age 4/4 (75 to 99)": 25,
    }
    assert found[0] == "age 1/4 (0 to 24)"


def test_rows_without_a_number_are_a_group_of_their_own():
    assert quantile_groups([1, None, 2], n_bins=2) == ["age 1/2 (1 to 1)", "(no age)", "age 2/2 (2 to 2)"]
    assert quantile_groups(pa.array([float("nan"), 1.0])) == ["(no age)", "age 1/4 (1 to 1)"]
    assert quantile_groups(pa.array([None, None], pa.float64())) == ["(no age)"] * 2
    assert quantile_groups(pa.array([], pa.int64())) == []


def test_whole_and_decimal_numbers_will_do():
    assert quantile_groups([Decimal("1.5"), Decimal("2.5")], n_bins=2) == [
        "age 1/2 (1.5 to 1.5)",
        "age 2/2 (2.5 to 2.5)",
    ]


@pytest.mark.parametrize("values", [["a", "b"], [True, False], [[1], [2]]])
def test_a_column_of_something_else_is_refused(values):
    with pytest.raises(DataError, match=r"the column `age` holds .*, and not numbers"):
        quantile_groups(values)


def test_a_column_of_numbers_that_is_not_there_is_refused_with_a_guess():
    with pytest.raises(DataError, match="no column `aeg`") as raised:
        quantiles(pa.table({"age": [1]}), column="aeg")
    assert "did you mean `age`?" in raised.value.hint


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60), st.integers(2, 9))
def test_parts_rise_with_the_numbers_and_equal_ones_stay_together(numbers, count):
    numbers = np.array(numbers)
    parts = assign_quantiles(numbers, count)
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
    assert set(Counter(assign_quantiles(np.array(numbers, float), count).tolist()).values()) == {each}


def predictions(confidence):
    pairs = [None if one is None else [1 - one, one] for one in confidence]
    labels = [None if one is None else ("yes" if one >= 0.5 else "no") for one in confidence]
    columns = {
        "id": [str(n) for n in range(len(confidence))],
        "label": pa.array(labels, pa.string()),
        "probability": pa.array(pairs, pa.list_(pa.float64())),
    }
    return Predictions("label", pa.table(columns), ("no", "yes"))


def test_rows_are_split_by_the_probability_of_the_predicted_class_whichever_it_is():
    found = confidence(predictions([0.9, 0.1, 0.55, 0.4, 0.99, 0.2]), n_bins=3)
    assert found == [f"confidence {part}/3" for part in (2, 2, 1, 1, 3, 2)]


def test_a_row_without_a_prediction_is_in_no_group():
    assert confidence(predictions([None, 0.9, 0.6]), n_bins=2) == [None, "confidence 2/2", "confidence 1/2"]
    assert confidence(predictions([])) == []


def test_labels_alone_are_refused():
    labels = Predictions("label", pa.table({"id": ["1"], "label": ["yes"]}), ("no", "yes"))
    with pytest.raises(DataError, match="confidence needs probabilities"):
        confidence(labels)


@pytest.mark.parametrize("function", [quantiles, confidence], ids=lambda function: function.__name__)
def test_there_are_four_parts_unless_a_suite_says_two_to_nine(function):
    options = read_options(function)
    assert options.get("n_bins").default == 4
    column = {"column": "age"} if "column" in options.names else {}
    assert [bool(validate(options, {"n_bins": count} | column, owner="it").faults) for count in (1, 2, 9, 10)] == [
        True, False, False, True,
    ]  # fmt: skip
