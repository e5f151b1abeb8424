"""Examples: which rows are shown, in which order, and what is shown of each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_registry.contributions import Comparison, ExampleRow, Metric
from mqa_registry.judging.evidence import select_examples
from mqa_registry.judging.samples import MeasureInputs, Sample
from mqa_registry.suite import Use
from mqa_registry.types import Predictions, Rows
from mqa_registry.types.schemas import SCHEMAS

CLASSES = ("few", "many")
SPAN = {"start": 0, "end": 1, "label": "place", "score": 1.0}
BOX = {"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0, "label": "cat", "score": 1.0}
MASK = {"label": "few", "size": [1, 2], "counts": "11", "score": 1.0}
TOKEN = {"token": "one", "margin": 0.5, "loss": 0.1, "rank": 1}
# Of every schema one prediction and another.
TWO = {
    "label": ["few", "many"],
    "labels": [["few"], ["many"]],
    "value": [0.1, 0.2],
    "vector": [[0.1, 0.2], [0.2, 0.1]],
    "text": ["one", "two"],
    "answer": ["one", "two"],
    "spans": [[SPAN], []],
    "boxes": [[BOX], []],
    "masks": [[MASK], []],
    "instances": [[MASK], [MASK, MASK]],
    "tokens": [[TOKEN], [{**TOKEN, "token": "two"}]],
    "ranking": [["a", "b"], ["b", "a"]],
    "waveform": [[0.0], [1.0]],
}


def predictions(schema, values, probabilities=None):
    name, kind = SCHEMAS[schema].column, SCHEMAS[schema].type
    columns = {"id": [f"r{number}" for number in range(len(values))], name: pa.array(values, kind)}
    if probabilities is not None:
        columns["probability"] = pa.array(probabilities, pa.list_(pa.float64()))
    return Predictions(schema, pa.table(columns), CLASSES if SCHEMAS[schema].has_classes else ())


def inputs(found, targets=None, reference=None, *, is_paired=True):
    measure = (
        Metric("m", len, schemas=()) if reference is None or targets is not None else Comparison("c", len, schemas=())
    )
    rows = np.arange(len(found))
    other = Sample(reference, None, rows) if reference is not None else None
    return MeasureInputs(Use("letters/m", measure), Sample(found, targets, rows), other, is_paired)


def table(number, word="text"):
    ids = [f"r{row}" for row in range(number)]
    return Rows(pa.table({"id": ids, "text": [f"{word} {row}" for row in range(number)]}), ("text",))


def select(read, picked=None, *, perturbed=None):
    rows = table(len(read.sample))
    return select_examples(read, perturbed or rows, rows, picked)


def ids(read):
    return [row.id for row in select(read)]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_rows_predicted_otherwise_are_shown_unless_a_prediction_is_many_numbers(schema):
    one, other = TWO[schema]
    found, reference = predictions(schema, [one, one, other]), predictions(schema, [one, other, one])
    expected = [] if schema in {"vector", "waveform"} else ["r1", "r2"]
    assert ids(inputs(found, reference=reference)) == expected
    assert ids(inputs(found, targets=reference)) == expected


def test_the_surest_of_five_wrong_rows_come_first_and_no_more_are_shown():
    sure = [0.6, 0.9, 0.7, 0.8, 0.95, 0.65, 0.99]
    found = predictions("label", ["few"] * 7, [[one, 1 - one] for one in sure])
    targets = predictions("label", ["many"] * 6 + ["few"])
    rows = select(inputs(found, targets=targets))
    assert [row.id for row in rows] == ["r4", "r1", "r3", "r2", "r5"]
    fields = {"text": "text 4"}
    assert rows[0] == ExampleRow("r4", fields, target="many", prediction="few", probability=0.95)


def test_against_a_reference_with_other_rows_the_targets_alone_say_what_is_wrong():
    found = predictions("label", ["few", "few"])
    targets, reference = predictions("label", ["few", "many"]), predictions("label", ["many", "few"])
    read = inputs(found, targets, reference, is_paired=False)
    assert ids(read) == ["r1"]
    assert select(read)[0].reference is None


def test_a_metric_held_against_a_reference_shows_what_is_wrong_and_was_predicted_otherwise():
    found = predictions("label", ["few", "few", "few"])
    targets, reference = predictions("label", ["few", "many", "many"]), predictions("label", ["many", "many", "few"])
    assert ids(inputs(found, targets, reference)) == ["r1"]


def test_perturbed_fields_are_shown_with_the_original_ones():
    found, targets = predictions("label", ["few"]), predictions("label", ["many"])
    (row,) = select(inputs(found, targets=targets), perturbed=table(1, "TEXT"))
    assert (row.fields, row.perturbed) == ({"text": "text 0"}, {"text": "TEXT 0"})


def test_of_picked_rows_twenty_that_were_read_are_shown_and_the_host_has_the_last_word():
    found = predictions("label", ["few"] * 30)
    picked = [ExampleRow(f"r{row}", prediction="no", details={"why": row}) for row in range(40, 4, -1)]
    rows = select(inputs(found, reference=predictions("label", ["many"] * 30)), picked)
    assert [row.id for row in rows] == [f"r{row}" for row in range(29, 9, -1)]
    assert rows[0] == ExampleRow("r29", {"text": "text 29"}, prediction="few", reference="many", details={"why": 29})
