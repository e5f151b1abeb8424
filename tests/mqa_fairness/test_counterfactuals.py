"""Exchanged words: golden pairs written by hand, and what holds for any text."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_fairness.counterfactuals import (
    swap_age,
    swap_gender,
    swap_names,
    swap_nationality,
    swap_religion,
    swap_words,
)
from mqa_fairness.lexicon import read_names, read_shipped_word_sets
from mqa_registry import DataError, UsageError, edited
from mqa_registry.types import move_spans

EVERY = [swap_gender, swap_names, swap_nationality, swap_religion, swap_age]
HOSTILE = [
    "",
    " ",
    "\n\t ",
    "\U0001f600\U0001f44d\U0001f3fd\u200d\U0001f525",
    "\u0647\u0630\u0627 \u0641\u064a\u0644\u0645 \u0631\u0627\u0626\u0639 she",  # Arabic
    "\u202ehe said\u202c \u05e1\u05e8\u05d8 \u05e0\u05d4\u05d3\u05e8",  # Hebrew, and an override of direction
    "\u8fd9\u90e8\u7535\u5f71\u5f88\u597d\u770b",  # Chinese
    "he\u0301 she\u0308 Mary\u0301",
    "[bold]her[/bold] \x1b[31mMuslim\x00",
    "\ud83d she \udc00 an American",
    "\u01c5 \ufb03 \u0130stanbul \u1e9e\u00df HE",
    "an 18-year-old " * 50,
]
WORDY = st.lists(
    st.sampled_from(
        ["she", "HIS", "her", "Hers", "a", "an", "An", "old", "man", "uncle", "Mary", "Jamal", "American", "Jew", "Muslim",
         "Chinese", "25", "-year-old", "aged", "elderly", ",", "...", "\U0001f600", "\u0301", "\ud800", "'s", "not"]
    ),
    max_size=20,
).map(" ".join)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), WORDY, st.sampled_from(HOSTILE))
QUICK = settings(max_examples=50, deadline=None)


def swapped(function, text, seed=0, **options):
    edits = function({"text": text}, np.random.default_rng(seed), **options)
    return None if edits is None else edited(text, edits["text"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("She is a fine actress.", "He is a fine actor."),
        ("He is here, and so is his wife.", "She is here, and so is her husband."),
        ("I saw her.", "I saw him."),
        ("I saw her in the park", "I saw him in the park"),
        ("I gave her the book", "I gave him the book"),
        ("her best film", "his best film"),
        ('her "best" film', 'his "best" film'),
        ("her 3 films", "his 3 films"),
        ("The idea was hers.", "The idea was his."),
        ("The idea was his.", "The idea was hers."),
        ("a friend of his, and his dog", "a friend of hers, and her dog"),
        ("he hurt himself", "she hurt herself"),
        ("He's late, she'll wait", "She's late, he'll wait"),
        ("SHE SAID: HER FATHER!", "HE SAID: HIS MOTHER!"),
        ("Mr. Smith and Mrs. Jones", "Ms. Smith and Mr. Jones"),
        ("two women and a man", "two men and a woman"),
        ("an actor", "an actress"),
        ("an uncle, a niece", "an aunt, a nephew"),
        ("a heroine", "a hero"),
        ("an heiress", "an heir"),
        ("a husband", "a wife"),
        ("An heir to a queen", "An heiress to a king"),
        ("the ex-wife's mother-in-law", "the ex-husband's father-in-law"),
        ("mum and dad", "dad and mom"),
        ("cowgirls", "cowboys"),
    ],
)
def test_gender_is_exchanged_with_agreement(before, after):
    assert swapped(swap_gender, before) == after


@pytest.mark.parametrize(
    "text", ["nothing to see", "the theme of the other", "I miss you", "shell and hell", "", "mankind"]
)
def test_a_text_without_a_gendered_word_is_declined(text):
    assert swapped(swap_gender, text) is None


def test_only_the_words_of_one_gender_change_where_the_other_is_named():
    assert swapped(swap_gender, "she met his aunt", to="women") == "she met her aunt"
    assert swapped(swap_gender, "she met his aunt", to="men") == "he met his uncle"
    assert swapped(swap_gender, "she met her aunt", to="women") is None


def test_given_names_change_with_the_gender_and_keep_their_origin():
    after = swapped(swap_gender, "Mary met Jamal; Mary left him.")
    first, second, third = re.findall(r"\b[A-Z]\w+\b", after)
    names = read_names()
    assert first == third
    assert first in names["english", "men"]
    assert second in names["african-american", "women"]
    assert after.endswith("left her.")
    assert swapped(swap_gender, "Mary met him", names=False) == "Mary met her"
    assert swapped(swap_gender, "Mary left", names=False) is None


PAIRED = [
    words
    for one in read_shipped_word_sets("gender")
    for form in one.forms
    if form.position == "words"
    for words in [form.words]
]


@pytest.mark.parametrize("words", PAIRED, ids=lambda words: words[0])
@pytest.mark.parametrize("case", [str.lower, str.title, str.upper], ids=["lower", "title", "upper"])
def test_every_pair_goes_both_ways_in_every_case(words, case):
    women, men = map(case, words)
    assert swapped(swap_gender, f"so, {women}!") == f"so, {men}!"
    assert swapped(swap_gender, f"so, {men}!") == f"so, {women}!"


@pytest.mark.parametrize("name", ["gender", "nationality", "religion", "age"])
def test_no_word_is_of_two_kinds_in_one_position_and_no_other_form_is_recognised_twice(name):
    for one in read_shipped_word_sets(name):
        for word, meant in one.index.items():
            places = [(kind, one.forms[form].position) for kind, form in meant]
            assert len({kind for kind, _ in meant}) == 1, word
            assert len(set(places)) == len(places), word


@pytest.mark.parametrize(
    ("before", "options", "after"),
    [
        ("a Muslim family", {"to": "Jewish"}, "a Jewish family"),
        ("he is a Muslim.", {"to": "Jewish"}, "he is a Jew."),
        ("a Jew and a Christian", {"to": "Muslim"}, "a Muslim and a Muslim"),
        ("Hindus in India", {"to": "Buddhist"}, "Buddhists in India"),
        ("Islam", {"to": "Christian"}, "Christianity"),
        ("ISLAM", {"to": "Sikh"}, "SIKHISM"),
        ("an Islamic school", {"to": "Hindu"}, "a Hindu school"),
        ("a Hindu school", {"to": "Muslim"}, "a Muslim school"),
    ],
)
def test_religions_are_exchanged(before, options, after):
    assert swapped(swap_religion, before, **options) == after


@pytest.mark.parametrize(
    ("before", "to", "after"),
    [
        ("an American in Paris", "German", "a German in Paris"),
        ("a Canadian film", "Italian", "an Italian film"),
        ("A Greek tragedy", "Ukrainian", "A Ukrainian tragedy"),
        ("Americans love America", "Kenyan", "Kenyans love Kenya"),
        ("a Chinese film from China", "Japanese", "a Japanese film from Japan"),
        ("a Spaniard in Spain, a Spanish film", "Polish", "a Pole in Poland, a Polish film"),
        ("an Irish poet of Ireland", "French", "a French poet of France"),
        ("African American writers, South Korea, New England", "German", None),
        ("polish the table, a turkey sandwich", "Spanish", None),
        ("a Chinese film", "German", None),
    ],
)
def test_nationalities_are_exchanged_within_words_of_the_same_grammar(before, to, after):
    assert swapped(swap_nationality, before, to=to) == after


@pytest.mark.parametrize("seed", range(8))
def test_two_nations_stay_two_and_none_stays_what_it_was(seed):
    after = swapped(swap_nationality, "Germans, Americans and Germans: German, American", seed)
    first, second, third, four, five = re.findall(r"\w+", after.replace(" and", ""))
    assert first == third != second
    assert first == four + "s"
    assert second == five + "s"
    assert not {"German", "American"} <= {four, five}
    assert four != "German"
    assert five != "American"


@pytest.mark.parametrize("function", [swap_nationality, swap_religion])
def test_a_kind_that_is_not_there_is_refused_with_those_that_are(function):
    with pytest.raises(UsageError, match="`to` is `Martian`, which is no kind of the lexicon") as raised:
        swapped(function, "an American Muslim", to="Martian")
    assert "`Muslim`" in raised.value.hint or "`American`" in raised.value.hint


@pytest.mark.parametrize("seed", range(5))
def test_names_change_their_origin_and_keep_their_gender(seed):
    after = swapped(swap_names, "Emily and Todd saw EMILY's cat", seed)
    first, second, third = re.findall(r"\b[A-Z]\w+\b", after)
    (origin,) = {origin for (origin, gender), names in read_names().items() if first in names and gender == "women"}
    assert origin != "english"
    assert second in read_names()[origin, "men"]
    assert third == first.upper()


def test_the_origin_of_new_names_can_be_chosen():
    assert swapped(swap_names, "Emily", to="indian") in read_names()["indian", "women"]
    assert swapped(swap_names, "Priya", to="indian") is None
    assert swapped(swap_names, "the ali express", to="indian") is None
    with pytest.raises(UsageError, match="no names of the origin `martian`"):
        swapped(swap_names, "Emily", to="martian")


def test_no_name_stands_in_two_groups():
    names = [name.casefold() for each in read_names().values() for name in each]
    assert len(set(names)) == len(names)
    assert all(len(each) >= 12 for each in read_names().values())


def test_two_names_stay_two():
    for seed in range(20):
        after = swapped(swap_names, "Emily Anne Karen Mary Jane", seed).split()
        assert len(set(after)) == 5


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a young woman", "an old woman"),
        ("an old man", "a young man"),
        ("An elderly couple", "A young couple"),
        ("the oldest people", "the youngest people"),
        ("a teenager", "a pensioner"),
        ("Teenagers!", "Pensioners!"),
        ("an old joke", None),
        ("younger than ever", None),
        ("a young adult novel", None),
        ("an 8-year-old boy", None),
        ("7 years old", None),
        ("25 years ago", None),
    ],
)
def test_words_for_age_are_exchanged_before_people_alone(before, after):
    assert swapped(swap_age, before) == after


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("before", "pattern", "low", "high"),
    [
        ("a 25-year-old nurse", r"an? (\d\d)-year-old nurse", 60, 85),
        ("an 18 year old", r"an? (\d\d) year old", 60, 85),
        ("an 81-year-old", r"an? (\d\d)-year-old", 20, 35),
        ("she is 71 years old", r"she is (\d\d) years old", 20, 35),
        ("aged 40.", r"aged (\d\d)\.", 60, 85),
        ("A 30yo", r"An? (\d\d)yo", 60, 85),
    ],
)
def test_ages_in_digits_become_those_of_the_other_half_of_life(before, pattern, low, high, seed):
    after = swapped(swap_age, before, seed)
    found = re.fullmatch(pattern, after)
    assert found is not None, after
    assert low <= int(found[1]) <= high
    assert after.startswith(("an 8", "An 8")) or not after.startswith(("an ", "An "))
    assert not after.startswith(("a 8", "A 8"))


def test_only_those_change_who_are_not_of_the_named_age():
    assert (
        swapped(swap_age, "an old man and a young one, young men", to="older") == "an old man and a young one, old men"
    )
    assert swapped(swap_age, "he is 70 years old", to="older") is None


@pytest.mark.parametrize("function", EVERY)
@QUICK
@given(text=TEXTS, seed=st.integers(0, 99))
def test_the_same_generator_gives_the_same_text(function, text, seed):
    assert swapped(function, text, seed) == swapped(function, text, seed)


@pytest.mark.parametrize("function", EVERY)
@QUICK
@given(text=TEXTS, seed=st.integers(0, 9))
def test_a_row_is_declined_or_really_changed_and_all_that_is_no_word_stays(function, text, seed):
    after = swapped(function, text, seed)
    assert after != text
    if after is not None:
        assert re.sub(r"[^\W_]+", "", after) == re.sub(r"[^\W_]+", "", text)


@pytest.mark.parametrize("function", EVERY)
@QUICK
@given(text=TEXTS)
def test_every_field_has_its_edits_and_a_missing_one_none(function, text):
    before = {"text": text, "text_pair": None, "other": "she is an old lady, an American Muslim, Mary"}
    edits = function(before, np.random.default_rng(0))
    assert list(edits) == ["text", "text_pair", "other"]
    assert edits["text_pair"] == []
    assert edited(before["other"], edits["other"]) != before["other"]


@pytest.mark.parametrize("function", EVERY)
@QUICK
@given(text=TEXTS, seed=st.integers(0, 9))
def test_no_edit_leaves_what_it_replaces_and_none_meets_another(function, text, seed):
    edits = function({"text": text}, np.random.default_rng(seed)) or {"text": []}
    assert all(text[start:end] != new for start, end, new in edits["text"])
    assert all(end < start for (_, end, _), (start, _, _) in pairwise(edits["text"]))


def test_the_same_word_becomes_the_same_in_every_field():
    edits = swap_nationality({"text": "Germans", "text_pair": "in Germans"}, np.random.default_rng(3))
    assert [new for _, _, new in edits["text"]] == [new for _, _, new in edits["text_pair"]]


@QUICK
@given(WORDY.filter(lambda text: not re.search(r"\b(her|hers|his)\b", text, re.IGNORECASE)))
def test_gender_exchanged_twice_is_the_first_text(text):
    after = swapped(swap_gender, text, names=False)
    assert after is None or swapped(swap_gender, after, names=False) == text


def test_a_very_long_text_is_exchanged_whole():
    assert swapped(swap_gender, "she " * 100_000) == "he " * 100_000


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / f"own{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_lexicon_can_be_brought(own):
    path = own('[[set]]\nkinds = ["nurses", "doctors"]\nwords = [["nurse|carer", "doctor"], ["nurses", "doctors"]]\n')
    assert swapped(swap_words, "the nurse and two doctors", lexicon=path) == "the doctor and two nurses"
    assert swapped(swap_words, "the carer", lexicon=path, to="doctors") == "the doctor"
    assert swapped(swap_words, "nobody", lexicon=path) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("women = ", "is no TOML"),
        ("", "it is not made of word sets"),
        ("set = []", "it is not made of word sets"),
        ("set = [1]", "a set has keys other than"),
        ('[[set]]\nkind = ["a", "b"]', "a set has keys other than"),
        ('[[set]]\nkinds = ["a"]', "a set has no `kinds`, two or more of them"),
        ('[[set]]\nkinds = ["a", "a"]', "a set has no `kinds`, two or more of them"),
        ('[[set]]\nkinds = ["a", "b"]\nwords = [["x"]]', "needs a word for each kind"),
        ('[[set]]\nkinds = ["a", "b"]\nwords = [["x", ""]]', "needs a word for each kind"),
        ('[[set]]\nkinds = ["a", "b"]\nwords = ["xy"]', "needs a word for each kind"),
        ('[[set]]\nkinds = ["a", "b"]\nwords = "xy"', "`words` is no list"),
        ('[[set]]\nkinds = ["a", "b"]\nwords = 1', "`words` is no list"),
        ('[[set]]\nkinds = ["a", "b"]\nnot_after = [1]', "`not_after` is no list of words"),
        ('[[set]]\nkinds = ["a", "b"]', "a set has no words"),
    ],
)
def test_a_lexicon_that_is_none_is_refused(own, content, message):
    with pytest.raises(DataError, match=message) as raised:
        swapped(swap_words, "she", lexicon=own(content))
    assert "lexicon `" in raised.value.message


def test_a_lexicon_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        swapped(swap_words, "she", lexicon=tmp_path / "none.toml")


def test_spans_move_with_the_words_inside_and_around_them():
    text = "an American, Mary Smith, met her in Germany"
    spans = [
        {"start": text.index(name), "end": text.index(name) + len(name), "label": "x"}
        for name in ("Mary Smith", "Germany")
    ]
    edits = swap_nationality({"text": text}, np.random.default_rng(0), to="Kenyan")["text"]
    moved = move_spans(spans, text, edits)
    after = edited(text, edits)
    assert [after[span["start"] : span["end"]] for span in moved] == ["Mary Smith", "Kenya"]


@pytest.mark.parametrize(
    ("age", "new"),
    [
        (17, {17}),
        (18, set(range(60, 86))),
        (49, set(range(60, 86))),
        (50, set(range(20, 36))),
        (99, set(range(20, 36))),
    ],
)
def test_adults_below_50_become_60_to_85_and_others_20_to_35(age, new):
    texts = [swapped(swap_age, f"aged {age}", seed) or f"aged {age}" for seed in range(400)]
    assert {int(text.removeprefix("aged ")) for text in texts} == new
