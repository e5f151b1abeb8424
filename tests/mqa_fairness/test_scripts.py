from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_fairness.scripts import script
from mqa_registry import DataError


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


@given(st.text(st.characters(), max_size=40))
def test_every_text_has_one(text):
    found = script({"text": text})
    assert found
    assert found == found.lower()


def test_the_column_with_the_text_can_be_named():
    assert script({"review": "fine"}, column="review") == "latin"
    with pytest.raises(DataError, match="no column `text`"):
        script({"review": "fine"})
