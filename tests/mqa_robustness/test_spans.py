"""None"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import UsageError
from mqa_robustness.spans import (
    GEOMETRIC,
    LINEAR,
    choose,
    edit_candidates,
    find_gaps,
    find_tokens,
    find_words,
    resolve_rate,
    sample_spans,
)


def parts(find, text):
    return [text[start:end] for start, end in find(text)]


def test_words_are_runs_of_three_letters_and_more():
    assert parts(find_words, "It isn't the B-52, but a 1st-rate movie!") == ["isn", "the", "but", "rate", "movie"]


def test_a_letter_with_a_mark_of_its_own_belongs_to_no_word():
    assert parts(find_words, "cafe\u0301s") == ["caf"]
    assert parts(find_words, "abe\u0301") == []
    assert parts(find_words, "caf\u00e9s") == ["caf\u00e9s"]


def test_words_of_other_scripts_are_words():
    film = "\u0444\u0438\u043b\u044c\u043c"
    assert parts(find_words, f"\u042d\u0442\u043e {film}") == ["\u042d\u0442\u043e", film]


@given(st.text())
def test_what_white_space_parts_is_what_python_splits(text):
    assert parts(find_tokens, text) == text.split()
    assert parts(find_gaps, text) == [gap for gap in parts(find_gaps, text) if gap.isspace()]
    assert len(find_gaps(text)) == max(len(text.split()) - 1, 0)


@pytest.mark.parametrize(("draw", "chosen"), [(0.0, (0, 0.0)), (0.25, (1, 0.0)), (0.375, (1, 0.5)), (0.875, (3, 0.5))])
def test_a_draw_chooses_and_what_is_left_of_it_chooses_again(draw, chosen):
    assert choose(draw, 4) == chosen


def test_no_draw_below_one_chooses_behind_the_last():
    assert choose(math.nextafter(1.0, 0.0), 3)[0] == 2


@given(st.integers(0, 40), st.floats(0, 1), st.integers(0, 99))
def test_a_sample_of_spans_is_the_share_rounded_up_or_down_in_their_order(count, rate, seed):
    spans = [(2 * number, 2 * number + 1) for number in range(count)]
    sample = list(sample_spans(spans, np.random.default_rng(seed), rate))
    assert len(sample) in {math.floor(rate * count), math.floor(rate * count) + 1}
    assert [(start, end) for start, end, _ in sample] == sorted({(start, end) for start, end, _ in sample} & set(spans))
    assert all(0 <= draw < 1 for _, _, draw in sample)


def test_a_candidate_is_replaced_by_any_of_its_replacements():
    def find(text):
        return [(0, 1, ("x", "y", "z"))]

    found = [
        edit_candidates({"text": "a", "other": None}, np.random.default_rng(seed), 1.0, find) for seed in range(60)
    ]
    assert {edits["text"][0] for edits in found} == {(0, 1, "x"), (0, 1, "y"), (0, 1, "z")}
    assert all(edits["other"] == [] for edits in found)


SCALES = pytest.mark.parametrize("scale", [GEOMETRIC, LINEAR])


@SCALES
def test_a_severity_is_a_rate_and_a_higher_one_a_higher_rate(scale):
    rates = [resolve_rate(severity, None, scale) for severity in (1, 2, 3, 4, 5)]
    assert rates == list(scale.rates)
    assert all(0 < low < high <= 1 for low, high in pairwise(rates))


@SCALES
def test_a_rate_is_taken_as_it_is(scale):
    assert resolve_rate(None, 0.37, scale) == 0.37


def test_without_either_the_rate_is_a_tenth_of_the_spans_or_all_of_them():
    assert resolve_rate(None, None) == 0.1
    assert resolve_rate(None, None, LINEAR) == 1.0


def test_both_at_once_are_refused_with_the_rate_that_the_severity_is():
    with pytest.raises(UsageError, match="both say how much") as refused:
        resolve_rate(4, 0.2)
    assert "`severity = 4` is `rate = 0.2` here" in refused.value.hint


def test_the_rates_are_those_that_every_perturbation_documents():
    assert GEOMETRIC.rates == (0.025, 0.05, 0.1, 0.2, 0.4)
    assert LINEAR.rates == (0.2, 0.4, 0.6, 0.8, 1.0)
