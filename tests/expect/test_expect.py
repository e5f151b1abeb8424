"""The words of `expect`: what each row says is what the suite file, the plan and a report make of it."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.expect import BOUNDS, DROP, GAP, QUANTITIES, RATIO, RESERVED, RISE, VALUE, Expect, words_of
from mqa_registry.reports.expectations import describe_bounds
from mqa_registry.suite import grammar

LIMITS = st.dictionaries(st.sampled_from([bound.word for bound in BOUNDS]), st.floats(0, 1))


def test_each_word_is_a_field_of_expect_and_a_key_of_the_suite_file():
    words = [bound.word for bound in BOUNDS]
    assert [field.name for field in fields(Expect)] == [*words, "min_rows"]
    assert list(grammar.EXPECT.names) == [*words, "min_rows"]
    assert set(grammar.EXPECT.names) == RESERVED
    assert grammar.NUMBER.names == ("min", "max")
    least = grammar.EXPECT.get("min_rows")
    assert least is not None
    assert least.default == Expect().min_rows == 30
    assert {bound.quantity for bound in BOUNDS} == set(QUANTITIES)


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: bound.word)
def test_each_word_has_a_text_in_reports(bound):
    (description,) = describe_bounds({bound.word: 0.25}, grouped=False)
    assert (description.number, description.limits) == (bound.quantity.name, (0.25,))
    assert description.text == f"{'' if bound.quantity is VALUE else f'{bound.quantity.name} '}{bound.sign} 0.25"
    assert description.is_between_groups == (bound.quantity.need == "groups")


def test_words_are_found_by_what_they_bound_and_by_what_that_needs():
    assert words_of(quantity=VALUE) == ("min", "max")
    assert words_of(need="reference") == ("max_drop", "max_rise")
    assert words_of(need="groups") == ("max_gap", "min_ratio")


@given(LIMITS)
def test_bounds_are_those_that_are_set_in_the_order_of_their_words(limits):
    assert Expect(**limits).bounds() == limits
    assert list(Expect(**limits).bounds()) == [bound.word for bound in BOUNDS if bound.word in limits]


@given(LIMITS)
def test_what_is_needed_is_what_is_left_out(limits):
    expect = Expect(**limits, min_rows=7)
    for kind, words in (("reference", {"max_drop", "max_rise"}), ("groups", {"max_gap", "min_ratio"})):
        assert expect.needs(kind) == bool(limits.keys() & words)
        left = expect.without(kind)
        assert left.bounds() == {word: limit for word, limit in limits.items() if word not in words}
        assert left.min_rows == 7


def test_the_limits_of_a_quantity_are_those_of_its_words():
    expect = Expect(min=0.2, max=0.8, max_drop=0.1, max_rise=-0.05, max_gap=0.3, min_ratio=0.9)
    assert expect.limits(VALUE) == (0.2, 0.8)
    assert expect.limits(DROP) == (-math.inf, 0.1)
    assert expect.limits(RISE) == (-math.inf, -0.05)
    assert expect.limits(GAP) == (-math.inf, 0.3)
    assert expect.limits(RATIO) == (0.9, math.inf)
    assert Expect(max=0.0).limits(VALUE) == (-math.inf, 0.0)
    assert Expect().limits(DROP) == (-math.inf, math.inf)
    assert [quantity for quantity in QUANTITIES if Expect(max=0.0, min_ratio=0.0).has(quantity)] == [VALUE, RATIO]


@pytest.mark.parametrize(
    ("limits", "slope"),
    [
        ({"min": 0.5}, 1),
        ({"max": 0.5}, -1),
        ({"max_drop": 0.1}, 1),
        ({"max_rise": 0.1}, -1),
        ({"min": 0.5, "max_drop": 0.1}, 1),
        ({"min": 0.5, "max": 0.6}, 0),
        ({"max_drop": 0.1, "max_rise": 0.1}, 0),
        ({"max_gap": 0.1, "min_ratio": 0.8}, 0),
        ({"max_gap": 0.1, "min": 0.8}, 1),
        ({}, 0),
    ],
)
def test_the_slope_of_bounds_says_whether_a_high_value_is_good(limits, slope):
    assert Expect(**limits).slope == slope


@pytest.mark.parametrize(
    ("quantity", "reach"),
    [(VALUE, (-1, 1)), (DROP, (-2, 2)), (RISE, (-2, 2)), (GAP, (0, 2)), (RATIO, (-math.inf, math.inf))],
)
def test_a_quantity_reaches_as_far_as_the_range_of_its_measure_lets_it(quantity, reach):
    assert quantity.reach(-1, 1) == reach
