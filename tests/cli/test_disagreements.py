"""Rows on which a candidate disagrees with its reference."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_parity.suite import MAX_ADDED_ROWS, find_disagreeing_rows, find_shifted_rows, find_uncovered_classes
from mqa_registry.types import Predictions


@pytest.fixture
def disagreeing():
    """The rows on which two lists of probabilities disagree."""
    return lambda reference, candidate: find_disagreeing_rows(_predictions(reference), _predictions(candidate))


@pytest.fixture
def shifted():
    """The rows of two lists of probabilities with equal labels and distant probabilities."""
    return lambda reference, candidate: find_shifted_rows(_predictions(reference), _predictions(candidate))


def _predictions(column):
    """A list of probabilities of the second class; None in it is no prediction, None for it is none at all."""
    if column is None:
        return None
    labels = [None if one is None else ["no", "yes"][one > 0.5] for one in column]
    pairs = [None if one is None else [1 - one, one] for one in column]
    table = {
        "id": pa.chunked_array([[str(place) for place in range(len(column))]]),
        "label": pa.chunked_array([pa.array(labels, pa.string())]),
        "probability": pa.chunked_array([pa.array(pairs, pa.list_(pa.float64()))]),
    }
    return Predictions("label", pa.table(table), ("no", "yes"))


def test_rows_without_a_prediction_come_first_then_the_surest_of_the_others(disagreeing):
    assert disagreeing([0.9, 0.6, 0.1, 0.8, 0.7], [0.9, 0.2, 0.9, None, 0.8]) == ("3", "2", "1")


def test_equal_predictions_do_not_disagree(disagreeing):
    assert disagreeing([0.9, 0.2], [0.6, 0.4]) == ()


def test_at_most_32_rows_are_returned(disagreeing):
    assert len(disagreeing([0.9] * 200, [0.1] * 200)) == MAX_ADDED_ROWS


def test_there_are_no_disagreements_without_predictions(disagreeing):
    assert disagreeing([0.9], None) == ()


def test_shifted_rows_are_ordered_by_their_shift(shifted):
    reference = [0.1] * 40
    candidate = [0.1 + 1e-7] * 40
    candidate[7], candidate[30] = 0.3, 0.45
    assert shifted(reference, candidate) == ("30", "7")


def test_disagreeing_rows_are_no_shifted_rows_and_count_towards_the_limit(shifted):
    reference, candidate = [0.1] * 400, [0.1] * 400
    candidate[:20], candidate[20:39] = [0.9] * 20, [0.4] * 19
    assert shifted(reference, candidate) == tuple(str(number) for number in range(20, 32))


def test_roundings_and_shifts_of_all_rows_are_not_far(shifted):
    assert shifted([0.1] * 40, [0.1] * 39 + [0.1009]) == ()
    assert shifted([0.1] * 40, [0.1] * 39 + [0.1011]) == ("39",)
    assert shifted([0.1] * 40, [0.2] * 39 + [0.4]) == ()
    assert shifted([], []) == ()
    assert shifted([0.1], None) == ()


def test_uncovered_classes_are_those_of_no_compared_row():
    reference = _predictions([0.9, 0.2, 0.1, None])
    assert find_uncovered_classes(reference, {"1", "2"}) == ("yes",)
    assert find_uncovered_classes(reference, {"0", "1"}) == ()
    assert find_uncovered_classes(None, set()) == ()
