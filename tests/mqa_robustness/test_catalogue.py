"""What holds for every perturbation, on any text."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mqa_robustness.lookalikes import LOOK_ALIKES, homoglyphs
from mqa_robustness.misspelling import typos
from mqa_robustness.plain import strip_punctuation, upper_case
from mqa_robustness.slips import keyboard
from mqa_robustness.spaces import extra_space

RATED = [typos, keyboard, homoglyphs, extra_space]
EVERY = [*RATED, upper_case, strip_punctuation]
HOSTILE = [
    "",
    " ",
    "\n\t ",
    "a",
    "it is so",
    "\U0001f600\U0001f44d\U0001f3fd\u200d\U0001f525",
    "\u0647\u0630\u0627 \u0641\u064a\u0644\u0645 \u0631\u0627\u0626\u0639",  # Arabic
    "\u05e1\u05e8\u05d8 \u05e0\u05d4\u05d3\u05e8",  # Hebrew
    "\u8fd9\u90e8\u7535\u5f71\u5f88\u597d\u770b",  # Chinese
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092b\u093f\u0932\u094d\u092e",  # Hindi, vowel signs and all
    "cafe\u0301 nai\u0308ve re\u0301sume\u0301",
    "[bold]markup[/bold] \x1b[31mred\x00",
    "aaaa \u3042\u3042\u3042\u3042 1234 ____ !!!",
    "\ud83d broken \udc00 surrogates",
    "\u01c5 \ufb03 \u0130stanbul \u1e9e\u00df",
]
WORDY = st.text(st.sampled_from("abcDEF \n.,'-1\u00e9\u0301\u0436\u05d0\u3042\U0001f600"), max_size=60)
TEXTS = st.one_of(st.text(max_size=60), WORDY, st.sampled_from(HOSTILE))
QUICK = settings(max_examples=60, deadline=None)


def seeded(seed):
    return np.random.default_rng(seed)


def disturbed(perturbation, text, seed=0, rate=0.5):
    options = {"rate": rate} if perturbation in RATED else {}
    after = perturbation({"text": text}, seeded(seed), **options)
    return after and after["text"]


@pytest.mark.parametrize("perturbation", EVERY)
@QUICK
@given(text=TEXTS, seed=st.integers(0, 99))
def test_the_same_generator_gives_the_same_text(perturbation, text, seed):
    assert disturbed(perturbation, text, seed) == disturbed(perturbation, text, seed)


@pytest.mark.parametrize("perturbation", EVERY)
@QUICK
@given(text=TEXTS)
def test_fields_keep_their_names_and_a_missing_one_stays_missing(perturbation, text):
    after = perturbation({"text": text, "text_pair": None, "other": ""}, seeded(0))
    if after is not None:
        assert list(after) == ["text", "text_pair", "other"]
        assert after["text_pair"] is None
        assert after["other"] == ""


@pytest.mark.parametrize("perturbation", EVERY)
def test_every_field_is_disturbed(perturbation):
    before = {"text": "one two three, four five", "text_pair": "six seven, eight nine"}
    options = {"rate": 1.0} if perturbation in RATED else {}
    after = perturbation(before, seeded(0), **options)
    assert all(after[field] != before[field] for field in before)


@pytest.mark.parametrize("perturbation", EVERY)
def test_the_example_that_was_given_is_left_alone(perturbation):
    before = {"text": "one two three, four five"}
    perturbation(before, seeded(0))
    assert before == {"text": "one two three, four five"}


@pytest.mark.parametrize("perturbation", RATED)
@QUICK
@given(text=TEXTS, seed=st.integers(0, 99), rates=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)).map(sorted))
def test_a_higher_rate_changes_the_same_places_in_the_same_way_and_more(perturbation, text, seed, rates):
    few, many = (changed_places(perturbation, text, seed, rate) for rate in rates)
    assert few.items() <= many.items()


def pieces(perturbation, text):
    """The text cut so that no perturbation moves a cut: at white space, or at all that is no letter."""
    return re.split(r"(\s+)" if perturbation is extra_space else r"([^\W\d_]+)", text)


def changed_places(perturbation, text, seed, rate):
    """Which pieces of the text a perturbation changes, by their number, and what they become."""
    before, after = (pieces(perturbation, one) for one in (text, disturbed(perturbation, text, seed, rate)))
    return {n: new for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}


@pytest.mark.parametrize("perturbation", RATED)
@QUICK
@given(
    words=st.lists(st.sampled_from(["movie", "great", "Ending", "acting"]), min_size=2, max_size=40),
    seed=st.integers(0, 99),
)
def test_the_share_of_places_that_change_is_the_rate_rounded_up_or_down(perturbation, words, seed):
    places = len(words) - 1 if perturbation is extra_space else len(words)
    changed = len(changed_places(perturbation, " ".join(words), seed, 0.3))
    assert changed in (int(0.3 * places), int(0.3 * places) + 1)


@pytest.mark.parametrize("perturbation", RATED)
def test_the_rate_holds_on_average_for_texts_too_short_for_it(perturbation):
    text = "great movie" if perturbation is not extra_space else "great movie here"
    changed = sum(len(changed_places(perturbation, text, seed, 0.1)) for seed in range(2000))
    assert 0.08 < changed / (2 * 2000) < 0.12


@pytest.mark.parametrize("perturbation", RATED)
@QUICK
@given(text=TEXTS, seed=st.integers(0, 99))
def test_at_rate_one_every_place_changes(perturbation, text, seed):
    changed = changed_places(perturbation, text, seed, 1.0)
    if perturbation is extra_space:
        assert len(changed) == len(re.findall(r"\S(?=\s+\S)", text))
    else:
        fits = {typos: r"[^\W\d_]{3,}", keyboard: r"[A-Za-z]", homoglyphs: f"[{''.join(LOOK_ALIKES)}]"}[perturbation]
        assert changed.keys() >= {n for n, word in enumerate(plain_words(text)) if re.search(fits, word)}


def plain_words(text):
    """The pieces of a text that are surely words: three letters, and no mark behind them."""
    parts = pieces(typos, text)
    follows = [*parts[1:], ""]
    return [
        part if n % 2 and len(part) >= 3 and not unicodedata.category((after or " ")[0]).startswith("M") else ""
        for n, (part, after) in enumerate(zip(parts, follows, strict=True))
    ]


@pytest.mark.parametrize("perturbation", RATED)
@pytest.mark.parametrize("text", ["", " ", "\n", "\U0001f600\U0001f44d", "1234!", "_"])
def test_a_text_with_nothing_to_change_is_returned_as_it_is(perturbation, text):
    assert disturbed(perturbation, text, rate=1.0) == text


@pytest.mark.parametrize("perturbation", [typos, keyboard, homoglyphs])
@QUICK
@given(text=TEXTS, seed=st.integers(0, 99))
@example(text="cafe\u0301", seed=0)
def test_no_mark_is_torn_from_the_letter_it_stands_on(perturbation, text, seed):
    def marked(one):
        return [one[n - 1 : n + 1] for n in range(1, len(one)) if unicodedata.category(one[n])[0] == "M"]

    assert marked(disturbed(perturbation, text, seed, 1.0)) == marked(text)


@pytest.mark.parametrize("perturbation", [typos, keyboard, homoglyphs])
@QUICK
@given(text=TEXTS, seed=st.integers(0, 99))
def test_whatever_is_no_letter_stays_where_it_was(perturbation, text, seed):
    def rest(one):
        return [letter for letter in one if not letter.isalpha() and not letter.isalnum()]

    assert rest(disturbed(perturbation, text, seed, 1.0)) == rest(text)
