from __future__ import annotations

import pytest

from mqa_parity.answers import agreement, flip_rate


def span(start, end, label, score=None):
    return {"start": start, "end": end, "label": label, "score": score}


SAME_AND_NOT = {
    "label": ({"label": ["yes", "no"]}, {"label": ["yes", "yes"]}),
    "labels": ({"labels": [["a", "b"], ["a"]]}, {"labels": [["b", "a"], ["a", "b"]]}),
    "text": ({"text": ["Paris", "Paris"]}, {"text": ["Paris", "paris"]}),
    "ranking": ({"ranking": [["x", "y"], ["x", "y"]]}, {"ranking": [["x", "y"], ["y", "x"]]}),
    "spans": (
        {"spans": [[span(0, 4, "PER", 0.9), span(5, 7, "LOC", 0.5)], [span(0, 4, "PER", 0.9)]]},
        {"spans": [[span(5, 7, "LOC", 0.4), span(0, 4, "PER", 0.9)], [span(0, 4, "LOC", 0.9)]]},
    ),
}


@pytest.mark.parametrize("schema", SAME_AND_NOT)
def test_the_same_answer_agrees_and_another_flips(predicted, schema):
    one, other = (predicted(schema, **columns) for columns in SAME_AND_NOT[schema])
    assert agreement(one, other).tolist() == [True, False]
    assert flip_rate(one, other).tolist() == [False, True]


@pytest.mark.parametrize("schema", SAME_AND_NOT)
def test_every_prediction_agrees_with_itself(predicted, schema):
    one = predicted(schema, **SAME_AND_NOT[schema][0])
    assert agreement(one, one).all()
    assert not flip_rate(one, one).any()


def test_probabilities_do_not_matter(predicted):
    one = predicted("label", no=[0.4, 0.4], yes=[0.6, 0.6])
    other = predicted("label", no=[0.1, 0.6], yes=[0.9, 0.4])
    assert agreement(one, other).tolist() == [True, False]


def test_labels_are_held_together_by_name_not_by_their_place_among_the_classes(predicted):
    one = predicted("label", ("yes", "no"), label=["yes", "no"])
    other = predicted("label", ("no", "yes"), label=["yes", "no"])
    assert agreement(one, other).all()
