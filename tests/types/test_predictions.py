from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry import DataError, as_predictions
from mqa_registry.types import SCHEMAS

NAN = float("nan")


def converted(schema="label", classes=None, **columns):
    """Predictions from columns; ids are 1, 2, ... unless they are given."""
    rows = len(next(iter(columns.values())))
    return as_predictions(pa.table({"id": [str(n + 1) for n in range(rows)]} | columns), schema, classes)


def rows(predictions):
    return predictions.table.drop_columns(["id"]).to_pylist()


def refusal(schema="label", classes=None, **columns):
    with pytest.raises(DataError) as raised:
        converted(schema, classes, **columns)
    return raised.value


EXAMPLES = {
    "label": {"label": ["a", "b", None]},
    "labels": {"labels": [["a", "b"], [], None]},
    "value": {"value": [1.5, -2.0, None]},
    "vector": {"vector": [[1.0, 2.0], [3.0, 4.0], None]},
    "text": {"text": ["x", "", None]},
    "spans": {"spans": [[{"start": 0, "end": 2, "label": "A", "score": 0.5}], [], None]},
    "tokens": {"tokens": [[{"token": "x", "margin": 0.5, "loss": 1.5, "rank": 2}], [], None]},
    "answer": {"answer": ["x", "", None], "start": [0, 0, None], "end": [1, 0, None]},
    "boxes": {
        "boxes": [[{"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0, "label": "A", "score": None}], [], None],
    },
    "masks": {"masks": [[{"label": "A", "size": [1, 2], "counts": "11", "score": None}], [], None]},
    "instances": {"instances": [[{"label": "A", "size": [1, 2], "counts": "11", "score": 0.5}], [], None]},
    "ranking": {"ranking": [["x", "y"], [], None], "scores": [[0.9, 0.1], [], None]},
    "waveform": {"samples": [[0.0, 0.5], [], None], "rate": [16000, 16000, None]},
}


# Every schema


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_schema_takes_its_columns_in_its_types(schema):
    predictions = converted(schema, **EXAMPLES[schema])
    assert rows(predictions) == [
        dict(zip(EXAMPLES[schema], row, strict=True)) for row in zip(*EXAMPLES[schema].values(), strict=True)
    ]
    assert predictions.missing.tolist() == [False, False, True]
    for name in EXAMPLES[schema]:
        assert predictions.table.schema.field(name).type == SCHEMAS[schema].columns[name]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_table_converted_once_more_is_the_same(schema):
    first = converted(schema, **EXAMPLES[schema])
    again = as_predictions(first.table, schema, first.classes or None)
    assert again.table.equals(first.table)
    assert again.classes == first.classes


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_column_of_another_type_is_refused_by_name_and_type(schema):
    name = SCHEMAS[schema].column
    wrong = [[{"a": 1}]] if schema in ("label", "text", "answer", "value") else ["text"]
    error = refusal(schema, **{name: wrong})
    assert error.message.startswith(f"column `{name}` holds ")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_missing_column_is_refused_with_those_that_are_there(schema):
    error = refusal(schema, other=["x"])
    assert error.message == f"there is no column `{SCHEMAS[schema].column}`"
    assert error.hint == "there are `id`, `other`"


@pytest.mark.parametrize("schema", SCHEMAS)
def test_no_rows_are_predictions_too(schema):
    empty = {name: pa.array([], pa.null()) for name in EXAMPLES[schema]}
    assert len(converted(schema, **empty)) == 0


def test_further_columns_are_left_out():
    assert converted(label=["a"], text=["good"], when=[1]).table.column_names == ["id", "label"]


def test_chunks_and_dictionaries_are_no_matter():
    table = pa.concat_tables([pa.table({"id": [str(n)], "label": ["a"]}) for n in range(3)])
    assert rows(as_predictions(table)) == [{"label": "a"}] * 3
    assert rows(converted(label=pa.array(["b", "a"]).dictionary_encode())) == [{"label": "b"}, {"label": "a"}]


def test_an_unknown_schema_is_refused():
    assert "no prediction schema `lable`" in refusal("lable", label=["a"]).message


# Ids


@pytest.mark.parametrize(
    "ids", [[1, 2], ["1", "2"], pa.array([1, 2], pa.uint8()), pa.array(["1", "2"], pa.large_string())]
)
def test_ids_become_text(ids):
    assert converted(id=ids, label=["a", "b"]).ids.to_pylist() == ["1", "2"]


def test_ids_must_be_there_and_differ():
    assert (
        refusal(id=["x", "y", "x"], label=["a"] * 3).message
        == "1 of the ids stand in more than one row, `x` among them"
    )
    assert refusal(id=["x", None], label=["a", "b"]).message == "1 of 2 rows have no `id`"
    assert refusal(id=[1.5], label=["a"]).message == "column `id` holds double, and string is needed"
    with pytest.raises(DataError, match="there is no column `id`"):
        as_predictions(pa.table({"label": ["a"]}))


# Labels and probabilities


def test_a_label_that_is_not_given_is_the_likeliest_class():
    predictions = converted(no=[0.9, 0.2], yes=[0.1, 0.8])
    assert rows(predictions) == [
        {"label": "no", "probability": [0.9, 0.1]},
        {"label": "yes", "probability": [0.2, 0.8]},
    ]
    assert predictions.classes == ("no", "yes")
    assert predictions.codes.tolist() == [0, 1]


def test_a_given_label_stays_even_against_the_probabilities():
    assert rows(converted(no=[0.9], yes=[0.1], label=["yes"])) == [{"label": "yes", "probability": [0.9, 0.1]}]


def test_classes_name_the_probability_columns_and_their_order():
    predictions = converted(classes=["yes", "no"], no=[0.9], yes=[0.1], weight=[17.5])
    assert rows(predictions) == [{"label": "no", "probability": [0.1, 0.9]}]
    assert predictions.classes == ("yes", "no")


def test_whole_numbers_are_probabilities_where_classes_name_them():
    assert rows(converted(classes=["no", "yes"], no=[0], yes=[1])) == [{"label": "yes", "probability": [0.0, 1.0]}]


def test_labels_alone_have_the_classes_that_they_name_or_those_that_are_given():
    assert converted(label=["b", "a", "b"]).classes == ("a", "b")
    assert converted(classes=["b", "a", "c"], label=["b", "a"]).classes == ("b", "a", "c")
    assert converted(label=["b"]).probabilities is None


@pytest.mark.parametrize("broken", [NAN, float("inf"), -float("inf")])
def test_probabilities_with_nan_or_inf_are_no_prediction_even_with_a_label(broken):
    given_label = converted(no=[0.9, broken], yes=[0.1, 0.5], label=["no", "yes"])
    derived = converted(no=[0.9, broken], yes=[0.1, 0.5])
    for predictions in (given_label, derived):
        assert rows(predictions) == [{"label": "no", "probability": [0.9, 0.1]}, {"label": None, "probability": None}]


def test_a_row_without_probabilities_keeps_the_label_it_has():
    assert rows(converted(no=[0.9, None], yes=[0.1, None], label=["no", "yes"]))[1] == {
        "label": "yes",
        "probability": None,
    }
    assert rows(converted(no=[0.9, None], yes=[0.1, None]))[1] == {"label": None, "probability": None}


def test_probabilities_as_the_store_has_them_need_their_classes():
    columns = {"probability": [[0.9, 0.1], None], "label": ["no", "yes"]}
    assert rows(converted(classes=["no", "yes"], **columns))[0] == {"label": "no", "probability": [0.9, 0.1]}
    assert "which class is which" in refusal(**columns).message
    assert refusal(classes=["a", "b", "c"], **columns).message == "row `1` has 2 probabilities for 3 classes"
    assert "lists of probabilities are needed" in refusal(classes=["a"], probability=[["x"]]).message


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"no": [0.5, 1.2], "yes": [0.5, -0.2]}, "row `2` has 1.2 in column `no`, and a probability lies in [0, 1]"),
        ({"no": [0.5, 0.5], "yes": [0.5, 0.4]}, "the probabilities of row `2` sum to 0.9, and to 1 is needed"),
        (
            {"no": [0.5], "yes": [0.5], "weight": [3.0]},
            "row `1` has 3 in column `weight`, and a probability lies in [0, 1]",
        ),
    ],
)
def test_numbers_that_are_no_probabilities_are_refused_by_row(columns, message):
    error = refusal(**columns)
    assert error.message == message
    assert "`classes = [...]` names the probability columns" in error.hint


