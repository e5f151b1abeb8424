"""Metrics of answers: by hand, and by what the documentation of SQuAD's evaluation says of its rules."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mqa_metrics.answers import answer_f1, best_answer_f1, compute_f1, exact_match, no_answer_accuracy
from mqa_registry import DataError, Predictions

# Prediction, acceptable answers, exact match, F1.
ROWS = [
    ("The Rome.", ["rome"], 1, 1),
    ("in Rome", ["Rome", "Italy"], 0, 2 / 3),
    ("Rome Italy", ["Rome", "Rome in Italy"], 0, 2 * 2 / 5),
    ("Bern", ["Rome"], 0, 0),
    ("a b a", ["a a b"], 1, 1),  # the articles are left out
    ("", [], 1, 1),
    ("Rome", [], 0, 0),
    ("", ["Rome"], 0, 0),
    ("the", ["Rome"], 0, 0),
    ("", ["the", "an"], 1, 1),  # answers without a word are none
    ("go go home", ["go home now"], 0, 2 * 2 / 6),
]


def predict(answers, **columns):
    ids = [str(number) for number in range(len(answers))]
    return Predictions("answer", pa.table({"id": ids, "answer": pa.array(answers, pa.string()), **columns}))


def accept(lists):
    ids = [str(number) for number in range(len(lists))]
    return Predictions("answer", pa.table({"id": ids, "answer": pa.array(lists, pa.list_(pa.string()))}))


PREDICTIONS, TARGETS = predict([row[0] for row in ROWS]), accept([row[1] for row in ROWS])


def test_exact_match_and_f1_are_those_by_hand():
    assert exact_match(PREDICTIONS, TARGETS).tolist() == [row[2] for row in ROWS]
    assert answer_f1(PREDICTIONS, TARGETS) == pytest.approx([row[3] for row in ROWS])


def test_questions_with_and_without_an_answer_are_measured_apart():
    unanswerable = [5, 6, 9]
    for metric, column in ((exact_match, 2), (answer_f1, 3)):
        whole = np.array([row[column] for row in ROWS], float)
        without = metric(PREDICTIONS, TARGETS, questions="unanswerable")
        assert np.flatnonzero(~np.isnan(without)).tolist() == unanswerable
        assert without[unanswerable] == pytest.approx(whole[unanswerable])
        answered = metric(PREDICTIONS, TARGETS, questions="answerable")
        assert np.flatnonzero(np.isnan(answered)).tolist() == unanswerable


def test_no_answer_is_right_or_wrong_whichever_answer_is_given():
    assert no_answer_accuracy(PREDICTIONS, TARGETS).tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1]


def test_f1_is_that_of_bags_of_words():
    assert compute_f1("x x y", "x y y") == pytest.approx(2 / 3)
    assert compute_f1("x", "x y z w") == pytest.approx(2 / 5)


def with_scores(rows):
    """Predictions of (answer, its score, score of no answer)."""
    candidates = [[{"answer": text, "score": score}, {"answer": "", "score": 0.0}] for text, score, _ in rows]
    return predict([row[0] for row in rows], candidates=candidates, no_answer_score=[row[2] for row in rows])


def test_the_best_threshold_is_found_by_trying_all(at):
    rng = np.random.default_rng(7)
    rows = [(rng.choice(["Rome", "in Rome", "Bern"]), p, q) for p, q in rng.uniform(0.01, 0.9, (30, 2))]
    rows += rows[:5]  # gaps that are alike
    targets = [["Rome"] if keep else [] for keep in rng.random(35) < 0.6]
    predictions, acceptable = with_scores(rows), accept(targets)
    gaps = np.array([np.log(q) - np.log(p) for _, p, q in rows])

    def f1_at(threshold):
        texts = ["" if gap > threshold else row[0] for gap, row in zip(gaps, rows, strict=True)]
        return np.nanmean(answer_f1(predict(texts), acceptable))

    best = max(map(f1_at, [-np.inf, *gaps]))
    assert at(best_answer_f1(predictions, acceptable), np.ones(35)) == pytest.approx(best)
    assert best > f1_at(np.inf)


def test_the_best_threshold_is_that_of_the_rows_that_are_counted(at):
    predictions = with_scores([("Rome", 0.5, 0.4), ("Rome", 0.5, 0.1)])
    statistic = best_answer_f1(predictions, accept([["Rome"], []]))
    assert at(statistic, np.array([[1, 1], [2, 0], [0, 3], [0, 0]])) == pytest.approx([0.5, 1, 1, np.nan], nan_ok=True)


def test_the_best_threshold_needs_scores():
    with pytest.raises(DataError, match="needs the scores of no answer"):
        best_answer_f1(PREDICTIONS, TARGETS)
