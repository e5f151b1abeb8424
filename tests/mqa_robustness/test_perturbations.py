"""What holds for every perturbation that the plugin gives, on any text."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mqa_registry import UsageError, edited
from mqa_registry.options import read_options, validate
from mqa_registry.types import move_spans
from mqa_robustness import mqa_perturbations

EVERY = {one.name: one for one in mqa_perturbations()}
SEVERE = [name for name, one in EVERY.items() if "severity" in read_options(one.function).names]
RATED = [name for name, one in EVERY.items() if "rate" in read_options(one.function).names and name != "truncate"]
EDITING = [name for name, one in EVERY.items() if one.edits]
IN_WORDS = ["typos", "keyboard", "ocr", "homoglyphs", "zero-width", "split-words"]
HOSTILE = [
    "",
    " ",
    "\n\t ",
    "\r\n\u2028\x85 a\x1c b",
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
    "\u202eoverridden\u202c \u2066isolated\u2069 \u200bzero\u200dwidth",
    "{rate} %s ${HOME} ../../etc/passwd <script>",
]
WORDY = st.text(
    st.sampled_from("abcDEF \n.,'-1\u00e9\u0301\u0436\u05d0\u3042\U0001f600\u2764\ufe0f\u200d\ud83d"), max_size=60
)
ENORMOUS = [  # what takes quadratic time takes minutes here
    "a movie so great! " * 5000,
    " " * 100_000,
    "x" * 100_000,
    "\n \n" * 30_000,
    "!" * 99_999 + "a",
    "\U0001f600" * 5000 + "a",
    "\u00e9" * 30_000,
]
ANY = st.characters(exclude_categories=())  # broken surrogates and control characters too
TEXTS = st.one_of(st.text(ANY, max_size=60), WORDY, st.sampled_from(HOSTILE))
SEEDS = st.integers(0, 99)
QUICK = settings(max_examples=40, deadline=None)
PLAIN = "One of the movies that we liked, and the actors were great fun! \U0001f600 Caf\u00e9 na\u00efve\nindeed.\nIt is not a gray colour, don't laugh: 3 friends said so"


def made(name, text, seed=0, **options):
    """What a perturbation gives for a text: its edits, or the text after it; None where it declines."""
    found = EVERY[name].function({"text": text}, np.random.default_rng(seed), **options)
    return None if found is None else found["text"]


def after(name, text, seed=0, **options):
    found = made(name, text, seed, **options)
    return edited(text, found) if found is not None and EVERY[name].edits else found


def encodable(text):
    return not any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize("name", EVERY)
@QUICK
@given(text=TEXTS, seed=SEEDS)
def test_any_text_becomes_a_text_that_can_be_encoded_where_it_could(name, text, seed):
    found = after(name, text, seed)
    if found is not None:
        assert type(found) is str
        assert encodable(found) or not encodable(text)


@pytest.mark.parametrize("name", EVERY)
@QUICK
@given(text=TEXTS, seed=SEEDS)
def test_the_same_generator_gives_the_same_text(name, text, seed):
    assert made(name, text, seed) == made(name, text, seed)


@pytest.mark.parametrize("name", EVERY)
@QUICK
@given(text=TEXTS)
def test_fields_keep_their_names_and_one_without_a_value_stays_so(name, text):
    before = {"text": text, "text_pair": None, "other": ""}
    found = EVERY[name].function(before, np.random.default_rng(0))
    assert before == {"text": text, "text_pair": None, "other": ""}
    if found is not None:
        assert list(found) == list(before)
        assert not found["text_pair"]
        assert not found["other"]


@pytest.mark.parametrize("name", RATED)
def test_every_field_is_perturbed(name):
    found = EVERY[name].function({"text": PLAIN, "text_pair": PLAIN}, np.random.default_rng(0), rate=1.0)
    assert found["text"]
    assert found["text_pair"]


@pytest.mark.parametrize("name", SEVERE)
@QUICK
@given(text=st.one_of(TEXTS, st.just(PLAIN)), seed=SEEDS)
def test_a_severity_changes_what_a_lower_one_changed_in_the_same_way_and_more(name, text, seed):
    found = [made(name, text, seed, severity=severity) for severity in (1, 2, 3, 4, 5)]
    assert all((few is None) == (many is None) for few, many in pairwise(found))
    assert all(set(few) <= set(many) for few, many in pairwise(found) if few is not None)


@pytest.mark.parametrize("name", SEVERE)
def test_every_severity_changes_more_on_average_than_the_one_below(name):
    total = [
        sum(len(made(name, PLAIN, seed, severity=severity)) for seed in range(100)) for severity in (1, 2, 3, 4, 5)
    ]
    assert total == sorted(set(total))
    assert total[0] > 0


@pytest.mark.parametrize("name", SEVERE)
@pytest.mark.parametrize("severity", [0, 6, -1, 1.5, "3", True])
def test_a_severity_out_of_the_scale_is_found_by_validation(name, severity):
    (fault,) = validate(read_options(EVERY[name].function), {"severity": severity}, owner=f"`{name}`").faults
    assert fault.message.startswith("`severity` must be a whole number from 1 to 5, not ")


@pytest.mark.parametrize("name", SEVERE)
def test_a_severity_and_a_rate_at_once_are_refused(name):
    with pytest.raises(UsageError, match="both say how much"):
        made(name, PLAIN, severity=3, rate=0.5)


@pytest.mark.parametrize("name", [name for name in RATED if name != "extra-sentence"])  # which brings a full stop along
@QUICK
@given(text=st.one_of(TEXTS, st.just(PLAIN * 5)), seed=SEEDS)
def test_the_share_of_spans_that_change_is_the_rate_rounded_up_or_down(name, text, seed):
    whole, some = (made(name, text, seed, rate=rate) for rate in (1.0, 0.3))
    if whole is not None:
        assert len(some) in (int(0.3 * len(whole)), int(0.3 * len(whole)) + 1)
        assert set(some) <= set(whole)


@pytest.mark.parametrize("name", ["typos", "keyboard", "homoglyphs", "extra-space"])
def test_the_rate_holds_on_average_for_texts_too_short_for_it(name):
    text = "great movie" if name != "extra-space" else "great movie here"
    changed = sum(len(made(name, text, seed, rate=0.1)) for seed in range(2000))
    assert 0.08 < changed / (2 * 2000) < 0.12


@pytest.mark.parametrize("name", EDITING)
@QUICK
@given(text=TEXTS, seed=SEEDS, data=st.data())
def test_spans_stay_in_the_text_and_what_no_edit_touched_says_the_same(name, text, seed, data):
    edits = made(name, text, seed, **({"rate": 1.0} if name in RATED else {}))
    if edits is None:
        return
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    for span in move_spans([{"start": start, "end": end}], text, edits):
        assert 0 <= span["start"] <= span["end"] <= len(edited(text, edits))
        if all(last <= start or first >= end for first, last, _ in edits):
            assert edited(text, edits)[span["start"] : span["end"]] == text[start:end]


@pytest.mark.parametrize("name", ["typos", "keyboard", "ocr", "upper-case", "bidi", "zero-width", "homoglyphs"])
def test_a_name_in_the_text_is_still_marked_where_its_letters_changed(name):
    text = "When Dorothy met the Scarecrow"
    edits = made(name, text, rate=1.0)
    (span,) = move_spans([{"start": 5, "end": 12}], text, edits)
    after = edited(text, edits)
    assert after[span["start"] : span["end"]] == after.split(" ")[1] != "Dorothy"


@pytest.mark.parametrize("name", EVERY)
def test_an_enormous_text_is_a_text_like_any_other(name):
    for text in ENORMOUS:
        found = after(name, text)
        assert found is None or encodable(found)


@pytest.mark.parametrize("name", IN_WORDS)
@QUICK
@given(text=TEXTS, seed=SEEDS)
@example(text="cafe\u0301", seed=0)
def test_no_mark_is_separated_from_its_letter(name, text, seed):
    def marked(one):
        return [one[n - 1 : n + 1] for n in range(1, len(one)) if unicodedata.category(one[n])[0] == "M"]

    assert marked(after(name, text, seed, rate=1.0)) == marked(text)


@pytest.mark.parametrize("name", ["typos", "keyboard", "homoglyphs"])
@QUICK
@given(text=TEXTS, seed=SEEDS)
def test_whatever_is_no_letter_stays_where_it_was(name, text, seed):
    def rest(one):
        return [letter for letter in one if not letter.isalpha() and not letter.isalnum()]

    assert rest(after(name, text, seed, rate=1.0)) == rest(text)


@QUICK
@given(text=TEXTS)
def test_whole_changes_of_case_are_those_of_python(text):
    assert after("upper-case", text) == text.upper()
    assert after("lower-case", text) == "".join(part.lower() for part in _parts(text))


def _parts(text):
    """Words and white space, alternating: a word's last letter may have a small form of its own."""
    bounds = [0, *(bound for start, end, _ in _tokens(text) for bound in (start, end)), len(text)]
    return [text[start:end] for start, end in pairwise(bounds)]


def _tokens(text):
    from mqa_robustness.spans import find_tokens

    return [(start, end, "") for start, end in find_tokens(text)]
