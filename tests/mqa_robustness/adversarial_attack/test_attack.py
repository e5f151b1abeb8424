"""The options of an attack, and what its observations hold."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry import DataError, Statistic
from mqa_registry.options import contribution_options, validate
from mqa_robustness.adversarial_attack.attack import AttackOptions
from mqa_robustness.adversarial_attack.probes import Adversarial, Transfer

PROBES = pytest.mark.parametrize("probe", [Adversarial(), Transfer()], ids=lambda probe: probe.name)


def test_an_attack_has_fifty_rows_two_hundred_queries_a_fifth_of_the_words_and_two_tries_unless_a_suite_says_so():
    options = AttackOptions()
    assert (options.rows, options.limits.queries, options.limits.share, options.tries) == (50, 200, 0.2, 2)
    assert (options.edits, options.fields) == (None, None)


@PROBES
@pytest.mark.parametrize(
    ("option", "allowed", "refused"),
    [
        ("rows", 1, 0),
        ("budget", 4, 3),
        ("max_share", 1, 1.01),
        ("max_share", 0.01, 0),
        ("tries", 1, 0),
        ("edits", ["insert"], []),
        ("edits", ["slang"], ["synonyms"]),
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
    numbers = probe.numbers(probe.observe(context, AttackOptions(max_share=1.0)))
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
    assert refused.value.hint == "it knows `sour`, `sweet`"
