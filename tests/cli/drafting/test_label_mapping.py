"""Labels of data and classes of a model: which is which, and what a person should look at."""

from __future__ import annotations

import pytest

from mqa_registry.cli.drafting.label_mapping import LabelMapping, map_labels

CLASSES = ("negative", "positive")
STARS = ("1 star", "2 stars", "3 stars")


@pytest.mark.parametrize("labels", [["Negative", "POSITIVE"], [0, 1], [False, True], ["positive"]])
def test_labels_that_are_read_as_they_are_need_no_map(labels):
    assert map_labels(labels, CLASSES) == LabelMapping()


@pytest.mark.parametrize(
    ("labels", "classes", "meanings"),
    [
        (["neg", "pos"], CLASSES, {"neg": "negative", "pos": "positive"}),
        ([1, 2, 3], STARS, {"1": "1 star", "2": "2 stars", "3": "3 stars"}),
        (["n", "POSITIVE"], CLASSES, {"n": "negative", "POSITIVE": "positive"}),
    ],
)
def test_labels_that_plainly_mean_a_class_are_mapped_without_doubt(labels, classes, meanings):
    assert map_labels(labels, classes) == LabelMapping(meanings)


def test_as_many_as_there_are_classes_are_taken_by_their_order_which_is_a_doubt():
    found = map_labels([1, 2], CLASSES)
    assert found.meanings == {"1": "negative", "2": "positive"}
    assert found.doubt == "`1`, `2` taken for `negative`, `positive` by their order"


def test_a_label_too_many_counts_as_none():
    found = map_labels(["neg", "neutral", "mixed", "pos"], CLASSES)
    assert found.meanings == {"neg": "negative", "neutral": "", "mixed": "", "pos": "positive"}
    assert found.doubt == "`neutral`, `mixed` taken for no label"


def test_labels_that_mean_nothing_are_not_readable():
    found = map_labels(["a", "b", "c"], CLASSES)
    assert (found.meanings, found.readable) == ({}, False)
    assert found.doubt == "the labels `a`, `b`, `c` are none of the model's classes `negative`, `positive`"
