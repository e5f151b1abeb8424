"""Rows by the language that they are probably written in."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from py3langid.langid import LanguageIdentifier

from mqa_fairness.languages import READ, UNCERTAIN, _model, language
from mqa_fairness.scripts import script
from mqa_registry import DataError, UsageError

DEMO = Path(__file__).parents[2] / "suites" / "data" / "sentiment.parquet"
GOLDEN = tomllib.loads((Path(__file__).parent / "golden" / "languages.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("code", "text"), GOLDEN.items(), ids=GOLDEN.keys())
def test_a_sentence_is_in_the_group_of_its_language(code, text):
    assert language({"text": text}) == code
    assert language({"text": text}, among=list(GOLDEN), min_probability=0.9) == code


@pytest.mark.parametrize(
    "text", ["", " \n\t", "123 !? 4.5", "\U0001f600\u200d\U0001f525" * 9, "\ud800", "\u00b5 \u212b"]
)
def test_texts_without_letters_are_a_group_as_they_are_by_script(text):
    assert language({"text": text}) == "no letters" == script({"text": text})


def test_a_missing_text_is_in_no_group():
    assert language({"text": None}) is None


@pytest.mark.parametrize("text", ["ok", "excellent.", "\u202eabc\u202c", "\U00010333\U00010334"])
def test_a_text_that_says_too_little_is_uncertain(text):
    assert language({"text": text}) == UNCERTAIN


def test_the_bound_on_the_probability_decides_what_is_uncertain():
    assert language({"text": "minor gripe."}) == UNCERTAIN
    assert language({"text": "minor gripe."}, min_probability=0) == "eo"  # short texts are unsure
    assert language({"text": GOLDEN["en"]}, min_probability=1) == UNCERTAIN


def test_only_the_languages_asked_for_come_into_question():
    assert language({"text": GOLDEN["ru"]}, among=["uk", "en"]) == "uk"
    assert language({"text": "excellent product."}) == UNCERTAIN
    assert language({"text": "excellent product."}, among=["en", "de", "ja"]) == "en"


def test_a_text_in_which_nothing_is_recognised_is_uncertain_however_few_languages_there_are():
    assert _model(("sr", "en")).guess("ok")[1] > 0.6  # Serbian, since the model has it in two scripts
    assert language({"text": "ok"}, among=["sr", "en"]) == UNCERTAIN
    assert language({"text": "ok"}, among=["sr", "en"], min_probability=0) == UNCERTAIN


def test_of_a_mixed_text_one_language_is_told():
    assert language({"text": f"{GOLDEN['de']} ok {GOLDEN['de']} 你好"}) == "de"
    assert language({"text": f"\u202e{GOLDEN['he']} (v2.0) <br/>"}) == "he"
    assert language({"text": f"\ud800 {GOLDEN['fr']} \udfff\udfff"}) == "fr"
    assert language({"text": GOLDEN["en"].upper()}) == "en"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOLDEN["es"] * 15_000, "es"),
        ("\U0001f600" * 1_000_000 + GOLDEN["pl"], "pl"),
        ("a" + "\u0301\u0316" * 500_000, UNCERTAIN),  # takes minutes where all of it is normalised
        ("x" * 1_000_000, UNCERTAIN),
    ],
    ids=["repeated", "emoji first", "marks", "one word"],
)
def test_a_text_of_a_megabyte_is_told_at_once(text, code):
    language({"text": "the model is loaded"})
    before = time.process_time()
    assert language({"text": text}) == code
    assert time.process_time() - before < 2


def test_what_stands_behind_the_first_thousand_characters_has_no_say():
    long = GOLDEN["fr"] * (READ // len(GOLDEN["fr"]) + 1)
    assert language({"text": long + GOLDEN["ru"] * 100}) == "fr"


@given(st.text(st.characters(), max_size=60))
def test_every_text_is_in_one_group_and_in_the_same_each_time(text):
    found = language({"text": text})
    assert found == language({"text": text})
    assert (found == "no letters") == (script({"text": text}) == "no letters")
    assert found in {"no letters", UNCERTAIN, *known()}


@given(st.text(st.characters(), max_size=60), st.floats(0, 1))
def test_a_lower_bound_leaves_fewer_texts_uncertain(text, bound):
    stricter, laxer = (language({"text": text}, min_probability=least) for least in (bound, bound / 2))
    assert stricter in {laxer, UNCERTAIN}


@pytest.mark.parametrize(
    ("among", "message", "hint"),
    [
        (["en", "EN"], "no language that can be told has the code `EN`", "did you mean `en`?"),
        (["pt-BR", "en"], "code `pt-BR`", "did you mean `pt`?"),
        (["en", "xxxx"], "code `xxxx`", "these can: ace, af, am"),
        (["en", ""], "code ``", "these can: ace, af, am"),
        (["en"], "two languages or more", "leave it out"),
        (["en", "en"], "two languages or more", "leave it out"),
        ([], "two languages or more", "leave it out"),
    ],
)
def test_languages_that_cannot_be_told_apart_are_refused_with_a_hint(among, message, hint):
    with pytest.raises(UsageError, match=message) as caught:
        language({"text": None}, among=among)
    assert hint in caught.value.hint


def test_the_column_with_the_text_can_be_named():
    assert language({"review": GOLDEN["en"]}, column="review") == "en"
    with pytest.raises(DataError, match="no column `text`"):
        language({"review": "fine"})


def test_what_anybody_does_to_the_library_s_own_state_has_no_say():
    import py3langid

    py3langid.set_languages(["de", "fr"])
    try:
        assert language({"text": GOLDEN["en"]}) == "en"
        assert language({"text": GOLDEN["en"]}, among=["ru", "en"]) == "en"
        assert language({"text": GOLDEN["de"]}) == "de"  # a restriction stays with whom it was made for
        assert py3langid.classify(GOLDEN["en"])[0] in {"de", "fr"}
    finally:
        py3langid.set_languages(None)


def test_the_model_is_read_once(monkeypatch):
    language({"text": "hello"})
    monkeypatch.setattr(LanguageIdentifier, "from_model_file", None)
    assert language({"text": GOLDEN["en"]}, among=["en", "ru", "ta"]) == "en"


def test_threads_and_other_processes_come_to_the_same_groups():
    texts = [text[:length] for text in GOLDEN.values() for length in (9, 15, 30, 60)]
    alone = groups(texts)
    with ThreadPoolExecutor(4) as pool:
        assert all(found == alone for found in pool.map(groups, [texts] * 8))
    program = (
        "import json, sys\nfrom mqa_fairness.languages import language\n"
        "print(json.dumps([language({'text': text}) for text in json.load(sys.stdin)]))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(there.stdout) == alone


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


def test_naming_the_slice_loads_no_model():
    program = "import sys, mqa_fairness.languages\nassert not {name for name in sys.modules if 'langid' in name}"
    subprocess.run([sys.executable, "-c", program], check=True)


def groups(texts):
    return [language({"text": text}) for text in texts]


def known():
    from mqa_fairness.languages import _identifier

    return set(_identifier().labels)
