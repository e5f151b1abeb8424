from __future__ import annotations

import pytest

from mqa_registry.report.bounds import bounds


@pytest.mark.parametrize(
    ("expect", "texts"),
    [
        ({"min": 0.78}, {"value": "≥ 0.78"}),
        ({"max": 1e-4}, {"value": "≤ 1e-04"}),
        ({"min": 0.4, "max": 0.6}, {"value": "≥ 0.40, ≤ 0.60"}),
        ({"max_drop": 0.05}, {"drop": "drop ≤ 0.05"}),
        ({"max_rise": 0.05}, {"rise": "rise ≤ 0.05"}),
        ({"max_gap": 0.1, "min_ratio": 0.8}, {"gap": "gap ≤ 0.10", "ratio": "ratio ≥ 0.80"}),
        ({"min": 0.7, "max_gap": 0.1, "min_rows": 30}, {"value": "≥ 0.70", "gap": "gap ≤ 0.10"}),
        ({"p95_ms": {"max": 20}}, {"p95_ms": "p95_ms ≤ 20"}),
        ({"min_rows": 30}, {}),
        ({}, {}),
    ],
)
def test_every_number_that_is_judged_has_its_bound_in_words(expect, texts):
    assert {bound.number: bound.text for bound in bounds(expect, grouped=False)} == texts


def test_a_bound_on_every_group_says_so_and_one_between_groups_does_not():
    found = bounds({"min": 0.7, "max_drop": 0.05, "max_gap": 0.1}, grouped=True)
    assert [bound.text for bound in found] == ["each ≥ 0.70", "each drop ≤ 0.05", "gap ≤ 0.10"]
    assert [bound.between_groups for bound in found] == [False, False, True]


def test_the_bound_tells_which_way_is_better_where_it_can():
    found = bounds({"min": 0.7, "max_drop": 0.1, "max_gap": 0.1}, grouped=True)
    assert [bound.better for bound in found] == ["high", "low", None]
    assert [bound.better for bound in bounds({"min": 0.4, "max": 0.6}, grouped=True)] == [None]
