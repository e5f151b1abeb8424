from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_robustness.lexicon import compile_phrases, make_phrase_table, match_case, normalize

LETTERS = st.text("abc '", min_size=1, max_size=6).filter(
    lambda text: text == " ".join(text.split()) and text.strip("'") == text
)


def found(table, text, *, loose=False):
    return [(text[start:end], choices) for start, end, choices in make_phrase_table(table, loose=loose).find(text)]


def test_the_longest_phrase_is_found_and_all_that_may_stand_for_it():
    table = [("do", "x"), ("do not", "y"), ("do not", "z"), ("do not know", "w")]
    assert found(table, "do, do not; do not know; do knot") == [
        ("do", ("x",)), ("do not", ("y", "z")), ("do not know", ("w",)), ("do", ("x",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "do's",
        "undo",
        "dog",
        "do-it",
        "re-do",
        "@do",
        "#do",
        "do@home",
        "/do",
        "do.com",
        "www.do",
        "do_",
        "7do",
        "do\u0301",
        "o'do",
    ],
)
def test_a_phrase_is_not_found_within_something_else(text):
    assert found([("do", "x")], text) == []


@pytest.mark.parametrize(
    "text", ["do", "do.", "(do)", "'do'", "do, so", "\u201cdo\u201d", "do...", "so:do", "do\n", "\u00bfdo?"]
)
def test_a_phrase_is_found_between_any_marks(text):
    assert found([("do", "x")], text) == [("do", ("x",))]


@pytest.mark.parametrize("text", ["do's", "do-it", "re-do", "do\u2019s"])
def test_a_loose_one_is_found_in_compounds_and_possessives(text):
    assert found([("do", "x")], text, loose=True) == [("do", ("x",))]


def test_either_apostrophe_is_found_and_the_texts_own_is_written():
    table = [("don't", "dunno 'bout")]
    assert found(table, "don't") == [("don't", ("dunno 'bout",))]
    assert found(table, "don\u2019t") == [("don\u2019t", ("dunno \u2019bout",))]
    assert found(table, "it's \u2019 don\u2019t") == [("don\u2019t", ("dunno 'bout",))]


@pytest.mark.parametrize(
    ("model", "new", "after"),
    [
        ("their", "there", "there"),
        ("Their", "there", "There"),
        ("THEIR", "there", "THERE"),
        ("tHEIR", "there", "there"),
        ("As Soon As", "asap", "Asap"),
        ("I do not know", "idk", "idk"),
        ("i am", "I'm", "i'm"),
        ("I am", "I'm", "I'm"),
        ("I AM", "I'm", "I'M"),
        ("aisle", "I'll", "I'll"),
        ("You", "u", "U"),
        ("united states", "US", "US"),
        ("'Cause", "because", "because"),
    ],
)
def test_the_case_of_what_was_there_is_kept(model, new, after):
    assert match_case(model, new) == after


@given(st.lists(LETTERS, min_size=1, max_size=8), st.text("abc ',", max_size=20))
def test_the_pattern_finds_what_a_plain_list_of_the_phrases_would(phrases, text):
    listed = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))
    before, after = compile_phrases(["x"]).pattern.split("x")
    assert compile_phrases(phrases).findall(text) == re.findall(f"{before}(?:{listed}){after}", text)


@given(st.text())
def test_any_text_can_be_searched(text):
    for start, end, _ in make_phrase_table([("ski", "x"), ("is", "y"), ("\u00e9t\u00e9", "z")]).find(text):
        assert normalize(text[start:end]) in {"ski", "is", "\u00e9t\u00e9"}


def test_a_long_table_is_found_in_one_pass():
    table = [(f"{first}{second}{third}", "x") for first in "abcdefgh" for second in "abcdefgh" for third in "abcdefgh"]
    made = make_phrase_table(table)
    start = time.process_time()
    assert len(made.find("aaa bbz hhh zzz " * 5000)) == 10_000
    assert time.process_time() - start < 2
