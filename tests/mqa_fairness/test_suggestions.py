"""What a new suite asks about groups of rows and of people."""

from __future__ import annotations

import pyarrow as pa

from mqa_fairness.suggestions import suggest_fairness
from mqa_registry import SuiteContext


def suggested(*, targets=True, fields=("text",), modality="text", schema="label", groups=()):
    rows = pa.table({"text": ["a"]} | ({"target": ["yes"]} if targets else {}))
    context = SuiteContext(schema=schema, metric="metrics/accuracy", classes=("no", "yes"),
                           fields=dict.fromkeys(fields, modality), rows=rows, group_columns=groups)  # fmt: skip
    return [one.table for one in suggest_fairness(context)]


def test_each_of_some_columns_of_groups_has_a_check_of_its_own_name():
    found = suggested(groups=("a", "b", "c\x1b", "d", "e"))
    assert [one["name"] for one in found if "name" in one] == ["by a", "by b", "by d"]
    assert found[0]["by"] == {"use": "fairness/column", "column": "a"}


def test_without_targets_only_answers_are_compared():
    assert [one["measure"] for one in suggested(targets=False, groups=("a",))] == ["parity/flip-rate"]


def test_of_a_model_of_images_only_columns_are_asked_about():
    assert [one["by"]["column"] for one in suggested(modality="image", groups=("a",))] == ["a"]
    assert suggested(schema="vector") == []


def test_numbers_may_lie_apart_by_a_share_of_how_far_targets_spread():
    rows = pa.table({"text": ["a"] * 2, "target": [1.0, 5.0]})
    context = SuiteContext(schema="value", metric="metrics/mae", classes=(), fields={"text": "text"}, rows=rows,
                           group_columns=("a",))  # fmt: skip
    found = [one.table for one in suggest_fairness(context)]
    assert [one["expect"] for one in found] == [{"max_gap": 0.4}] * 3
    assert suggested(targets=False, schema="value", groups=("a",)) == []
