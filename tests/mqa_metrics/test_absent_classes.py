"""Classes that no row has: named by every number over classes, and by those that they leave undefined."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_metrics.classification import balanced_accuracy, f1, mcc, precision, recall
from mqa_metrics.ranking import auroc

TARGETS = [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("average", ["macro", "weighted"])
@pytest.mark.parametrize("measure", [f1, precision, recall])
def test_means_over_classes_name_those_that_no_row_has(coded, measure, average):
    if (measure, average) == (recall, "weighted"):
        return  # a share of rows
    absent = measure(coded(TARGETS, 4), coded(TARGETS, 4), average=average).absent
    assert absent == ["class-002", "class-003"]
    assert measure(coded(TARGETS), coded(TARGETS), average=average).absent == []


@pytest.mark.parametrize("measure", [balanced_accuracy, mcc])
def test_balanced_accuracy_and_mcc_name_classes_that_no_row_has(coded, measure):
    assert measure(coded(TARGETS, 3), coded(TARGETS, 3)).absent == ["class-002"]


def test_a_class_that_is_predicted_and_that_no_row_has_is_absent(coded):
    measured = f1(coded([2, *TARGETS[1:]], 3), coded(TARGETS, 3), average="macro")
    assert measured.absent == ["class-002"]
    assert measured.undefined == ""


def test_f1_of_a_class_that_is_neither_there_nor_predicted_says_so(coded):
    measured = f1(coded(TARGETS, 3), coded(TARGETS, 3), positive="class-002")
    assert measured.undefined == "no row is `class-002`, and none is predicted so"
    assert measured.absent == ["class-002"]


def test_labels_that_no_row_has_are_absent(labels):
    table = np.array([[1, 0, 0], [1, 1, 0]])
    assert f1(labels(table), labels(table), average="macro").absent == ["class-2"]


@pytest.mark.parametrize("k", [2, 3])
def test_auroc_is_undefined_and_says_of_which_class_there_is_no_row(coded, k):
    p = np.full((4, k), 1 / k)
    measured = auroc(coded([0] * 4, k, p), coded([0] * 4, k))
    assert measured.undefined == "no row is `class-001`"
    assert measured.absent == [f"class-{code:03d}" for code in range(1, k)]


def test_auroc_of_one_class_of_several_names_the_side_that_is_empty(coded):
    p = np.full((4, 3), 1 / 3)
    assert auroc(coded([0] * 4, 3, p), coded([0] * 4, 3), positive="class-000").undefined == "no row is `not class-000`"


def test_mcc_of_one_class_alone_says_why_it_is_undefined(coded):
    assert "one class" in mcc(coded([0, 0]), coded([0, 0])).undefined
    assert mcc(coded([0, 1]), coded([0, 1])).undefined == ""