def test_rounded_probabilities_pass():
    assert len(converted(no=[0.3333, 1 + 1e-8], maybe=[0.3333, 0.0], yes=[0.3333, -1e-8])) == 2


@pytest.mark.parametrize("beyond", [1e-5, 5e-4])
def test_a_probability_beyond_rounding_is_refused_though_the_sum_is_near_1(beyond):
    with pytest.raises(DataError, match="probabilit"):
        converted(no=[1 + beyond], maybe=[0.0], yes=[-beyond])


def test_a_sum_may_be_off_one_by_the_rounding_of_three_digits():
    assert len(converted(no=[0.5], maybe=[0.3], yes=[0.1991])) == 1
    with pytest.raises(DataError, match="sum to"):
        converted(no=[0.5], maybe=[0.3], yes=[0.1989])


def test_twenty_columns_are_listed_where_one_is_missing():
    table = pa.table({"id": ["1"], **{f"column {number:02}": ["a"] for number in range(20)}})
    with pytest.raises(DataError) as caught:
        as_predictions(table)
    assert caught.value.hint.endswith("`column 17`, `column 18`")


def test_a_long_type_is_cut_to_a_hundred_characters():
    table = pa.table({"id": ["1"], "text": pa.array([{f"field {number}": 1 for number in range(20)}])})
    with pytest.raises(DataError) as caught:
        as_predictions(table, "text")
    assert (
        caught.value.message == f"column `text` holds {str(table.column('text').type)[:100]}..., and string is needed"
    )


