"""Precision, recall and F1: as scikit-learn has them, of one class, averaged over classes, and of spans."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from mqa_metrics.classification import f1, precision, recall
from mqa_registry import UsageError

QUICK = settings(max_examples=25, deadline=None)

MEASURES = {"precision": precision, "recall": recall, "f1": f1}
SLOT = {"precision": 0, "recall": 1, "f1": 2}


@st.composite
def repeated_predictions(draw, most_classes=5, most_rows=30):
    """Targets, predictions, and how often each row is counted: at least one row once."""
    k = draw(st.integers(2, most_classes))
    codes = st.lists(st.integers(0, k - 1), min_size=1, max_size=most_rows)
    targets = draw(codes)
    predicted = draw(st.lists(st.integers(0, k - 1), min_size=len(targets), max_size=len(targets)))
    times = draw(st.lists(st.integers(0, 3), min_size=len(targets), max_size=len(targets)).filter(any))
    return k, np.array(targets), np.array(predicted), np.array(times)


def oracle(name, targets, predicted, times, zero_division=0.0, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = precision_recall_fscore_support(
            np.repeat(targets, times, axis=0),
            np.repeat(predicted, times, axis=0),
            zero_division=zero_division,
            **options,
        )
    return scores[SLOT[name]]


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@QUICK
@given(case=repeated_predictions())
def test_averages_are_those_of_scikit_learn_however_often_rows_are_counted(coded, at, name, average, case):
    k, targets, predicted, times = case
    measured = MEASURES[name](coded(predicted, k), coded(targets, k), average=average)
    assert at(measured, times) == pytest.approx(oracle(name, targets, predicted, times, average=average))


@pytest.mark.parametrize("name", MEASURES)
@QUICK
@given(case=repeated_predictions(most_classes=3))
def test_binary_is_that_of_scikit_learn_and_undefined_where_that_divides_by_zero(coded, at, name, case):
    k, targets, predicted, times = case
    measured = MEASURES[name](coded(predicted, k), coded(targets, k), average="binary", positive="class-001")
    expected = oracle(name, targets, predicted, times, zero_division=np.nan, labels=[1], average=None)[0]
    assert at(measured, times) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@QUICK
@given(data=st.data())
def test_many_labels_a_row_are_those_of_scikit_learn_over_the_classes_that_occur(labels, at, name, average, data):
    rows, k = data.draw(st.integers(1, 12)), data.draw(st.integers(2, 4))
    table = st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=rows, max_size=rows)
    predicted, targets = np.array(data.draw(table)), np.array(data.draw(table))
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows).filter(any)))
    score = at(MEASURES[name](labels(predicted), labels(targets), average=average), times)
    there = np.flatnonzero((np.repeat(predicted, times, 0) | np.repeat(targets, times, 0)).any(axis=0))
    pooled = {"precision": predicted, "recall": targets, "f1": predicted | targets}[name]
    undefined = {
        "macro": not there.size,
        "micro": not np.repeat(pooled, times, 0).any(),
        "weighted": not np.repeat(targets, times, 0).any(),
    }
    if undefined[average]:
        assert np.isnan(score)
    else:
        expected = oracle(name, targets.astype(int), predicted.astype(int), times, labels=there, average=average)
        assert score == pytest.approx(expected)


@pytest.mark.parametrize("name", MEASURES)
def test_many_resamples_at_once_give_what_each_gives_alone(coded, at, name):
    rng = np.random.default_rng(1)
    targets, predicted = rng.integers(0, 4, (2, 200))
    statistic = MEASURES[name](coded(predicted, 4), coded(targets, 4), average="macro" if name != "f1" else None,
                               positive="class-002" if name == "f1" else None)  # fmt: skip
    times = rng.multinomial(200, np.full(200, 1 / 200), size=(3, 5))
    together = at(statistic, times.reshape(15, 200)).reshape(3, 5)
    assert together.shape == (3, 5)
    assert together[2, 1] == pytest.approx(float(at(statistic, times[2, 1])))


def test_precision_and_recall_of_one_class_are_means_of_rows(label):
    predictions, targets = label(["positive", "negative", "positive"]), label(["positive", "positive", "negative"])
    np.testing.assert_array_equal(precision(predictions, targets), [1, np.nan, 0])
    np.testing.assert_array_equal(recall(predictions, targets), [1, 0, np.nan])


def test_positive_is_the_second_of_two_classes_unless_it_is_named(label, at):
    predictions, targets = label(["positive", "negative"]), label(["positive", "positive"])
    assert at(recall(predictions, targets)) == 0.5
    assert at(precision(predictions, targets, positive="negative")) == 0
    assert np.isnan(at(recall(predictions, targets, positive="negative")))


@pytest.mark.parametrize("measure", MEASURES.values())
def test_with_more_than_two_classes_one_must_be_named_or_an_average(coded, measure):
    predictions = coded([0, 1, 2], 3)
    with pytest.raises(UsageError, match="with 3 classes a rate needs to know which one is positive") as raised:
        measure(predictions, predictions)
    assert "`class-000`, `class-001`, `class-002`" in raised.value.hint


def test_a_positive_class_that_is_not_there_is_refused_with_those_that_are(label):
    with pytest.raises(UsageError, match="there is no class `good`") as raised:
        f1(label(["positive"]), label(["positive"]), positive="good")
    assert raised.value.hint == "the classes are `negative`, `positive`"


def test_one_class_cannot_be_named_with_an_average_over_all(label):
    with pytest.raises(UsageError, match="`positive` names one class"):
        f1(label(["positive"]), label(["positive"]), positive="positive", average="macro")


def test_a_class_that_is_never_predicted_counts_as_zero_in_an_average_and_has_no_precision(label, at):
    predictions, targets = label(["negative", "negative"]), label(["negative", "positive"])
    assert at(precision(predictions, targets, average="macro")) == 0.25
    assert np.isnan(at(precision(predictions, targets)))
    assert at(f1(predictions, targets)) == 0


def test_rows_with_several_labels_need_an_average_or_one_class(labels, at):
    predictions, targets = labels([[1, 0], [1, 1]]), labels([[1, 0], [0, 1]])
    with pytest.raises(UsageError, match="several labels"):
        f1(predictions, targets)
    assert at(precision(predictions, targets, positive="class-0")) == 0.5
    assert at(f1(predictions, targets, positive="class-1")) == 1


def test_spans_count_when_start_end_and_label_are_correct(spans, at):
    targets = spans([[(0, 4, "PER"), (9, 12, "LOC")], [], [(3, 5, "ORG")]])
    found = spans([[(0, 4, "PER"), (9, 12, "ORG")], [(1, 2, "PER")], [(3, 5, "ORG")]])
    assert at(precision(found, targets)) == pytest.approx(2 / 4)
    assert at(recall(found, targets)) == pytest.approx(2 / 3)
    assert at(f1(found, targets)) == pytest.approx(4 / 7)
    assert at(f1(found, targets), [0, 0, 5]) == 1
    assert np.isnan(at(precision(found, targets), [0, 0, 0]))


def test_a_span_that_is_predicted_twice_counts_once(spans, at):
    assert at(precision(spans([[(0, 4, "PER"), (0, 4, "PER")]]), spans([[(0, 4, "PER")]]))) == 1


@QUICK
@given(
    st.lists(
        st.tuples(*[st.frozensets(st.tuples(st.integers(0, 3), st.integers(4, 5), st.sampled_from("AB")))] * 2),
        min_size=1,
    )
)
def test_entity_f1_is_two_hits_over_all_entities_of_both_sides(spans, at, rows):
    found, targets = spans([sorted(pair[0]) for pair in rows]), spans([sorted(pair[1]) for pair in rows])
    hits = sum(len(a & b) for a, b in rows)
    every = sum(len(a) + len(b) for a, b in rows)
    assert at(f1(found, targets)) == pytest.approx(2 * hits / every if every else np.nan, nan_ok=True)


@pytest.mark.parametrize("options", [{"average": "macro"}, {"average": "binary"}, {"positive": "PER"}])
def test_spans_have_no_average_but_micro(spans, options):
    with pytest.raises(UsageError, match="all their labels at once"):
        f1(spans([[]]), spans([[]]), **options)


def test_thirty_thousand_classes_take_no_thirty_thousand_squared_bins(coded):
    rng = np.random.default_rng(0)
    targets, predicted = rng.integers(0, 30_000, (2, 500))
    statistic = f1(coded(predicted, 30_000), coded(targets, 30_000), average="macro")
    assert statistic.n_bins <= 500 + 4 * 16  # with kinds of row that none of the rows is
    assert statistic.compute(np.ones((10, statistic.n_bins))).shape == (10,)
