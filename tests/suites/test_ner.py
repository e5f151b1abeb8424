"""The suite of a tagger: its sentences, which the tagger has not seen, and what it says of the tagger on both backends."""

from __future__ import annotations

import importlib
from collections import Counter

import pyarrow.parquet as pq
import pytest

from tests.suites.conftest import SUITES

DATA = SUITES / "data" / "newswire.parquet"


@pytest.fixture
def newswire(recipes):
    return importlib.import_module("newswire")


def test_the_suite_is_sound(expect_sound):
    expect_sound("ner")


def test_the_sentences_are_what_their_card_says():
    rows = pq.read_table(DATA).to_pylist()
    assert list(rows[0]) == ["id", "text", "spans", "template", "origin", "gender"]
    assert len({row["id"] for row in rows}) == 1500
    assert set(Counter(row["template"] for row in rows).values()) == {2}
    labels = Counter(span["label"] for row in rows for span in row["spans"])
    assert set(labels) == {"PER", "LOC", "ORG"}
    assert min(labels.values()) >= 800
    assert any(not row["spans"] for row in rows)
    for row in rows:
        spans = [row["text"][span["start"] : span["end"]] for span in row["spans"]]
        assert all(text and text == text.strip() and text[0].isupper() for text in spans)


def test_the_tagger_was_trained_on_other_phrases_and_other_names(newswire):
    held_out, trained = (newswire.read_lists(held_out=one) for one in (True, False))
    phrases, others = (
        {one.strip(" ,") for many in lists.clauses.values() for one in many} for lists in (held_out, trained)
    )
    assert len(phrases) >= 100
    assert not phrases & others
    assert not {one.name for one in held_out.people} & {one.name for one in trained.people}
    assert not {*held_out.stems} & {*trained.stems}
    for name in ("surnames", "firms", "bodies", "ministries"):
        assert not {*held_out.names[name]} & {*trained.names[name]}


def test_the_sentences_are_made_again_by_their_recipe(newswire):
    lists = newswire.read_lists(held_out=True)
    rows = newswire.make_rows(lists, newswire.ROWS, newswire.SEED, of_a_template=newswire.ROWS_OF_A_TEMPLATE)
    assert list(rows) == pq.read_table(DATA).to_pylist()


@pytest.mark.slow
def test_the_suite_holds_on_both_backends_and_what_fails_is_known_to(run_suite):
    report = run_suite("ner", "metrics/span-f1", "typos", "small letters", "parity/tensors", "parity/agreement")
    assert list(report["environment"]["backends"]) == ["torch", "onnx"]
    assert {one["verdict"] for one in report["results"] if one["critical"]} == {"PASS"}
    assert {one["verdict"] for one in report["results"] if not one["critical"]} == {"FAIL"}
    scores = [one for one in report["results"] if one["check"] == "metrics/span-f1"]
    assert {one["backend"] for one in scores} == {"torch", "onnx"}
    assert all(0.69 < one["numbers"]["value"]["estimate"] < 0.75 for one in scores)
