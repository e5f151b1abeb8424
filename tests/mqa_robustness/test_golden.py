"""Pairs written by hand from each definition, in `golden/`: a file for each module, a table for each perturbation.

A pair has the text `before` and `after`, or that the row is `declined`. `options` are the perturbation's; where it takes
a rate and none is given, all that can change does. `choices` are what the generator chooses, each (which, of how many):
a draw is spent choice by choice, the first of four errors takes [0, 1/4), and what is left of it, spread over [0, 1)
again, decides the next.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from string import ascii_lowercase

import numpy as np
import pytest

from mqa_registry import edited
from mqa_registry.options import read_options
from mqa_robustness import mqa_perturbations
from mqa_robustness.perturbations.misspellings import ADJACENT_KEYS
from mqa_robustness.perturbations.unicode_characters import HOMOGLYPHS, LATIN_HOMOGLYPHS

EVERY = {one.name: one for one in mqa_perturbations()}
TABLES = [tomllib.loads(path.read_text("utf-8")) for path in sorted((Path(__file__).parent / "golden").glob("*.toml"))]
PAIRS = [(name, pair) for table in TABLES for name, pairs in table.items() for pair in pairs]


class FixedDraw:
    """A generator that gives one draw, whatever the size."""

    def __init__(self, choices):
        self.draw = middle(choices)

    def random(self, size=None):
        return self.draw if size is None else np.full(size, self.draw)


def middle(choices):
    """The draw that makes these choices, from the middle of its range; without any, the first of all."""
    low, width = 0.0, 1.0
    for which, many in choices:
        width /= many
        low += which * width
    return low + width / 2 if choices else 0.0


def perturbed(one, text, rng, options):
    if "rate" in read_options(one.function).names and not {"rate", "severity"} & options.keys():
        options = {"rate": 1.0} | options
    made = one.function({"text": text}, rng, **options)
    if made is None:
        return None
    return edited(text, made["text"]) if one.edits else made["text"]


@pytest.mark.parametrize(("name", "pair"), PAIRS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(PAIRS)])
def test_a_pair_is_as_it_was_written(name, pair):
    after = None if pair.get("declined") else pair["after"]
    assert perturbed(EVERY[name], pair["before"], FixedDraw(pair.get("choices", ())), pair.get("options", {})) == after


def test_every_perturbation_has_a_pair_that_changes():
    assert {name for name, pair in PAIRS if pair.get("after") != pair["before"]} == EVERY.keys()


@pytest.mark.parametrize(
    ("layout", "around"),
    [
        ("qwerty", {"q": "wa", "a": "qwsz", "g": "ftyhvb", "p": "ol", "m": "njk", "z": "asx", "l": "kop"}),
        ("qwertz", {"z": "tugh", "y": "asx", "m": "njk", "p": "ol"}),
        ("azerty", {"a": "zq", "q": "azsw", "m": "lp", "w": "qsx", "o": "ipkl"}),
    ],
)
def test_neighbours_are_the_keys_around_one(layout, around):
    assert {key: set(ADJACENT_KEYS[layout][key]) for key in around} == {key: set(keys) for key, keys in around.items()}


@pytest.mark.parametrize("layout", ADJACENT_KEYS)
def test_neighbours_are_neighbours_of_each_other(layout):
    assert sorted(ADJACENT_KEYS[layout]) == list(ascii_lowercase)
    assert all(key in ADJACENT_KEYS[layout][other] for key, others in ADJACENT_KEYS[layout].items() for other in others)


def test_a_homoglyph_is_a_letter_of_another_script_and_the_same_case():
    assert all(
        letter.isascii() and not homoglyph.isascii() and homoglyph.isalpha()
        for letter, homoglyph in LATIN_HOMOGLYPHS.items()
    )
    assert all(
        letter.isupper() == homoglyph.isupper() for letter, homoglyph in LATIN_HOMOGLYPHS.items() if letter != "l"
    )
    assert len(HOMOGLYPHS) == 2 * len(LATIN_HOMOGLYPHS)
