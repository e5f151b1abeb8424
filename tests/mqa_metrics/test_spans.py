"""Metrics of spans on counts by hand, on what nervaluate says, and on what seqeval publishes."""

from __future__ import annotations

from functools import partial

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_metrics.spans import span_f1, span_precision, span_recall, token_accuracy
from mqa_registry import NotRunError, UsageError
from mqa_registry.types import Predictions, TagScheme

TARGETS = [[(0, 4, "PER"), (9, 12, "LOC")], [(0, 6, "ORG")], []]
FOUND = [[(0, 4, "PER"), (9, 14, "LOC")], [(0, 6, "LOC"), (8, 9, "PER")], [(1, 2, "PER")]]


@pytest.mark.parametrize(
    ("match", "precision", "recall"),
    [("strict", 1 / 5, 1 / 3), ("exact", 2 / 5, 2 / 3), ("partial", 2.5 / 5, 2.5 / 3), ("type", 2 / 5, 2 / 3)],
)
def test_each_rule_counts_what_it_says(spans, at, match, precision, recall):
    pair = spans(FOUND), spans(TARGETS)
    assert at(span_precision(*pair, match=match)) == pytest.approx(precision)
    assert at(span_recall(*pair, match=match)) == pytest.approx(recall)
    assert at(span_f1(*pair, match=match)) == pytest.approx(2 * precision * recall / (precision + recall))


def test_labels_are_averaged_over_those_that_occur(spans, at):
    pair = spans(FOUND), spans(TARGETS)  # F1 of LOC 0 of 3, of ORG 0 of 1, of PER 2 · 1 of 4
    assert at(span_f1(*pair, average="macro")) == pytest.approx((0 + 0 + 0.5) / 3)
    assert at(span_f1(*pair, average="weighted")) == pytest.approx((0 * 1 + 0 * 1 + 0.5 * 1) / 3)
    assert at(span_f1(*pair, label="PER")) == pytest.approx(0.5)
    assert at(span_recall(*pair, label="PER")) == 1


def test_a_label_that_no_span_has_is_refused(spans):
    with pytest.raises(UsageError, match="no span has the label `DOG`"):
        span_f1(spans(FOUND), spans(TARGETS), label="DOG")


def test_nothing_to_find_and_nothing_found_has_no_number(spans, at):
    assert np.isnan(at(span_f1(spans([[]]), spans([[]]))))


def test_the_example_that_seqeval_publishes(spans, at):
    # Its README: f1_score of these is 0.50, and the macro average of the report is 0.50.
    true = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    predicted = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    sides = [spans([_spans_of(tags) for tags in side]) for side in (predicted, true)]
    for average in ("micro", "macro", "weighted"):
        assert at(span_f1(*sides, average=average)) == pytest.approx(0.5)


def _spans_of(tags):
    return [(one.start, one.stop, one.type) for one in TagScheme.of(tags).find_entities(tags)]


SPANS_OF_ROW = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(["PER", "LOC", "ORG"])), max_size=5
)


def _place(parts):
    position, row = 0, []
    for gap, length, name in parts:
        row.append((position + gap, position + gap + length, name))
        position += gap + length
    return row


@settings(max_examples=60)
@given(st.lists(st.tuples(SPANS_OF_ROW, SPANS_OF_ROW), min_size=1, max_size=4))
def test_every_rule_is_that_of_nervaluate(spans, at, rows):
    strategies = pytest.importorskip("nervaluate.strategies")
    entities = pytest.importorskip("nervaluate.entities")
    found, targets = ([_place(row[side]) for row in rows] for side in (0, 1))
    theirs = {
        "strict": strategies.StrictEvaluation(),
        "exact": strategies.ExactEvaluation(),
        "partial": strategies.PartialEvaluation(),
        "type": strategies.EntityTypeEvaluation(),
    }
    for match, strategy in theirs.items():
        right = 0.0
        for pair in zip(targets, found, strict=True):
            sides = ([entities.Entity(label=name, start=s, end=e - 1) for s, e, name in side] for side in pair)
            counts, _ = strategy.evaluate(*sides, ["PER", "LOC", "ORG"])
            right += counts.correct + counts.partial / 2
        for measure, total in ((span_precision, sum(map(len, found))), (span_recall, sum(map(len, targets)))):
            expected = right / total if total else np.nan
            assert at(measure(spans(found), spans(targets), match=match)) == pytest.approx(expected, nan_ok=True)


@settings(max_examples=30)
@given(st.lists(st.tuples(SPANS_OF_ROW, SPANS_OF_ROW), min_size=2, max_size=5), st.data())
def test_a_row_that_is_counted_twice_counts_as_two_rows(spans, at, rows, data):
    times = data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows)))
    repeated = [row for row, count in zip(rows, times, strict=True) for _ in range(count)]
    for measure in (span_f1, partial(span_f1, average="macro"), partial(span_precision, match="partial")):
        one, other = ([spans([_place(row[side]) for row in some]) for side in (0, 1)] for some in (rows, repeated))
        assert at(measure(*one), times) == pytest.approx(at(measure(*other)), nan_ok=True)


DECISION = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("label", pa.string()), ("margin", pa.float32())])


def test_tokens_are_right_by_the_type_of_their_span(spans, at):
    tokens = [(0, 3, "B-PER"), (3, 4, "I-PER"), (5, 8, "O"), (9, 12, "B-PER"), (13, 14, "I-LOC")]
    decisions = [[{"start": s, "end": e, "label": tag, "margin": 0.5} for s, e, tag in tokens], []]
    table = spans([[], []]).table.append_column("decisions", pa.array(decisions, pa.list_(DECISION)))
    predictions = Predictions("spans", table, ("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
    # The targets have a person of 0 to 4 and a place of 9 to 14: right are the first three tokens and the last.
    assert at(token_accuracy(predictions, spans([[(0, 4, "PER"), (9, 14, "LOC")], []]))) == pytest.approx(4 / 5)


def test_spans_alone_say_nothing_of_tokens(spans):
    with pytest.raises(NotRunError, match="needs what was decided of each token"):
        token_accuracy(spans([[]]), spans([[]]))
