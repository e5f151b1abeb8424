"""Candidates: what may be made of a word, and what may not."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from mqa_robustness.adversarial_attack.candidates import (
    CHARACTER_EDITS,
    DEFAULT_TRANSFORMATIONS,
    MISSPELLINGS,
    CandidateEdit,
    Transformation,
    apply_edits,
    count_perturbed_words,
    find_candidates,
)
from mqa_robustness.perturbations.substitutions import SUBSTITUTIONS

WORDS = st.lists(st.sampled_from(["their", "do not", "it's", "good,", "colour-blind", "caf\u00e9", "1st"])).map(
    " ".join
)
ANY = st.text(st.characters(exclude_categories=()), max_size=40) | WORDS


def candidates_of(text, kinds, seed=7, max_candidates=2):
    return find_candidates({"text": text}, ["text"], set(kinds), max_candidates, np.random.default_rng(seed))


@settings(max_examples=100, deadline=None)
@given(ANY, st.integers(0, 9))
def test_every_candidate_is_one_of_its_word_and_of_its_size(text, seed):
    kinds = {*MISSPELLINGS, "homoglyphs", "homophones", "contractions"}
    words = candidates_of(text, kinds, seed)
    assert len(words) == len(text.split())
    for index, word in enumerate(words):
        assert word.deletion.words == (index,)
        assert [edit.size for edit in word.candidates] == sorted(edit.size for edit in word.candidates)
        for edit in word.candidates:
            old = text[edit.start : edit.end]
            assert edit.words[0] == index
            assert old != edit.new
            assert edit.size == Levenshtein.distance(old, edit.new) > 0
            if edit.transformation in MISSPELLINGS:
                assert (old[0], old[-1]) == (edit.new[0], edit.new[-1])
                assert len(old) > 3


def test_no_misspelling_makes_another_known_word():
    made = {
        edit.new
        for seed in range(100)
        for word in candidates_of("grate three plane", MISSPELLINGS, seed, max_candidates=9)
        for edit in word.candidates
    }
    assert "grte" in made
    assert not made & {"great", "there", "plain"}


@pytest.mark.parametrize("word", ["not", "bad", "it", "x"])
def test_short_words_are_not_misspelled(word):
    assert not any(one.candidates for one in candidates_of(word, MISSPELLINGS))


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
    found = [one for word in candidates_of(text, {kind}, max_candidates=60) for one in word.candidates]
    assert {apply_edits({"text": text}, [one])["text"] for one in found} == made
    assert {one.transformation for one in found} <= {kind}


def test_a_phrase_belongs_to_its_first_word_and_touches_all_of_them():
    words = candidates_of("they do not know", {"contractions"})
    assert [len(word.candidates) for word in words] == [0, 1, 0, 0]
    assert count_perturbed_words(words[1].candidates) == 2


def test_several_fields_count_their_words_on():
    words = find_candidates(
        {"a": "good film", "b": None, "c": "great"}, ["a", "b", "c"], {"insert"}, 2, np.random.default_rng(7)
    )
    assert [word.deletion.words for word in words] == [(0,), (1,), (2,)]
    assert {edit.field for edit in words[2].candidates} == {"c"}


def test_every_transformation_is_implemented():
    assert set(get_args(Transformation)) == {*CHARACTER_EDITS, *SUBSTITUTIONS}
    assert set(DEFAULT_TRANSFORMATIONS) < set(get_args(Transformation))


def test_edits_overlap_where_they_share_a_character_of_a_text():
    one = CandidateEdit("text", 2, 5, "", "insert", (0,), 3)
    assert one.overlaps(CandidateEdit("text", 4, 6, "", "insert", (0,), 2))
    assert not one.overlaps(CandidateEdit("text", 5, 6, "", "insert", (0,), 2))
    assert not one.overlaps(CandidateEdit("title", 2, 5, "", "insert", (0,), 2))


@pytest.mark.parametrize(("letters", "is_edited"), [(40, True), (41, False)])
def test_a_word_of_more_than_forty_letters_is_a_line_and_not_edited(letters, is_edited):
    (word,) = candidates_of("ab" * 20 + "a" * (letters - 40), {"insert"})
    assert bool(word.candidates) == is_edited


def test_a_long_word_has_as_many_misspellings_of_each_kind_as_are_tried():
    for seed in range(20):
        for max_candidates in (1, 2, 5):
            (word,) = candidates_of("extraordinary", {"insert", "keyboard"}, seed, max_candidates)
            assert [edit.transformation for edit in word.candidates].count("keyboard") == max_candidates
            assert [edit.transformation for edit in word.candidates].count("insert") == max_candidates
