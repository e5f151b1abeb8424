"""Rows on which a candidate does not answer as its reference does."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
import pytest

from mqa_registry.commands.odd import MOST, odd_rows
from mqa_registry.data import Predictions
from mqa_registry.plan import RowSet, View
from mqa_registry.predict.observations import Observed


@pytest.fixture
def odd():
    """The odd rows of two lists of probabilities of the second class; None is no answer."""

    def find(reference, candidate):
        views = {
            View(name, RowSet("rows")): Observed(None, None if column is None else _predictions(column))
            for name, column in (("torch", reference), ("onnx", candidate))
        }
        return odd_rows(SimpleNamespace(views=views), "torch", "onnx")

    return find


def _predictions(column):
    labels = [None if one is None else ["no", "yes"][one > 0.5] for one in column]
    pairs = [None if one is None else [1 - one, one] for one in column]
    table = {
        "id": pa.chunked_array([[str(place) for place in range(len(column))]]),
        "label": pa.chunked_array([pa.array(labels, pa.string())]),
        "probability": pa.chunked_array([pa.array(pairs, pa.list_(pa.float64()))]),
    }
    return Predictions("label", pa.table(table), ("no", "yes"))


def test_rows_without_an_answer_come_first_then_the_surest_of_the_others(odd):
    assert odd([0.9, 0.6, 0.1, 0.8, 0.7], [0.9, 0.2, 0.9, None, 0.8]) == ("3", "2", "1")


def test_equal_answers_are_not_odd_however_sure(odd):
    assert odd([0.9, 0.2], [0.6, 0.4]) == ()


def test_there_are_not_more_than_can_be_looked_at(odd):
    assert len(odd([0.9] * 200, [0.1] * 200)) == MOST


def test_without_answers_there_are_none(odd):
    assert odd([0.9], None) == ()