@pytest.mark.parametrize("classes", [[], ["no", "no"]])
def test_classes_must_be_named_once(classes):
    assert refusal(classes=classes, label=["no"]).message == "`classes` must name every class once"


def test_a_class_without_its_column_is_refused():
    error = refusal(classes=["no", "maybe"], no=[0.5], yes=[0.5])
    assert error.message == "there is a column of probabilities for `no` and none for `maybe`"


def test_a_column_of_text_is_no_probability():
    assert (
        refusal(classes=["no", "yes"], no=["0.5"], yes=["0.5"]).message
        == "column `no` holds string, and probabilities are needed"
    )


def test_a_label_outside_the_classes_is_refused_by_row():
    error = refusal(no=[0.5, 0.5], yes=[0.5, 0.5], label=["no", "Yes"])
    assert error.message == "row `2` has the label `Yes`, which is not among the classes"
    assert error.hint == "the classes are `no`, `yes`"


def test_numbers_with_fractions_are_no_labels_and_whole_ones_are():
    assert converted(label=[0, 1]).classes == ("0", "1")
    assert refusal(label=[0.0, 1.0]).message == "column `label` holds double, and string is needed"


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.sampled_from([np.float64, np.float32, np.float16]))
def test_whatever_a_softmax_gives_in_any_precision_is_taken(seed, k, precision):
    logits = np.random.default_rng(seed).normal(0, 5, (20, k)).astype(precision)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(precision)
    predictions = converted(**{f"class-{code}": p[:, code] for code in range(k)})
    np.testing.assert_array_equal(predictions.codes, p.argmax(axis=1))
    np.testing.assert_array_equal(predictions.probabilities, p.astype(float))


# Several labels a row


def test_several_labels_may_have_probabilities_of_their_own_that_sum_to_anything():
    predictions = converted("labels", labels=[["a", "b"], []], a=[0.9, 0.1], b=[0.8, 0.0])
    assert predictions.probabilities.tolist() == [[0.9, 0.8], [0.1, 0.0]]
    assert predictions.indicator.tolist() == [[True, True], [False, False]]


def test_several_labels_must_be_given_and_be_among_the_classes():
    assert refusal("labels", a=[0.9], b=[0.8]).message == "there is no column `labels`"
    assert refusal("labels", ["a"], labels=[["a"], ["a", "x"]]).message.startswith("row `2` has the label `x`")
    assert converted("labels", labels=[["b"], ["a"]]).classes == ("a", "b")


