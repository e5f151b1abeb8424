"""The tables of words: that each is sound, as full as it says, and stands with its origin."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest

from mqa_registry import edited
from mqa_robustness.grammar import read_verbs
from mqa_robustness.lexicon import FOLDER, normalize, read_left_to_right, read_lines, read_pairs, read_right_to_left
from mqa_robustness.perturbations.substitutions import (
    american_spelling,
    british_spelling,
    contractions,
    expansions,
    homophones,
)

NAMES = [path.stem for path in sorted(FOLDER.glob("*.txt")) if path.stem != "LICENCES"]
PAIRED = ["abbreviations", "contractions", "slang", "spelling"]
HOMOPHONES = [line.split() for line in read_lines("homophones")]
SPELLINGS = [(left, right) for left, direction, right in read_pairs("spelling") if direction == "="]


def whole(perturbation, text):
    """The text with all changed that can be."""
    return edited(text, perturbation({"text": text}, np.random.default_rng(0), rate=1.0)["text"])


@pytest.mark.parametrize("name", NAMES)
def test_every_lexicon_says_where_it_comes_from(name):
    head = (FOLDER / f"{name}.txt").read_text("utf-8").partition("\n\n")[0]
    assert "# Origin: " in (FOLDER / f"{name}.txt").read_text("utf-8")
    assert head.startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_no_line_stands_twice_and_none_has_odd_space(name):
    found = read_lines(name)
    assert found
    assert len(set(found)) == len(found)
    assert all(line == " ".join(line.split()) == unicodedata.normalize("NFC", line) for line in found)


@pytest.mark.parametrize("name", PAIRED)
def test_every_line_is_a_pair_of_two_that_differ(name):
    assert len(read_pairs(name)) == len(read_lines(name))
    assert all(normalize(left) != normalize(right) for left, _, right in read_pairs(name))


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("homophones", 660),
        ("spelling", 1800),
        ("contractions", 240),
        ("abbreviations", 300),
        ("slang", 230),
        ("sentences", 30),
    ],
)
def test_a_lexicon_is_as_full_as_its_perturbation_says(name, least):
    assert len(read_lines(name)) >= least


def test_licences_that_require_it_are_in_the_folder_of_the_tables():
    licences = (FOLDER / "LICENCES.txt").read_text("utf-8")
    for owner in ("Carnegie Mellon University", "Kevin Atkinson", "Benjamin Titze", "Geoff Kuenning"):
        assert owner in licences


def test_a_word_is_in_one_set_of_homophones_and_each_set_has_several():
    words = [normalize(word) for words in HOMOPHONES for word in words]
    assert len(set(words)) == len(words)
    assert all(len(words) >= 2 for words in HOMOPHONES)


@pytest.mark.parametrize("words", HOMOPHONES, ids=" ".join)
def test_a_homophone_becomes_another_of_its_set(words):
    assert all(
        normalize(whole(homophones, word)) in {normalize(other) for other in words if other != word} for word in words
    )


def test_british_and_american_spellings_are_each_others_inverse():
    american, british = (" ".join(words) for words in zip(*SPELLINGS, strict=True))
    assert whole(british_spelling, american) == british
    assert whole(american_spelling, british) == american
    assert whole(american_spelling, american) == american
    assert whole(british_spelling, british) == british


def test_a_spelling_that_goes_one_way_only_is_no_american_word_that_is_made_british():
    for left, direction, right in read_pairs("spelling"):
        if direction == "<":
            assert whole(british_spelling, left) == left
            assert whole(american_spelling, right) == left
        elif direction == ">":
            assert whole(american_spelling, right) == right


def test_no_word_is_spelled_in_two_ways():
    for table in (read_left_to_right("spelling"), read_right_to_left("spelling")):
        assert len(dict(table)) == len(table)


@pytest.mark.parametrize(
    ("full", "short"), [(left, right) for left, direction, right in read_pairs("contractions") if direction == "="]
)
def test_what_is_contracted_and_expanded_again_is_as_it_was(full, short):
    text = f"{full} been good" if full.endswith("have") else f"{full} be good" if full == "let us" else f"{full} fine"
    assert whole(contractions, text) == text.replace(full, short)
    assert whole(expansions, whole(contractions, text)) == text


@pytest.mark.parametrize(
    ("full", "short"), [(left, right) for left, direction, right in read_pairs("contractions") if direction == "<"]
)
def test_every_short_form_is_expanded(full, short):
    assert whole(expansions, f"x {short} fine") == f"x {full} fine"


def test_verbs_have_their_forms():
    past = {
        "stop": "stopped",
        "carry": "carried",
        "visit": "visited",
        "admit": "admitted",
        "love": "loved",
        "play": "played",
    }
    assert {base: read_verbs().past[base] for base in past} == past
    third = {
        "do": "does",
        "go": "goes",
        "have": "has",
        "carry": "carries",
        "miss": "misses",
        "play": "plays",
        "work": "works",
    }
    assert {base: read_verbs().third_person[base] for base in third} == third
    assert {"seen", "gone", "been", "liked", "burnt"} <= read_verbs().participles
    assert not {"see", "saw", "good", "bed", "need"} & read_verbs().participles
    assert all(re.fullmatch("[a-z]+", form) for base in read_verbs().past for form in (base, read_verbs().past[base]))
