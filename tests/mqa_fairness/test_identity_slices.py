"""Groups by whom a text speaks of."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import mqa_fairness
from mqa_fairness.lexicon import read_names
from mqa_fairness.text_slices import identity_terms, names, nationalities
from mqa_registry import DataError, UsageError

SHIPPED = tomllib.loads((Path(mqa_fairness.__file__).parent / "lexicons" / "identity.toml").read_text(encoding="utf-8"))
GROUPS = {group: terms for groups in SHIPPED.values() for group, terms in groups.items()}


def groups(text, **options):
    return identity_terms({"text": text}, **options)


@pytest.fixture
def lexicon(tmp_path):
    def write(text):
        path = tmp_path / f"lexicon{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("She is a great actress.", ["women"]),
        ("HE SAID SO", ["men"]),
        ("He met her", ["women", "men"]),
        ("the women's team", ["women"]),
        ("A Muslim and a Jewish school", ["muslims", "jews"]),
        ("An African-American writer", ["black people"]),
        ("some black men", ["men", "black people"]),
        ("An old man and the sea", ["men", "older people"]),
        ("a wheelchair ramp", ["disabled people"]),
        ("same-sex marriage", ["gay and lesbian people"]),
    ],
)
def test_a_text_is_in_every_group_that_it_names(text, found):
    assert groups(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!?",
        "The theme of the other sheen",
        "a black dress and white wine",
        "an old joke",
        "womanly",
    ],
)
def test_a_text_that_names_none_is_in_none(text):
    assert groups(text) is None


def test_a_missing_text_is_in_no_group():
    assert groups(None) is None


def test_a_phrase_is_whole_words_next_to_each_other():
    assert groups("native Americans") == ["indigenous people"]
    assert groups("native and Americans") is None
    assert groups("alternative Americans") is None


@pytest.mark.parametrize("group", GROUPS)
def test_every_term_of_the_lexicon_finds_its_group(group):
    assert all(group in (groups(f"so said: {term.upper()}!") or []) for term in GROUPS[group])


def test_the_lexicon_names_no_term_twice_within_a_group():
    assert all(len(set(terms)) == len(terms) for terms in GROUPS.values())


def test_the_dimensions_are_those_that_are_documented():
    assert list(SHIPPED) == ["gender", "religion", "ethnicity", "age", "disability", "orientation"]
    assert list(SHIPPED["gender"])[:2] == ["women", "men"]


def test_groups_can_be_chosen_one_by_one_or_by_dimension():
    text = "she and he, a Muslim and a Jew"
    assert groups(text, groups=["men", "jews"]) == ["men", "jews"]
    assert groups(text, groups=["religion"]) == ["muslims", "jews"]
    assert groups(text, groups=["religion", "muslims", "women"]) == ["muslims", "jews", "women"]
    assert groups("she", groups=["men"]) is None


def test_a_group_that_is_not_there_is_refused_with_a_guess():
    with pytest.raises(UsageError, match="no group `woman`") as raised:
        groups("she", groups=["woman"])
    assert raised.value.hint == "did you mean `women`?"
    with pytest.raises(UsageError, match="`groups` is empty"):
        groups("she", groups=[])


def test_a_lexicon_can_be_brought(lexicon):
    own = lexicon('[trade]\nplumbers = ["plumber", "Rohr-Reiniger"]\npainters = ["painter"]\n')
    assert groups("The Plumber called", lexicon=own) == ["plumbers"]
    assert groups("ein Rohr-reiniger", lexicon=own) == ["plumbers"]
    assert groups("she called", lexicon=own) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("women = ", "is no TOML"),
        ("", "is not made of tables of groups"),
        ('women = ["she"]', "is not made of tables of groups"),
        ("[gender]\nwomen = []", "is not made of tables of groups"),
        ("[gender]\nwomen = [1]", "is not made of tables of groups"),
        ('[gender]\nwomen = ["--"]', "has no word in it"),
    ],
)
def test_a_lexicon_that_is_none_is_refused(lexicon, content, message):
    with pytest.raises(DataError, match=message):
        groups("she", lexicon=lexicon(content))


def test_a_lexicon_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        groups("she", lexicon=tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'[a]\nb = ["\xff"]')
    with pytest.raises(DataError, match="is no TOML"):
        groups("she", lexicon=tmp_path / "latin.toml")
    with pytest.raises(DataError, match="Is a directory"):
        groups("she", lexicon=tmp_path)


def test_the_column_with_the_text_can_be_named():
    assert identity_terms({"review": "she", "text": "he"}, column="review") == ["women"]
    with pytest.raises(DataError, match="no column `text`"):
        identity_terms({"review": "she"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("An American in France", ["American", "French"]),
        ("AMERICANS!", ["American"]),
        ("a Pole, Poland and the Polish", ["Polish"]),
        ("polish the china", None),
        ("African Americans in New England", None),
        ("", None),
        (None, None),
    ],
)
def test_a_text_is_in_the_group_of_every_nation_that_it_names(text, found):
    assert nationalities({"text": text}) == found


@pytest.mark.parametrize(
    ("text", "gender", "origin"),
    [
        ("Emily said so", ["names of women"], ["english names"]),
        ("JAMAL and Mary's cat", ["names of women", "names of men"], ["english names", "african-american names"]),
        ("Fatima, Priya", ["names of women"], ["arabic names", "indian names"]),
        ("emily", None, None),
        ("Marylike Emilyn", None, None),
        ("Mary\u0301", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_a_text_is_in_the_groups_of_its_names(text, gender, origin):
    assert names({"text": text}) == gender
    assert names({"text": text}, attribute="origin") == origin


def test_every_name_is_found():
    for (origin, gender), each in read_names().items():
        assert all(names({"text": f"so {name}."}) == [f"names of {gender}"] for name in each)
        assert all(names({"text": f"so {name}."}, attribute="origin") == [f"{origin} names"] for name in each)


def test_a_column_with_names_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="no column `text`"):
        names({"review": "Emily"})
