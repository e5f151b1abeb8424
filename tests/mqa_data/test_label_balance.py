"""How often each label occurs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import entropy

from mqa_registry import DataError, NotRunError


def test_the_numbers_are_those_of_the_counts(rows, run_probe, estimate):
    labels = ["a"] * 60 + ["b"] * 30 + ["c"] * 10 + [None] * 25
    _, numbers, evidence = run_probe("label-balance", rows(["x"] * 125, labels))
    assert estimate(numbers["value"]) == pytest.approx(0.1)
    assert estimate(numbers["imbalance_ratio"]) == pytest.approx(6)
    assert estimate(numbers["normalized_entropy"]) == pytest.approx(entropy([60, 30, 10]) / math.log(3))
    assert numbers["missing"].mean() == pytest.approx(0.2)
    assert numbers["n_labels"] == 3
    assert evidence.remarks == ["rows by label: `c` 10, `b` 30, `a` 60", "25 of 125 rows have no label"]
    assert evidence.details["label_counts"] == {"c": 10, "b": 30, "a": 60}


def test_the_statistics_take_many_resamples_at_once(rows, run_probe):
    _, numbers, _ = run_probe("label-balance", rows(["x"] * 6, ["a", "a", "a", "b", "b", "c"]))
    counts = np.array([[3, 2, 1], [6, 0, 0], [0, 0, 0]], dtype=np.float64)
    assert numbers["value"].compute(counts) == pytest.approx([1 / 6, 0, np.nan], nan_ok=True)
    assert numbers["imbalance_ratio"].compute(counts) == pytest.approx([3, np.nan, np.nan], nan_ok=True)
    assert numbers["normalized_entropy"].compute(counts) == pytest.approx(
        [entropy([3, 2, 1]) / math.log(3), 0, np.nan], nan_ok=True
    )


def test_an_expected_label_that_never_occurs_is_the_rarest(rows, run_probe, estimate):
    _, numbers, evidence = run_probe("label-balance", rows(["x"] * 3, ["a", "b", "d"]), labels=["a", "b", "c"])
    assert estimate(numbers["value"]) == 0
    assert numbers["imbalance_ratio"].undefined == "no row has the label `c`"
    assert "labels that were not expected: `d`" in evidence.remarks[1]


def test_a_single_label_has_no_entropy(rows, run_probe, estimate):
    _, numbers, _ = run_probe("label-balance", rows(["x"], [7]))
    assert estimate(numbers["value"]) == 1
    assert numbers["normalized_entropy"].undefined


def test_rows_without_labels_say_so(rows, run_probe):
    with pytest.raises(DataError, match="no column `target`") as error:
        run_probe("label-balance", rows(["x"]))
    assert "they have `id`, `text`" in error.value.hint
    with pytest.raises(NotRunError, match="no row has a label"):
        run_probe("label-balance", rows(["x", "y"], ["", None]))
    with pytest.raises(DataError, match="and no labels"):
        run_probe("label-balance", rows(["x"], [["a", "b"]]))


def test_five_labels_are_remarked_on_and_a_thousand_counted(rows, run_probe):
    labels = [f"label {number:04}" for number in range(1001)] + ["label 0000"]
    _, _, evidence = run_probe("label-balance", rows(["x"] * 1002, labels), labels=["label 0000"])
    assert evidence.remarks[0].count("`") == 10
    assert evidence.remarks[0].endswith(" and 996 more frequent ones")
    assert evidence.remarks[1].count("`") == 10
    assert len(evidence.details["label_counts"]) == 1000
    assert "label 0000" not in evidence.details["label_counts"]
