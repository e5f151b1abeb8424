from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from mqa_metrics.exact import accuracy

QUICK = settings(max_examples=25, deadline=None)

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1)


@QUICK
@given(ROWS)
def test_labels_are_right_or_wrong_as_in_scikit_learn(coded, at, rows):
    right, answered = zip(*rows, strict=True)
    assert at(accuracy(coded(answered, 4), coded(right, 4))) == accuracy_score(right, answered)


@QUICK
@given(st.lists(st.tuples(*[st.lists(st.booleans(), min_size=3, max_size=3)] * 2), min_size=1))
def test_a_row_with_several_labels_is_right_when_all_of_them_are(labels, at, rows):
    right, answered = map(list, zip(*rows, strict=True))
    assert at(accuracy(labels(answered), labels(right))) == accuracy_score(right, answered)


def test_spans_are_right_when_all_of_a_row_are_whatever_their_order(spans):
    found = spans([[(5, 7, "B"), (0, 2, "A")], [(0, 2, "A")], []])
    right = spans([[(0, 2, "A"), (5, 7, "B")], [(0, 3, "A")], []])
    assert accuracy(found, right).tolist() == [True, False, True]


def test_a_text_is_right_to_the_letter(text):
    assert accuracy(text(["Paris", "paris", ""]), text(["Paris", "Paris", ""])).tolist() == [True, False, True]