def test_a_set_of_labels_has_no_missing_one():
    assert refusal("labels", labels=[["a"], ["a", None]]).message.startswith("row `2` has the label `None`")


def test_a_missing_set_of_labels_does_not_shift_the_others():
    fixed = pa.array([["a"], None, ["b"]], pa.list_(pa.string(), 1))
    assert converted("labels", labels=fixed).indicator.tolist() == [[True, False], [False, False], [False, True]]
    broken = converted("labels", labels=[["a"], ["b"], ["a", "b"]], a=[0.9, NAN, 0.9], b=[0.1, 0.5, 0.9])
    assert broken.indicator.tolist() == [[True, False], [False, False], [True, True]]


# Vectors and values


def test_a_vector_may_be_one_column_per_dimension():
    predictions = converted("vector", x=[1.0, 3.0], y=[2.0, 4.0])
    assert predictions.values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float32(), 2), pa.large_list(pa.float64())])
def test_a_vector_with_nan_or_inf_is_no_prediction_and_shifts_no_other(kind):
    column = pa.array([[1.0, NAN], None, [3.0, 4.0], [float("inf"), 0.0]], kind)
    predictions = converted("vector", vector=column)
    assert rows(predictions) == [{"vector": None}, {"vector": None}, {"vector": [3.0, 4.0]}, {"vector": None}]
    assert predictions.missing.tolist() == [True, True, False, True]


def test_vectors_must_be_of_one_length():
    message = "row `3` has a vector of 1 numbers, where others have 2"
    assert refusal("vector", vector=[None, [1.0, 2.0], [3.0]]).message == message
    assert refusal("vector", vector=[None, []]).message.startswith("row `2` has a vector of 0 numbers")


def test_a_value_that_is_nan_or_inf_is_no_prediction():
    assert converted("value", value=[1, None, 3]).values[[0, 2]].tolist() == [1, 3]
    assert converted("value", value=[1.0, NAN, float("inf")]).missing.tolist() == [False, True, True]


# Spans and boxes


def test_spans_may_lack_a_score_and_have_their_keys_in_any_order():
    predictions = converted("spans", spans=[[{"label": "A", "end": 2, "start": 0}], []])
    assert rows(predictions)[0] == {"spans": [{"start": 0, "end": 2, "label": "A", "score": None}]}


@pytest.mark.parametrize("lacking", ["start", "end", "label"])
def test_a_span_without_an_end_or_a_label_is_refused_by_row(lacking):
    span = {"start": 0, "end": 2, "label": "A"}
    rest = {key: value for key, value in span.items() if key != lacking}
    assert refusal("spans", spans=[[], [span, rest]]).message == f"row `2` has spans without `{lacking}`"


def test_a_span_between_characters_is_refused():
    assert "double" in refusal("spans", spans=[[{"start": 0.5, "end": 2.0, "label": "A"}]]).message


def test_a_box_without_a_side_is_refused():
    assert (
        refusal("boxes", boxes=[[{"x0": 0.0, "y0": 0.0, "x1": 1.0, "label": "A"}]]).message
        == "row `1` has boxes without `y1`"
    )


def test_predictions_of_many_rows_are_read_block_by_block_as_they_are_at_once(tmp_path):
    rng = np.random.default_rng(7)
    odds = rng.random(70_000)
    odds[[3, 66_000]] = np.nan
    table = pa.table({"id": np.arange(70_000).astype(str), "no": 1 - odds, "yes": odds})
    at_once, by_blocks = as_predictions(table), as_predictions(table, scratch=lambda: tmp_path)
    assert by_blocks.classes == at_once.classes == ("no", "yes")
    assert by_blocks.table.equals(at_once.table)
    np.testing.assert_array_equal(by_blocks.probabilities, at_once.probabilities)
    wrong = pa.concat_tables([table.slice(0, 69_999), pa.table({"id": ["69999"], "no": [0.5], "yes": [0.4]})])
    with pytest.raises(DataError, match="row `69999`"):
        as_predictions(wrong, scratch=lambda: tmp_path)
