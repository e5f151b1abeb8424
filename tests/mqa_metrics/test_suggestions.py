"""What a new suite of a classifier asks of its answers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest

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


def test_sets_of_labels_are_held_to_all_labels_and_to_the_most_frequent_set():
    rows = pa.table({"text": ["a"] * 4, "target": pa.array([["a"], ["a"], ["a", "b"], []], pa.list_(pa.string()))})
    context = SuiteContext(
        schema="labels", metric="metrics/accuracy", classes=("a", "b"), fields={"text": "text"}, rows=rows
    )
    found = {_name(one.table["measure"]): one.table["expect"] for one in suggest_quality(context)}
    assert found == {  # of 8 cells 4 are labels, and 2 rows of 4 have `a` alone
        "metrics/f1": {"min": 0.67}, "metrics/accuracy": {"min": 0.5}, "metrics/ranking-loss": {"max": 0.5}
    }  # fmt: skip


def test_numbers_are_held_to_the_median_and_the_mean():
    rows = pa.table({"text": ["a"] * 4, "target": [0.0, 1.0, 2.0, 5.0]})
    context = SuiteContext(schema="value", metric="metrics/mae", classes=(), fields={"text": "text"}, rows=rows)
    found = {one.table["measure"]: one.table["expect"] for one in suggest_quality(context)}
    assert found == {"metrics/mae": {"max": 1.5}, "metrics/r2": {"min": 0.0}, "metrics/spearman": {"min": 0.0}}


def test_rankings_are_held_to_a_random_order():
    relevant = [
        [{"id": "a", "relevance": 1.0}],
        [{"id": "b", "relevance": 2.0}, {"id": "c", "relevance": 1.0}],
        [],
        None,
    ]
    rows = pa.table({"item": [["a", "b", "c"]] * 4, "target": relevant})
    context = SuiteContext(schema="ranking", metric="metrics/ndcg", classes=(), fields={"item": "features"}, rows=rows)
    (found,) = suggest_quality(context)
    orders = list(permutations("abc"))
    gains = [{one["id"]: one["relevance"] for one in row} for row in relevant[:2]]
    discounts = 1 / np.log2([2, 3, 4])
    by_chance = [
        np.mean([sum(gain.get(name, 0) * by for name, by in zip(order, discounts, strict=True)) for order in orders])
        / sum(np.sort([*gain.values()])[::-1] * discounts[: len(gain)])
        for gain in gains
    ]
    assert found.table["measure"] == {"use": "metrics/ndcg", "k": 10}
    assert found.table["expect"]["min"] == pytest.approx(np.mean(by_chance), abs=0.01)
    assert found.table["expect"]["min"] >= np.mean(by_chance)
