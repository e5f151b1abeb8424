"""The options of an attack, and what its observations hold."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry import DataError, NotRunError, ProbeContext, Statistic
from mqa_registry.options import contribution_options, validate
from mqa_robustness.adversarial_attack.attack import ENCODED_AT_ONCE, AttackOptions, Prediction, make_victim
from mqa_robustness.adversarial_attack.probes import Adversarial, Transfer

PROBES = pytest.mark.parametrize("probe", [Adversarial(), Transfer()], ids=lambda probe: probe.name)


def test_an_attack_has_fifty_rows_two_hundred_queries_a_fifth_of_the_words_and_two_candidates_unless_a_suite_says_so():
    options = AttackOptions()
    assert (options.rows, options.limits.queries, options.limits.share, options.max_candidates) == (50, 200, 0.2, 2)
    assert (options.transformations, options.fields) == (None, None)


@PROBES
@pytest.mark.parametrize(
    ("option", "allowed", "refused"),
    [
        ("rows", 1, 0),
        ("query_budget", 4, 3),
        ("max_perturbed_share", 1, 1.01),
        ("max_perturbed_share", 0.01, 0),
        ("max_candidates", 1, 0),
        ("transformations", ["insert"], []),
        ("transformations", ["slang"], ["synonyms"]),
        ("fields", ["text"], []),
    ],
)
def test_options_are_held_to_their_bounds(probe, option, allowed, refused):
    options = contribution_options(probe)
    assert not validate(options, {option: allowed}, owner="it").faults
    assert validate(options, {option: refused}, owner="it").faults


@PROBES
def test_no_column_but_those_of_texts_holds_words_of_rows(probe, make_context, bag_of_words):
    context = make_context(["a splendid film"], ["sweet"], reference=bag_of_words() if probe.compares else None)
    table = probe.observe(context, AttackOptions())
    assert all("film" in text for name in probe.text_columns for text in table.column(name).to_pylist())
    assert "film" not in str(table.drop_columns(list(probe.text_columns)).to_pylist())


@PROBES
def test_every_number_lies_in_its_range(probe, make_context, bag_of_words):
    texts = ["a great and splendid film", "a splendid film", "an awful film"]
    context = make_context(texts, ["sweet", "sweet", "sour"], reference=bag_of_words() if probe.compares else None)
    numbers = probe.numbers(probe.observe(context, AttackOptions(max_perturbed_share=1.0)))
    assert tuple(numbers) == probe.outputs == tuple(probe.ranges)
    for name, number in numbers.items():
        low, high = probe.ranges[name]
        assert low <= mean(number) <= high
    assert mean(numbers["queries"]) > 1


def mean(number):
    """The number that is judged: a statistic on the rows at hand, or the mean of scores."""
    if isinstance(number, Statistic):
        return number.compute(np.bincount(number.bins[number.bins >= 0], minlength=number.n_bins).astype(float))
    return np.mean(number)


def test_an_unknown_target_is_refused_with_the_labels_of_the_model(make_context):
    context = make_context(["a good film"], ["bitter"])
    with pytest.raises(DataError) as refused:
        Adversarial().observe(context, AttackOptions())
    assert refused.value.message.endswith("it knows `sour`, `sweet`")


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
