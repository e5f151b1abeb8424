"""Which language a text is identified as, by whom ever and however often it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import LanguageIdentifier

from mqa_registry import UsageError, identify_language
from mqa_registry.languages import MAX_CHARACTERS, _classifier, _identifier

SENTENCES = tomllib.loads((Path(__file__).parent / "sentences.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("code", "text"), SENTENCES.items(), ids=SENTENCES.keys())
def test_a_sentence_is_in_its_language(code, text):
    assert identify_language(text) == code
    assert identify_language(text, languages=list(SENTENCES), min_probability=0.9) == code


@pytest.mark.parametrize(
    "text", ["", " \n\t", "123 !? 4.5", "\U0001f600" * 9, "\ud800", "ok", "excellent.", "\u202eabc\u202c"]
)
def test_a_short_text_has_no_language(text):
    assert identify_language(text) is None


def test_the_bound_on_the_probability_decides_what_is_uncertain():
    assert identify_language("minor gripe.") is None
    assert identify_language("minor gripe.", min_probability=0) == "eo"  # short texts are unsure
    assert identify_language(SENTENCES["en"], min_probability=1) is None


def test_by_default_a_language_takes_more_than_half_of_the_probability():
    def probability(text):
        return _classifier(None).classify(text)[1]

    texts = [text[:length] for text in SENTENCES.values() for length in range(5, 40)]
    unsure, sure = (
        [text for text in texts if low < probability(text) < high] for low, high in ((0.4, 0.5), (0.5, 0.6))
    )
    assert unsure
    assert sure
    assert all(identify_language(text) is None for text in unsure)
    assert all(identify_language(text) for text in sure)


def test_only_the_languages_named_come_into_question():
    assert identify_language(SENTENCES["ru"], languages=["uk", "en"]) == "uk"
    assert identify_language("excellent product.") is None
    assert identify_language("excellent product.", languages=["en", "de", "ja"]) == "en"


def test_a_text_in_which_nothing_is_recognised_is_in_none_however_few_languages_there_are():
    assert _classifier(("sr", "en")).classify("ok")[1] > 0.6  # Serbian, since the model has it in two scripts
    assert identify_language("ok", languages=["sr", "en"]) is None
    assert identify_language("ok", languages=["sr", "en"], min_probability=0) is None


def test_a_mixed_text_is_in_one_language():
    assert identify_language(f"{SENTENCES['de']} ok {SENTENCES['de']} 你好") == "de"
    assert identify_language(f"\u202e{SENTENCES['he']} (v2.0) <br/>") == "he"
    assert identify_language(f"\ud800 {SENTENCES['fr']} \udfff\udfff") == "fr"
    assert identify_language(SENTENCES["en"].upper()) == "en"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (SENTENCES["es"] * 15_000, "es"),
        ("\U0001f600" * 1_000_000 + SENTENCES["pl"], "pl"),
        ("a" + "\u0301\u0316" * 500_000, None),  # takes minutes where all of it is normalised
        ("x" * 1_000_000, None),
    ],
    ids=["repeated", "emoji first", "marks", "one word"],
)
def test_a_text_of_a_megabyte_takes_no_time(text, code):
    identify_language("the model is loaded")
    before = time.process_time()
    assert identify_language(text) == code
    assert time.process_time() - before < 2


def test_what_stands_behind_the_first_thousand_characters_is_ignored():
    assert MAX_CHARACTERS == 1000
    long = SENTENCES["fr"] * (MAX_CHARACTERS // len(SENTENCES["fr"]) + 1)
    assert identify_language(long + SENTENCES["ru"] * 100) == "fr"
    assert identify_language(f"x {'.' * 900} {SENTENCES['ru']}", min_probability=0.4) == "ru"
    assert identify_language(f"x {'.' * 1000} {SENTENCES['ru']}", min_probability=0.4) is None


@settings(deadline=None)  # the first example may load a library
@given(st.text(st.characters(), max_size=60))
def test_every_text_is_in_a_known_language_or_none_and_in_the_same_each_time(text):
    code = identify_language(text)
    assert code == identify_language(text)
    assert code is None or code in _identifier().labels


@settings(deadline=None)  # the first example may load a library
@given(st.text(st.characters(), max_size=60), st.floats(0, 1))
def test_a_lower_bound_leaves_fewer_texts_uncertain(text, bound):
    stricter, laxer = (identify_language(text, min_probability=least) for least in (bound, bound / 2))
    assert stricter in {laxer, None}


@pytest.mark.parametrize(
    ("languages", "message", "hint"),
    [
        (["en", "EN"], "no language that can be identified has the code `EN`", "did you mean `en`?"),
        (["pt-BR", "en"], "code `pt-BR`", "did you mean `pt`?"),
        (["en", "xxxx"], "code `xxxx`", "these can: ace, af, am"),
        (["en", ""], "code ``", "these can: ace, af, am"),
        (["en"], "two languages or more", "leave it out"),
        (["en", "en"], "two languages or more", "leave it out"),
        ([], "two languages or more", "leave it out"),
    ],
)
def test_languages_that_cannot_be_distinguished_are_refused_with_a_hint(languages, message, hint):
    with pytest.raises(UsageError, match=message) as caught:
        identify_language("", languages=languages)
    assert hint in caught.value.hint


def test_the_library_s_own_state_does_not_count():
    import py3langid

    py3langid.set_languages(["de", "fr"])
    try:
        assert identify_language(SENTENCES["en"]) == "en"
        assert identify_language(SENTENCES["en"], languages=["ru", "en"]) == "en"
        assert identify_language(SENTENCES["de"]) == "de"  # a restriction stays with whom it was made for
        assert py3langid.classify(SENTENCES["en"])[0] in {"de", "fr"}
    finally:
        py3langid.set_languages(None)


def test_the_model_is_read_once(monkeypatch):
    identify_language("hello")
    monkeypatch.setattr(LanguageIdentifier, "from_model_file", None)
    assert identify_language(SENTENCES["en"], languages=["en", "ru", "ta"]) == "en"


def test_threads_and_other_processes_identify_the_same():
    texts = [text[:length] for text in SENTENCES.values() for length in (9, 15, 30, 60)]
    alone = list(map(identify_language, texts))
    with ThreadPoolExecutor(4) as pool:
        assert all(found == alone for found in pool.map(lambda some: list(map(identify_language, some)), [texts] * 8))
    program = (
        "import json, sys\nfrom mqa_registry import identify_language\n"
        "print(json.dumps([identify_language(text) for text in json.load(sys.stdin)]))"
    )
    there = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(there.stdout) == alone


def test_importing_the_module_loads_no_model():
    program = "import sys, mqa_registry.languages\nassert not {name for name in sys.modules if 'langid' in name}"
    subprocess.run([sys.executable, "-c", program], check=True)
