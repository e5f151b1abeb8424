from __future__ import annotations

import datetime as dt

import pytest

from mqa_fairness.columns import column
from mqa_registry import DataError


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
        (["a", None], ["a"]),
        ([], None),
        ([None], None),
        (None, None),
        (float("nan"), None),
        ("", None),
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
