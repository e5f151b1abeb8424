"""What a new suite asks about worse rows than those at hand."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry import SuiteContext
from mqa_robustness.suggestions import suggest_robustness


def suggested(*, targets=True, modality="text", schema="label"):
    rows = pa.table({"text": ["a"]} | ({"target": ["yes"]} if targets else {}))
    context = SuiteContext(schema=schema, metric="metrics/accuracy", classes=("no", "yes"), fields={"text": modality},
                           rows=rows)  # fmt: skip
    return [one.table for one in suggest_robustness(context)]


@pytest.mark.parametrize(
    ("targets", "schema", "measure", "words"),
    [
        (True, "label", "metrics/accuracy", {"max_drop"}),
        (False, "label", "parity/flip-rate", {"max"}),
        (True, "ranking", "parity/flip-rate", {"max"}),
    ],
)
def test_it_is_what_they_cost_or_else_how_many_answers_they_change(targets, schema, measure, words):
    found = suggested(targets=targets, schema=schema)
    assert len(found) == 3
    assert {one["measure"] for one in found} == {measure}
    assert {word for one in found for word in one["expect"]} == words
    assert all(("against" in one) is (measure == "parity/flip-rate") for one in found)


@pytest.mark.parametrize(
    ("modality", "plugin", "count"), [("image", "vision", 3), ("audio", "audio", 3), ("columns", "tabular", 1)]
)
def test_of_images_sounds_and_tables_it_asks_for_what_happens_to_those(modality, plugin, count):
    found = suggested(modality=modality)
    assert [one["perturb"]["use"].partition("/")[0] for one in found] == [plugin] * count
    assert {word for one in found for word in one["expect"]} == {"max_drop"}


def test_nothing_is_asked_of_what_nothing_perturbs_or_what_decides_nothing():
    assert suggested(modality="video") == []
    assert suggested(schema="vector") == []


def test_of_numbers_the_error_may_grow_by_a_share_of_how_far_targets_spread():
    rows = pa.table({"text": ["a"] * 2, "target": [1.0, 5.0]})
    context = SuiteContext(schema="value", metric="metrics/mae", classes=(), fields={"text": "text"}, rows=rows)
    found = [one.table for one in suggest_robustness(context)]
    assert [(one["measure"], one["expect"]) for one in found] == [("metrics/mae", {"max_rise": 0.2})] * 3
    assert suggested(targets=False, schema="value") == []
