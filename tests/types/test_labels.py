"""How labels of data are read as classes of a model: where there is one meaning, and why not elsewhere."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.errors import DataError, UsageError
from mqa_registry.types import Rows, map_labels, positive_class, read_target_labels, read_targets, unknown_labels
from mqa_registry.types.labels import UnreadableLabel, read_labels

TWO = ("negative", "positive")
STARS = ("1", "2", "3", "4", "5")


def rows(*targets):
    table = pa.table({"id": [str(n) for n in range(len(targets))], "target": pa.array(targets)})
    return Rows(table, ())


def read(*targets, classes=TWO, schema="label"):
    return read_targets(rows(*targets), schema, classes, data="d").to_pylist()


def refusal(*targets, classes=TWO, schema="label"):
    with pytest.raises(DataError) as caught:
        read_targets(rows(*targets), schema, classes, data="d")
    return caught.value


@pytest.mark.parametrize(
    "labels",
    [
        ("positive", "negative"),
        ("POSITIVE", "Negative"),
        (" positive", "negative  "),
        ("positive", "NEGATIVE "),
        (1, 0),
        (1.0, 0.0),
        ("1", "0"),
        ("1.0", "0.0"),
        (" 1", "0 "),
        (True, False),
        ("True", "False"),
        ("true", "FALSE"),
        ("LABEL_1", "LABEL_0"),
        ("label_1", "LABEL_0"),
    ],
)
def test_a_label_with_one_meaning_is_read(labels):
    assert read(*labels) == ["positive", "negative"]


@pytest.mark.parametrize("nothing", [None, float("nan")])
def test_a_missing_number_is_no_label(nothing):
    assert read(1.0, nothing, 0.0) == ["positive", None, "negative"]


@pytest.mark.parametrize("classes", [("0", "1"), ("1", "0")])
def test_a_boolean_is_the_class_of_that_digit_whatever_the_order_of_classes(classes):
    assert read(True, False, classes=classes) == ["1", "0"]


@pytest.mark.parametrize(
    "targets", [("positive", None, "negative"), (1, None, 0), (True, None, False), ("1.0", "", "0")]
)
def test_a_probe_reads_targets_as_a_metric_does(targets):
    assert read_target_labels(rows(*targets), TWO) == read(*targets) == ["positive", None, "negative"]


def test_a_probe_is_told_the_row_of_a_label_that_is_no_class():
    with pytest.raises(DataError, match=r"^row 2 has the label `maybe`, which the model does not know; it knows"):
        read_target_labels(rows("positive", "maybe"), TWO)


def test_without_class_names_every_label_is_its_own_text():
    assert read_target_labels(rows("a", None, "", "b"), ()) == ["a", None, None, "b"]
    assert read_target_labels(rows(1.0, float("nan")), ()) == ["1", None]


def test_rows_without_a_column_of_targets_have_none():
    assert read_target_labels(Rows(pa.table({"id": ["0", "1"]}), ()), TWO) == [None, None]


def test_an_empty_text_is_no_label():
    assert read("positive", "", " ") == ["positive", None, None]


def test_separators_between_words_are_alike():
    assert read("not entailment", classes=("entailment", "not_entailment")) == ["not_entailment"]


def test_numbers_that_name_classes_are_names_and_not_positions():
    assert read(1, 5, classes=STARS) == ["1", "5"]
    assert read(1.0, 5.0, classes=STARS) == ["1", "5"]


def test_numbers_of_which_some_name_a_class_have_no_one_meaning():
    assert refusal(0, 4, classes=STARS).message.startswith(
        "row 1 of the data set `d` has the label `0`, which the model"
    )


def test_classes_that_differ_in_case_alone_are_distinct():
    assert read("US", "us", classes=("US", "us")) == ["US", "us"]
    assert "could be several classes" in refusal("Us", classes=("US", "us")).message


@pytest.mark.parametrize(
    ("labels", "message", "hint"),
    [
        (
            (1, 2),
            "row 2 of the data set `d` has the label `2`, and the model has 2 classes, numbered 0 to 1",
            'labels = { 1 = "...", 2 = "..." }',
        ),
        ((1, -1), "row 2 of the data set `d` has the label `-1`, and the model has 2", 'labels = { -1 = "...", 1 ='),
        ((0.0, 0.73), "row 2 of the data set `d` has the label `0.73`, which is a measure and no class", "a number"),
        (("positive", "nan"), "row 2 of the data set `d` has the label `nan`, which is no", 'labels = { nan = "" }'),
        (("neg", "pos"), "row 1 of the data set `d` has the label `neg`", '{ neg = "negative", pos = "positive" }'),
        (("positive", "negativ"), "row 2 of the data set `d` has the label `negativ`", "did you mean `negative`?"),
        (("positive", "1"), "row 2 of the data set `d` has the label `1`, which the model does not know", "labels ="),
        (([TWO[0]], [TWO[1]]), "row 1 of the data set `d` has the label `['negative']`", "of schema `labels`"),
    ],
)
def test_a_label_without_one_meaning_is_refused_with_its_row_as_it_is_written(labels, message, hint):
    error = refusal(*labels)
    assert error.message.startswith(message)
    assert hint in error.hint


def test_a_message_lists_twenty_classes_and_counts_the_others():
    names = tuple(f"class {number:02}" for number in range(23))
    assert refusal("odd one", classes=names).message.endswith("`class 18`, `class 19` and 3 more")


def test_a_long_label_is_cut_to_sixty_characters():
    message = refusal("x" * 61).message
    assert f"has the label `{'x' * 57}...`" in message
    assert f"has the label `{'x' * 60}`" in refusal("x" * 60).message


def test_the_whole_map_is_written_for_at_most_six_labels():
    six, seven = (refusal(*range(100, 100 + count)).hint for count in (6, 7))
    assert '105 = "..."' in six
    assert seven.endswith('labels = { 1 = "...", 2 = "..." }`')


def test_ten_classes_are_offered_as_the_positive_one():
    with pytest.raises(UsageError) as caught:
        positive_class([str(number) for number in range(11)], None)
    assert "`8`, `9`, ...;" in caught.value.hint


def test_five_labels_are_listed_where_none_is_among_the_predictions():
    with pytest.raises(DataError) as caught:
        unknown_labels({f"name {number}" for number in range(6)}, ("0", "1"))
    assert "(`name 0`, `name 1`, `name 2`, `name 3`, `name 4`, ...)" in caught.value.message


def test_booleans_are_no_classes_of_a_model_with_three():
    assert "which is one of two, and the model has 3 classes" in refusal(True, False, classes=("a", "b", "c")).message


def test_classes_without_names_are_to_be_named_in_the_model():
    error = refusal("positive", classes=("LABEL_0", "LABEL_1"))
    assert "classes have no names" in error.message
    assert error.hint == 'name them in `[model]`: `labels = { LABEL_0 = "...", LABEL_1 = "..." }`'


def test_the_row_is_that_of_the_source_where_rows_were_drawn():
    drawn = Rows(rows("positive", "odd").table, (), numbers=(3, 17))
    with pytest.raises(DataError, match="row 17 of the data set `d` has the label `odd`"):
        read_targets(drawn, "label", TWO, data="d")


def test_lists_of_labels_are_read_by_name_alone():
    assert read(["A", "b "], [], None, classes=("a", "b"), schema="labels") == [["a", "b"], [], None]
    assert "row 2" in refusal(["a"], ["x"], classes=("a", "b"), schema="labels").message
    assert "`0`" in refusal(["0", "1"], classes=("a", "b"), schema="labels").message  # positions, or a row of 0 and 1


def test_a_map_says_what_labels_mean_and_which_are_none():
    column = pa.chunked_array([[1.0, 2.0, -1.0]])
    assert map_labels(column, {"1": "negative", "2": "positive", "-1": ""}).to_pylist() == [*TWO, None]
    assert map_labels(pa.chunked_array([[True, False]]), {"true": "a", "False": "b"}).to_pylist() == ["a", "b"]
    assert map_labels(pa.chunked_array([["x", "y"]]), {"x": "a"}).to_pylist() == ["a", "y"]
    assert map_labels(pa.chunked_array([[["x", "-"], ["y"]]]), {"x": "a", "-": ""}).to_pylist() == [["a"], ["y"]]


names = st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=6, unique_by=lambda name: name.strip())


@given(names, st.data())
def test_the_names_of_the_classes_are_always_read_as_they_stand(classes, data):
    labels = data.draw(st.lists(st.sampled_from(classes), unique=True))
    assert read_labels(labels, classes) == labels


@given(names, st.lists(st.one_of(st.text(), st.integers(), st.floats(), st.booleans()), unique_by=repr))
def test_labels_are_read_as_classes_or_one_of_them_is_named(classes, labels):
    found = read_labels(labels, classes)
    if isinstance(found, UnreadableLabel):
        assert any(found.label is label for label in labels)
        assert found.reason
        assert found.hint
    else:
        assert len(found) == len(labels)
        assert set(found) <= set(classes)


def test_labels_of_targets_that_predictions_do_not_have():
    assert unknown_labels({"POSITIVE", "neutral"}, ("negative", "positive")) == {"neutral"}
    assert unknown_labels({"1", "2", "7"}, ("1", "2")) == {"7"}
    assert unknown_labels({"c"}, ("a", "b")) == {"c"}
    assert unknown_labels({"c"}, ()) == {"c"}


@pytest.mark.parametrize(("labels", "classes"), [({"0", "1"}, TWO), ({"true", "false"}, TWO), (set(TWO), ("0", "1"))])
def test_numbers_for_names_are_refused_and_never_judged_as_other_labels(labels, classes):
    with pytest.raises(DataError, match=r"no label of the targets .* is one of the predictions"):
        unknown_labels(labels, classes)


@pytest.mark.parametrize("word", ["NaN", "None", "null", "NA", "N/A", "<NA>", "NaT"])
def test_a_word_that_programs_write_for_no_value_has_a_hint(word):
    assert "where it means that there is no label, leave it empty" in refusal("positive", word).hint


def test_a_number_beyond_what_floats_hold_is_that_number():
    with pytest.raises(DataError) as refused:
        read(2**62 + 1, 0)
    assert f"`{2**62 + 1}`" in refused.value.message
    assert f'labels = {{ 0 = "...", {2**62 + 1} = "..." }}' in refused.value.hint
