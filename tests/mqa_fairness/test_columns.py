from __future__ import annotations

import datetime as dt

import pytest

from mqa_fairness.columns import column, crossed
from mqa_registry import DataError, UsageError


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
    assert column({"domain": value}, column="domain") == group


def test_a_column_that_is_not_there_is_refused_with_a_guess_and_those_that_are():
    with pytest.raises(DataError, match="no column `domian`") as raised:
        column({"id": "1", "text": "fine", "domain": "nyt"}, column="domian")
    assert raised.value.hint == "did you mean `domain`? they have `id`, `text`, `domain`"


def test_without_a_close_name_there_is_no_guess():
    with pytest.raises(DataError) as raised:
        column({"id": "1"}, column="gender")
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
