"""What a task may decode, and what predictions and data sets have to be."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest

from mqa_registry.boundary import Contributor, checked_answers, checked_predictions, checked_table
from mqa_registry.boundary.evidence import check_picks, checked_evidence, checked_right
from mqa_registry.contributions import Evidence
from mqa_registry.errors import ContributionError
from mqa_registry.types import Predictions

WHO = Contributor("task", "acme/classify")
CLASSES = ("few", "many")


def lists(*rows):
    return pa.array(rows, pa.list_(pa.float64()))


def table(labels=("few", "many"), probabilities=([0.75, 0.25], [0.25, 0.75]), **more):
    return pa.table({"label": pa.array(labels), "probability": lists(*probabilities), **more})


def test_further_columns_are_left_out_and_types_are_the_schemas():
    given = table(pa.array(["few", "many"]).dictionary_encode(), id=["a", "b"], logits=[1, 2])
    assert checked_answers(WHO, given, "label", CLASSES, 2).equals(table())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([{"label": "few"}] * 2, "(list), and a `pyarrow.Table` is due"),
        (table().slice(1), "decoded 1 answers for 2 rows"),
        (table().drop_columns(["label"]), "without the column `label`"),
        (table(("few", "lots")), "gave the label `lots`, which is none of the classes"),
        (table((0.0, 1.0)), "gave the column `label` of double"),
        (table(probabilities=([math.nan, math.nan], [0.25, 0.75])), "gave a label with probabilities that are NaN or Inf"),
        (table(probabilities=([math.inf, 0.0], [0.25, 0.75])), "NaN or Inf"),
        (table(probabilities=(None, [0.25, 0.75])), "gave row 0 a label and no probabilities"),
        (table(probabilities=([0.5, 0.25, 0.25], [0.25, 0.75])), "gave row 0 a label and 3 probabilities, and there are 2"),
        (table(probabilities=([0.75, 0.25], [0.2, 0.2])), "gave a row probabilities that sum to 0.4"),
        (table(probabilities=([1.5, -0.5], [0.25, 0.75])), "and a probability lies in [0, 1]"),
        (pa.table([pa.array(["few"] * 2)] * 2, names=["label", "label"]), "gave a table with 2 columns `label`"),
    ],
)  # fmt: skip
def test_answers_that_are_none_are_the_tasks_error(given, words):
    with pytest.raises(ContributionError) as refused:
        checked_answers(WHO, given, "label", CLASSES, 2)
    assert refused.value.message.startswith("the task `acme/classify` ")
    assert words in refused.value.message


def test_a_row_without_an_answer_needs_no_probabilities():
    given = table(("few", None), ([1.0, 0.0], [math.nan, math.nan]))
    assert checked_answers(WHO, given, "label", CLASSES, 2)["label"].to_pylist() == ["few", None]


@pytest.mark.parametrize(
    ("schema", "column", "kept"),
    [
        ("value", pa.array([1.0, math.nan, -math.inf]), [1.0, None, None]),
        ("vector", lists([1, 2], [math.inf, 2], None), [[1, 2], None, None]),
    ],
)
def test_a_number_that_is_none_is_no_answer(schema, column, kept):
    assert checked_answers(WHO, pa.table({schema: column}), schema, (), 3)[schema].to_pylist() == kept


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (table(), "(Table), and `Predictions` are due"),
        (Predictions("label", table(), CLASSES), "without a column `id`"),
        (Predictions("label", table(id=["a", "a"]), CLASSES), "ids are not one for each row"),
        (Predictions("label", table(probabilities=([math.nan] * 2,) * 2, id=["a", "b"]), CLASSES), "NaN or Inf"),
    ],
)
def test_predictions_made_elsewhere_are_held_to_the_same(given, words):
    with pytest.raises(ContributionError) as refused:
        checked_predictions(WHO, given, "label")
    assert words in refused.value.message


def test_a_list_where_a_table_is_due_is_named():
    with pytest.raises(
        ContributionError, match=r"the data set `acme/rows` gave \[1\] \(list\), and a `pyarrow.Table` is due"
    ):
        checked_table(Contributor("data set", "acme/rows"), [1])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["x"], "an `Evidence` is due"),
        (Evidence(remarks="one"), "shows the remarks 'one' (str)"),
        (Evidence(notes=[1]), "shows the notes [1] (list)"),
        (Evidence(examples=[1]), "shows the examples [1] (list)"),
        (Evidence(details=["x"]), "shows the details ['x'] (list)"),
        (Evidence(details={"trace": "x"}), "shows `trace`, which is mqa's own to say"),
        (Evidence(details={"x": object()}), "in `x`, which a report cannot hold"),
        (Evidence(details={1: "x"}), "under the name 1 (int)"),
    ],
)
def test_evidence_is_what_a_report_can_hold(given, words):
    with pytest.raises(ContributionError) as refused:
        checked_evidence(WHO, given)
    assert words in refused.value.message


def test_evidence_without_end_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ContributionError, match="without end in `x`"):
        checked_evidence(WHO, Evidence(details={"x": endless}))


def test_examples_say_whose_they_are_and_right_says_it_of_every_row():
    with pytest.raises(ContributionError, match="without the `id` of its row"):
        check_picks(WHO, {"examples": [{"id": 3}]})
    for given in ([True], [1, 0], "yes", None):
        with pytest.raises(ContributionError, match="says of 2 rows what is right by"):
            checked_right(WHO, given, 2)
    assert checked_right(WHO, [True, False], 2).tolist() == [True, False]
