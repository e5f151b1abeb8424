"""What each prediction schema says of itself."""

from __future__ import annotations

import pyarrow as pa
import pytest

from mqa_registry import DataError, Predictions, as_predictions
from mqa_registry.boundary import Contributor, check_predictions
from mqa_registry.types import SCHEMAS, get_schema

SAMPLED = (
    "label",
    "labels",
    "value",
    "vector",
    "text",
    "spans",
    "tokens",
    "answer",
    "boxes",
    "masks",
    "instances",
    "ranking",
)


def predictions(schema, classes=(), *, as_targets=False):
    columns, names = SCHEMAS[schema].sample(classes, as_targets=as_targets)
    return Predictions(schema, pa.table({"id": ["1", "2"], **columns}), names)


def test_the_schemas_are_those_that_the_contract_lists():
    assert tuple(SCHEMAS) == (
        "label", "labels", "value", "vector", "text", "spans", "tokens", "answer", "boxes", "masks", "instances", "ranking", "waveform",
    )  # fmt: skip
    assert all(schema.name == name and schema.column in schema.columns for name, schema in SCHEMAS.items())


def test_an_unknown_schema_is_refused_with_those_that_there_are():
    with pytest.raises(DataError) as refused:
        get_schema("class")
    assert refused.value.hint == f"the schemas are {', '.join(SCHEMAS)}"


def test_predictions_that_may_repeat_words_of_a_row_are_the_texts_tokens_answers_and_rankings():
    quoting = {name for name, schema in SCHEMAS.items() if schema.may_quote_rows}
    assert quoting == {"text", "tokens", "answer", "ranking"}


def test_real_numbers_are_near_each_other_and_all_else_is_equal_or_not():
    assert {name for name, schema in SCHEMAS.items() if not schema.is_exact} == {"value", "vector", "waveform"}


def test_labels_and_those_of_spans_boxes_masks_and_instances_are_chosen_from_classes():
    chosen = {name for name, schema in SCHEMAS.items() if schema.has_classes}
    assert chosen == {"label", "labels", "spans", "boxes", "masks", "instances"}


@pytest.mark.parametrize("classes", [(), ("few",), ("few", "many"), ("few", "many", "all")])
@pytest.mark.parametrize("schema", SAMPLED)
def test_a_sample_is_as_good_as_what_a_task_decodes(schema, classes):
    sample = predictions(schema, classes)
    assert check_predictions(Contributor("task", "acme/task"), sample, schema).table.equals(sample.table)
    assert not sample.missing.any()
    assert len(classes) < 2 or not SCHEMAS[schema].has_classes or sample.classes == classes


@pytest.mark.parametrize("schema", SAMPLED)
def test_a_sample_of_real_numbers_probabilities_or_shared_words_is_not_sure_of_its_targets(schema):
    sample, targets = predictions(schema), predictions(schema, as_targets=True)
    unsure = SCHEMAS[schema].has_classes or not SCHEMAS[schema].is_exact or schema in {"tokens", "answer", "ranking"}
    assert sample.table.equals(targets.table) is not unsure


def test_the_other_schemas_have_no_sample():
    assert [name for name, schema in SCHEMAS.items() if schema.sample(()) is None] == ["waveform"]


def test_a_list_of_labels_with_a_null_is_distinct_from_a_row_without_labels():
    table = pa.table({"id": ["1", "2"], "labels": pa.array([["a"], None], pa.list_(pa.string()))})
    assert as_predictions(table, "labels").missing.tolist() == [False, True]
    damaged = Predictions("labels", pa.table({"id": ["1"], "labels": pa.array([["a", None]])}), ("a",))
    with pytest.raises(Exception, match="a list of labels with null in it"):
        check_predictions(Contributor("task", "acme/task"), damaged, "labels")


def test_predictions_of_tokens_alone_say_themselves_how_right_they_are():
    assert {name for name, schema in SCHEMAS.items() if not schema.has_targets} == {"tokens"}


def test_a_vector_is_shown_by_its_length_its_norm_and_its_first_numbers():
    show = get_schema("vector").show
    assert show([0.6, 0.0, -0.8, 0.0]) == "4 numbers of norm 1: 0.6, 0, -0.8, ..."
    assert show([2.5]) == "1 number of norm 2.5: 2.5"
    assert show([{"id": "a", "relevance": 1.0}]) == [{"id": "a", "relevance": 1.0}]
    assert show(None) is None
