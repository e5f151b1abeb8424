"""Offers: what may be made of a word, and what may not."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_robustness.attack.changes import Change, changed, distance, touched
from mqa_robustness.attack.offers import FINDERS, SLIPS, SPELLINGS, USUAL, EditName, words_of

WORDS = st.lists(st.sampled_from(["their", "do not", "it's", "good,", "colour-blind", "caf\u00e9", "1st"])).map(
    " ".join
)
ANY = st.text(st.characters(exclude_categories=()), max_size=40) | WORDS


def offered(text, kinds, seed=7, tries=2):
    return words_of({"text": text}, ["text"], set(kinds), tries, np.random.default_rng(seed))


@settings(max_examples=100, deadline=None)
@given(ANY, st.integers(0, 9))
def test_every_change_on_offer_is_one_of_its_words_and_of_its_size(text, seed):
    kinds = {*SLIPS, "homoglyphs", "homophones", "contractions"}
    words = offered(text, kinds, seed)
    assert len(words) == len(text.split())
    for place, word in enumerate(words):
        assert word.gone.words == (place,)
        assert [change.size for change in word.changes] == sorted(change.size for change in word.changes)
        for change in word.changes:
            old = text[change.start : change.end]
            assert change.words[0] == place
            assert old != change.new
            assert change.size == distance(old, change.new) > 0
            if change.kind in SLIPS:
                assert (old[0], old[-1]) == (change.new[0], change.new[-1])
                assert len(old) > 3


def test_no_slip_makes_another_word_that_is_known():
    made = {
        change.new
        for seed in range(100)
        for word in offered("grate three plane", SLIPS, seed, tries=9)
        for change in word.changes
    }
    assert "grte" in made
    assert not made & {"great", "there", "plain"}


@pytest.mark.parametrize("word", ["not", "bad", "it", "x"])
def test_short_words_bear_no_slip(word):
    assert not any(one.changes for one in offered(word, SLIPS))


@pytest.mark.parametrize(
    ("text", "kind", "made"),
    [
        ("I do not care", "contractions", {"I don't care"}),
        ("I don't care", "expansions", {"I do not care"}),
        ("a gray color", "british-spelling", {"a grey color", "a gray colour"}),
        ("a grey colour", "american-spelling", {"a gray colour", "a grey color"}),
        ("their film", "homophones", {"there film", "they're film"}),
        ("a nap", "homoglyphs", {"a n\u0430p", "a na\u0440"}),
        (
            "a nap",
            "zero-width",
            {"a n\u200bap", "a na\u200bp", "a n\u2060ap", "a na\u2060p", "a n\ufeffap", "a na\ufeffp"},
        ),
        ("a barns", "ocr", {"a bams", "a borns", "a barris", "a bariis"}),
        ("a mmmp", "transpose", set()),
    ],
)
def test_what_stands_for_what(text, kind, made):
    found = [one for word in offered(text, {kind}, tries=60) for one in word.changes]
    assert {changed({"text": text}, [one])["text"] for one in found} == made
    assert {one.kind for one in found} <= {kind}


def test_a_phrase_belongs_to_its_first_word_and_touches_all_of_them():
    words = offered("they do not know", {"contractions"})
    assert [len(word.changes) for word in words] == [0, 1, 0, 0]
    assert touched(words[1].changes) == 2


def test_several_fields_count_their_words_on():
    words = words_of(
        {"a": "good film", "b": None, "c": "great"}, ["a", "b", "c"], {"insert"}, 2, np.random.default_rng(7)
    )
    assert [word.gone.words for word in words] == [(0,), (1,), (2,)]
    assert {change.field for change in words[2].changes} == {"c"}


def test_every_edit_that_can_be_asked_for_is_there():
    assert set(get_args(EditName)) == {*SPELLINGS, *FINDERS}
    assert set(USUAL) < set(get_args(EditName))


@given(st.text("abc", max_size=5), st.text("abc", max_size=5))
def test_distance_is_levenshteins(one, other):
    def slow(a, b):
        if not a or not b:
            return len(a) + len(b)
        return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (a[0] != b[0]))

    assert distance(one, other) == slow(one, other)


def test_changes_meet_where_they_share_a_character_of_a_text():
    one = Change("text", 2, 5, "", "insert", (0,), 3)
    assert one.meets(Change("text", 4, 6, "", "insert", (0,), 2))
    assert not one.meets(Change("text", 5, 6, "", "insert", (0,), 2))
    assert not one.meets(Change("title", 2, 5, "", "insert", (0,), 2))
