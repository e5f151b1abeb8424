"""Groups by the length, the script and the language of a text."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_fairness.text_slices import UNCERTAIN, language, length, script
from mqa_registry import DataError, UsageError

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "suites" / "data" / "sentiment.parquet"
SENTENCES = tomllib.loads((ROOT / "tests" / "languages" / "sentences.toml").read_text(encoding="utf-8"))


def length_group(words, **options):
    return length({"text": " ".join(["word"] * words)}, **options)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (0, "no words"),
        (1, "1-10 words"),
        (10, "1-10 words"),
        (11, "11-20 words"),
        (20, "11-20 words"),
        (21, "over 20 words"),
    ],
)
def test_a_bound_is_the_last_number_of_its_group(words, name):
    assert length_group(words) == name


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ([1], ["no words", "1 word", "over 1 word", "over 1 word"]),
        ([1, 2], ["no words", "1 word", "2 words", "over 2 words"]),
        ([3], ["no words", "1-3 words", "1-3 words", "1-3 words"]),
    ],
)
def test_bounds_can_be_given(bounds, names):
    assert [length_group(words, bounds=bounds) for words in range(4)] == names


@pytest.mark.parametrize("bounds", [[], [0], [-1, 5], [5, 5], [20, 10]])
def test_bounds_must_rise_from_one(bounds):
    with pytest.raises(UsageError, match="`bounds` must rise from at least 1"):
        length_group(3, bounds=bounds)


@settings(deadline=None)  # the first example may load a library
@given(st.text())
def test_words_are_what_white_space_parts(text):
    assert (length({"text": text}) == "no words") == (not text.strip())


def test_a_missing_text_has_no_length_and_another_column_can_be_named():
    assert length({"text": None}) is None
    assert length({"review": "fine"}, column="review") == "1-10 words"
    with pytest.raises(DataError, match="no column `text`"):
        length({"review": "fine"})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a good film", "latin"),
        ("caf\u00e9 \ufb01n \uff41", "latin"),
        ("\u0445\u043e\u0440\u043e\u0448\u0438\u0439", "cyrillic"),
        ("\u0647\u0630\u0627 \u0641\u064a\u0644\u0645", "arabic"),
        ("\u05e1\u05e8\u05d8", "hebrew"),
        ("\u8fd9\u90e8\u7535\u5f71", "han"),
        ("\u3059\u3070\u3089\u3057\u3044\u6620\u753b", "hiragana"),
        ("\uc601\ud654", "hangul"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "devanagari"),
        ("the film \u0445\u043e", "latin"),
        ("a\u0431", "latin"),
        ("\u0431a", "cyrillic"),
        ("", "no letters"),
        ("123 !? \U0001f600\u200d\U0001f525", "no letters"),
        ("\u00b5 \u212b \U0001d400", "no letters"),
        ("\ud800", "no letters"),
        (None, None),
    ],
)
def test_a_text_is_in_the_script_of_most_of_its_letters(text, name):
    assert script({"text": text}) == name


@settings(deadline=None)  # the first example may load a library
@given(st.text(st.characters(), max_size=40))
def test_every_text_has_a_script(text):
    found = script({"text": text})
    assert found
    assert found == found.lower()


def test_the_column_with_the_text_of_a_script_can_be_named():
    assert script({"review": "fine"}, column="review") == "latin"
    with pytest.raises(DataError, match="no column `text`"):
        script({"review": "fine"})


@pytest.mark.parametrize(("code", "text"), SENTENCES.items(), ids=SENTENCES.keys())
def test_a_sentence_is_in_the_group_of_its_language(code, text):
    assert language({"text": text}) == code
    assert language({"text": text}, languages=list(SENTENCES), min_probability=0.9) == code


@pytest.mark.parametrize(
    "text", ["", " \n\t", "123 !? 4.5", "\U0001f600\u200d\U0001f525" * 9, "\ud800", "\u00b5 \u212b"]
)
def test_texts_without_letters_are_a_group_as_they_are_by_script(text):
    assert language({"text": text}) == "no letters" == script({"text": text})


def test_a_missing_text_is_in_no_language():
    assert language({"text": None}) is None


@pytest.mark.parametrize("text", ["ok", "excellent.", "\u202eabc\u202c", "\U00010333\U00010334"])
def test_a_text_that_says_too_little_is_uncertain(text):
    assert language({"text": text}) == UNCERTAIN


def test_marks_that_are_letters_of_no_script_before_a_text_are_not_read():
    assert language({"text": "\u00b5" * 2000 + SENTENCES["pl"]}) == "pl"


def test_the_options_are_those_of_the_identification():
    assert language({"text": "minor gripe."}) == UNCERTAIN
    assert language({"text": "minor gripe."}, min_probability=0) == "eo"
    assert language({"text": SENTENCES["ru"]}, languages=["uk", "en"]) == "uk"
    with pytest.raises(UsageError, match="has the code `EN`"):
        language({"text": None}, languages=["en", "EN"])


@settings(deadline=None)  # the first example may load a library
@given(st.text(st.characters(), max_size=60))
def test_a_text_has_no_letters_by_language_where_it_has_none_by_script(text):
    assert (language({"text": text}) == "no letters") == (script({"text": text}) == "no letters")


def test_the_column_with_the_text_of_a_language_can_be_named():
    assert language({"review": SENTENCES["en"]}, column="review") == "en"
    with pytest.raises(DataError, match="no column `text`"):
        language({"review": "fine"})


def test_english_sentences_are_mistaken_as_seldom_as_the_docstring_says():
    texts = pq.read_table(DEMO).column("text").to_pylist()
    found = {text: language({"text": text}) for text in texts}
    english = [text for text in texts if found[text] not in {"tr", "nl", "bcl"}]  # four are Turkish, Dutch and Tagalog
    assert len(english) == 4196
    short = [text for text in english if len(text.split()) <= 6]
    assert len(short) == 461
    assert sum(found[text] not in {"en", UNCERTAIN} for text in english) == 2
    assert sum(found[text] not in {"en", UNCERTAIN} for text in short) == 0
    assert sum(found[text] == UNCERTAIN for text in english) / len(english) == pytest.approx(0.06, abs=0.005)
    assert sum(found[text] == UNCERTAIN for text in short) / len(short) == pytest.approx(0.42, abs=0.005)
    bare = [language({"text": text}, min_probability=0) for text in short]
    assert sum(code not in {"en", UNCERTAIN} for code in bare) / len(short) == pytest.approx(0.13, abs=0.005)
