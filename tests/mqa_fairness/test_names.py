from __future__ import annotations

import pytest

from mqa_fairness.naming import lexicon, names
from mqa_registry import DataError


@pytest.mark.parametrize(
    ("text", "gender", "origin"),
    [
        ("Emily said so", ["names of women"], ["english names"]),
        ("JAMAL and Mary's cat", ["names of women", "names of men"], ["english names", "african-american names"]),
        ("Fatima, Priya", ["names of women"], ["arabic names", "indian names"]),
        ("emily", None, None),
        ("Marylike Emilyn", None, None),
        ("Mary\u0301", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_text_is_in_the_groups_of_its_names(text, gender, origin):
    assert names({"text": text}) == gender
    assert names({"text": text}, of="origin") == origin


def test_every_name_is_found():
    for (origin, gender), each in lexicon().items():
        assert all(names({"text": f"so {name}."}) == [f"names of {gender}"] for name in each)
        assert all(names({"text": f"so {name}."}, of="origin") == [f"{origin} names"] for name in each)


def test_a_column_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="no column `text`"):
        names({"review": "Emily"})
