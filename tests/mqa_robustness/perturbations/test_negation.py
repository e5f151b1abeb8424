from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mqa_registry import edited
from mqa_robustness import mqa_perturbations
from mqa_robustness.perturbations.negation import negate_text, negation

SUBJECTS = ["The film", "It", "This phone", "My old camera"]
VERBS = ["is", "was", "can be", "will be", "should be", "has been"]
WORDS = [
    "I", "it", "the", "film", "is", "was", "not", "do", "does", "did", "works", "love", "good", "and", "never", "can't",
    "don't", "have",
]  # fmt: skip
ENDS = ["good", "a great one", "worth the money", "very slow and boring"]


def twice(text):
    once = after(text)
    return None if once is None else after(once)


def after(text):
    edits = negate_text(text)
    return None if edits is None else edited(text, edits)


@settings(deadline=None)  # the first example may load a library
@given(st.sampled_from(SUBJECTS), st.sampled_from(VERBS), st.sampled_from(ENDS))
def test_a_sentence_negated_twice_is_as_it_was(subject, verb, end):
    text = f"{subject} {verb} {end}."
    assert after(text) not in {None, text}
    assert twice(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "It works great",
        "I love it",
        "We liked the ending",
        "She saw the point",
        "It has a flaw",
        "They did a good job",
        "He put it down",
    ],
)
def test_do_comes_and_goes_again(text):
    assert " not " in after(text)
    assert twice(text) == text


@settings(max_examples=200)
@given(st.lists(st.sampled_from(WORDS)))
@example(["I", "do", "can't"])
@example(["I", "love", "not"])
@example(["I", "can't", "do", "not"])
def test_a_text_of_any_words_gets_one_not_or_loses_one(words):
    text = " ".join(words)
    made = after(text)
    if made is not None:
        assert negations(made) == (0 if negations(text) else 1)


def negations(text):
    return sum(word in {"not", "cannot"} or word.endswith("n't") for word in text.lower().split())


def test_of_several_texts_the_last_is_negated():
    row = {"text": "It is good", "text_pair": "It is bad", "other": None}
    made = negation(row, np.random.default_rng(0))
    assert made == {"text": [], "text_pair": [(3, 5, "is not")], "other": []}


def test_a_row_without_a_text_is_declined():
    assert negation({"text": None, "other": ""}, np.random.default_rng(0)) is None


def test_it_says_that_the_target_changes():
    (found,) = (one for one in mqa_perturbations() if one.name == "negation")
    assert found.target_effect == "changes"


@pytest.mark.parametrize(("length", "is_negated"), [(400, True), (401, False)])
def test_a_sentence_of_more_than_400_characters_is_declined(length, is_negated):
    text = "It is good" + " so" * 200
    assert (negate_text(text[:length].rstrip().ljust(length, "x")) is not None) == is_negated
