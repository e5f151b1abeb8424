"""Predictions of tokens behind masks: which are the same, which are right, and what a file may have."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry import DataError, Predictions, as_predictions
from mqa_registry.boundary import Contributor, check_predictions
from mqa_registry.errors import ContributionError
from mqa_registry.types import Rows, get_schema, name_targets, read_targets

TOKENS = get_schema("tokens")
RIGHT = [{"token": "song", "margin": 0.5, "loss": 0.1, "rank": 1}]
WRONG = [{"token": "drum", "margin": 0.5, "loss": 1.5, "rank": 2}]


def read(rows):
    return as_predictions(pa.table({"id": [str(number) for number in range(len(rows))], "tokens": rows}), "tokens")


def test_predictions_are_the_same_where_their_tokens_are():
    surer = [{**RIGHT[0], "margin": 0.9, "loss": 0.01}]
    assert TOKENS.agree(RIGHT, surer)
    assert not TOKENS.agree(RIGHT, WRONG)
    assert not TOKENS.agree(RIGHT, RIGHT * 2)
    assert not TOKENS.agree(RIGHT, None)


def test_a_prediction_is_right_where_all_right_tokens_are_the_likeliest():
    assert TOKENS.agree(RIGHT * 2, [])
    assert not TOKENS.agree(RIGHT + WRONG, [])
    assert not TOKENS.agree([{"token": "song", "margin": None, "loss": None, "rank": None}], [])


def test_rows_need_no_targets_and_their_column_of_that_name_is_not_read():
    for columns in ({}, {"target": ["x", "y"]}):
        rows = Rows(pa.table({"id": ["a", "b"], "text": ["[MASK]", ""], **columns}), ("text",))
        targets = read_targets(rows, "tokens", (), data="texts")
        assert targets.to_pylist() == [[], []]
        assert not targets.missing.any()
        assert name_targets(rows, (), "tokens") is rows


def test_objects_of_a_file_may_lack_all_but_the_token_and_have_more():
    predictions = read([[{"token": "song", "score": 0.3, "loss": 2}], [], None])
    assert predictions.to_pylist() == [[{"token": "song", "margin": None, "loss": 2.0, "rank": None}], [], None]
    assert predictions.missing.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ({"token": None, "loss": 1.0}, "row `1` has tokens without `token`"),
        ({"token": "a", "loss": -1.0}, "row `1` has a token with the loss -1.0 and the rank None"),
        ({"token": "a", "loss": float("inf")}, "row `1` has a token with the loss inf"),
        ({"token": "a", "rank": 0}, "row `1` has a token with the loss None and the rank 0"),
    ],
)
def test_a_token_that_cannot_be_is_refused_with_its_row(token, said):
    with pytest.raises(DataError, match=said):
        read([[{"token": "b", **dict.fromkeys(token.keys() - {"token"})}], [token]])


def test_a_task_that_gives_such_a_token_is_at_fault():
    column = pa.array([[{**RIGHT[0], "rank": 0}]], TOKENS.type)
    with pytest.raises(ContributionError, match=r"gave a token with the loss 0\.1 and the rank 0"):
        check_predictions(
            Contributor("task", "acme/task"), Predictions("tokens", pa.table({"id": ["1"], "tokens": column})), "tokens"
        )
