"""What a new suite of a classifier asks of its answers."""

from __future__ import annotations

import pyarrow as pa

from mqa_metrics.suggestions import suggest_quality
from mqa_registry import SuiteContext


def suggested(targets, classes=("no", "yes"), schema="label"):
    rows = pa.table({"text": ["a"] * len(targets), "target": pa.array(targets, pa.string())})
    context = SuiteContext(
        schema=schema, metric="metrics/accuracy", classes=classes, fields={"text": "text"}, rows=rows
    )
    return {_name(one.table["measure"]): one for one in suggest_quality(context)}


def _name(measure):
    return measure if isinstance(measure, str) else measure["use"]


def test_the_least_is_more_than_the_share_of_the_most_frequent_class():
    found = suggested(["yes"] * 7 + ["no"] * 2 + [None])
    assert found["metrics/accuracy"].table["expect"] == {"min": 0.78}  # of 7 in 9
    assert "`yes`" in found["metrics/accuracy"].about
    assert found["metrics/f1"].table["expect"] == {"min": 0.44}  # 14 / 16 for one class, 0 for the other
    assert found["metrics/auroc"].table["expect"] == {"min": 0.5}
    assert {name: one.bounds for name, one in found.items()} == {
        "metrics/accuracy": "least", "metrics/f1": "least", "metrics/auroc": "least", "metrics/ece": "guess"
    }  # fmt: skip


def test_of_several_classes_none_is_positive():
    assert "metrics/auroc" not in suggested(["a", "b", "c"], ("a", "b", "c"))


def test_nothing_is_asked_where_there_is_no_class_to_tell_from_another():
    assert suggested(["yes"] * 9) == {}
    assert suggested([None] * 9) == {}
    assert suggested(["yes", "no"], schema="vector") == {}
