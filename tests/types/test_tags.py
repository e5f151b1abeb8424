"""Tags of tokens, in every scheme, and the entities that they mark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.types import TagScheme, place_words

BIO = TagScheme.of(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])


def entities(tags, scheme=BIO):
    return [(one.type, one.start, one.stop) for one in scheme.find_entities(tags)]


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("O B-PER I-PER O", [("PER", 1, 3)]),
        ("B-PER B-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("B-PER I-LOC", [("PER", 0, 1), ("LOC", 1, 2)]),
        ("I-PER I-PER O", [("PER", 0, 2)]),  # an I without a B begins one
        ("O I-PER B-PER I-PER", [("PER", 1, 2), ("PER", 2, 4)]),
        ("U-LOC I-LOC", [("LOC", 0, 1), ("LOC", 1, 2)]),
        ("B-PER I-PER L-PER I-PER", [("PER", 0, 3), ("PER", 3, 4)]),
        ("B-PER E-PER S-PER S-PER", [("PER", 0, 2), ("PER", 2, 3), ("PER", 3, 4)]),
        ("O O", []),
        ("", []),
    ],
)
def test_entities_begin_and_end_as_conlleval_has_it(tags, found):
    assert entities(tags.split()) == found


def test_the_example_that_seqeval_publishes_has_these_entities():
    tags = ["B-PER", "I-PER", "O", "B-LOC"]  # of its `get_entities`: ('PER', 0, 1), ('LOC', 3, 3), ends included
    assert entities(tags) == [("PER", 0, 2), ("LOC", 3, 4)]


def test_neighbours_of_one_type_are_one_entity_without_prefixes():
    scheme = TagScheme.of(["O", "PER", "LOC-CITY"])
    assert entities(["PER", "PER", "O", "PER", "LOC-CITY"], scheme) == [
        ("PER", 0, 2),
        ("PER", 3, 4),
        ("LOC-CITY", 4, 5),
    ]
    assert scheme.types(["O", "PER", "LOC-CITY"]) == ("PER", "LOC-CITY")


def test_a_token_without_a_tag_breaks_no_entity_and_ends_none():
    assert entities(["B-PER", None, "I-PER", None]) == [("PER", 0, 3)]
    assert entities([None, "O", None]) == []


def test_an_entity_that_begins_without_its_tag_is_repaired():
    assert [one.is_repaired for one in BIO.find_entities(["I-PER", "B-PER", "I-PER"])] == [True, False]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(["PER", "LOC"])), max_size=6))
def test_bio_bilou_and_bioes_mark_the_same_entities(parts):
    spelled = {"BI": [], "BILU": [], "BIES": []}
    found, position = [], 0
    for gap, length, name in parts:
        for tags in spelled.values():
            tags.extend(["O"] * gap)
        position += gap
        found.append((name, position, position + length))
        position += length
        spelled["BI"] += [f"{'I' if number else 'B'}-{name}" for number in range(length)]
        for scheme, last, only in (("BILU", "L", "U"), ("BIES", "E", "S")):
            inner = [f"B-{name}", *[f"I-{name}"] * (length - 2), f"{last}-{name}"]
            spelled[scheme] += inner if length > 1 else [f"{only}-{name}"]
    assert all(entities(tags) == found for tags in spelled.values())


def test_words_stand_one_space_apart():
    words = ["New", "", "York", "é"]
    text = " ".join(words)
    assert [text[start:end] for start, end in place_words(words)] == words
