"""The victim: predictions in the order of the queries, whatever the batches."""

from __future__ import annotations

import pytest

from mqa_registry import NotRunError, ProbeContext
from mqa_robustness.adversarial_attack.victim import ENCODED_AT_ONCE, Prediction, make_victim


def test_a_prediction_has_the_probability_of_each_label_and_its_own_as_confidence():
    sure = Prediction("sweet", {"sweet": 0.7, "sour": 0.3})
    assert (sure.probability_of("sweet"), sure.probability_of("sour"), sure.confidence) == (0.7, 0.3, 0.7)
    bare = Prediction("sweet", {})
    assert (bare.probability_of("sweet"), bare.probability_of("sour"), bare.confidence) == (1.0, 0.0, None)
    none = Prediction(None, {})
    assert (none.probability_of("sweet"), none.confidence) == (0.0, None)


def test_more_queries_than_are_encoded_at_once_are_predicted_in_their_order(make_context, bag_of_words):
    assert ENCODED_AT_ONCE == 2048
    sizes = []

    class Recording(bag_of_words):
        def encode(self, examples):
            sizes.append(len(examples))
            return super().encode(examples)

    context = make_context(["x"], model=Recording())
    words = ["good", "bad", "great"] * 1000
    found = make_victim(context, context.view).predict(
        [str(n) for n in range(3000)], [{"text": word} for word in words]
    )
    assert [prediction.label for prediction in found] == ["sweet", "sour", "sweet"] * 1000
    assert sizes == [2048, 952]


def test_without_a_model_there_is_nothing_to_attack(make_context):
    context = make_context(["x"])
    with pytest.raises(NotRunError, match="there is no model to attack"):
        make_victim(ProbeContext(context.view, context.rng), context.view)
