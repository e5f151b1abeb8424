"""The suite of a reader: its notes, which the reader has not seen, and what it says of the reader on both backends."""

from __future__ import annotations

import importlib
from collections import Counter

import pyarrow.parquet as pq
import pytest

from tests.suites.conftest import SUITES

DATA = SUITES / "data" / "notes.parquet"


@pytest.fixture
def notes(recipes):
    return importlib.import_module("notes")


def test_the_suite_is_sound(expect_sound):
    expect_sound("qa")


def test_the_notes_are_what_their_card_says():
    rows = pq.read_table(DATA).to_pylist()
    assert list(rows[0]) == ["id", "question", "context", "answers", "kind", "origin", "gender"]
    assert len({row["id"] for row in rows}) == 1500
    assert [bool(row["answers"]["text"]) for row in rows] == [True, True, True, True, False] * 300
    kinds = Counter(row["kind"] for row in rows)
    assert set(kinds) == {"person", "place", "firm", "day", "price"}
    assert min(kinds.values()) >= 280
    for row in rows:
        for text, start in zip(*row["answers"].values(), strict=True):
            assert text
            assert row["context"][start : start + len(text)] == text
            assert row["context"].count(text) == 1


def test_the_reader_was_trained_on_other_sentences_questions_and_names(notes):
    held_out, trained = (notes.split(held_out=one) for one in (True, False))
    for table, others in ((held_out.sentences, trained.sentences), (held_out.questions, trained.questions)):
        assert {kind: len(values) for kind, values in table.items()} == dict.fromkeys(table, 3)
        assert not {one for values in table.values() for one in values} & {
            one for values in others.values() for one in values
        }
    assert not {*held_out.fillers} & {*trained.fillers}
    assert not {one.name for one in held_out.people} & {one.name for one in trained.people}
    for name in notes.NAMES:
        assert not {*held_out.names[name]} & {*trained.names[name]}


def test_the_notes_are_made_again_by_their_recipe(notes):
    rows = notes.make_rows(notes.split(held_out=True), notes.ROWS, notes.SEED)
    assert list(rows) == pq.read_table(DATA).to_pylist()


@pytest.mark.slow
def test_the_suite_holds_on_both_backends_and_what_fails_is_known_to(run_suite):
    report = run_suite("qa")
    assert list(report["environment"]["backends"]) == ["torch", "onnx"]
    judged = [one for one in report["results"] if one["check"] != "latency"]  # which is for the machine to say
    assert {one["verdict"] for one in judged if one["critical"]} == {"PASS"}
    assert {one["verdict"] for one in judged if not one["critical"]} == {"FAIL"}
    scores = [one for one in report["results"] if one["check"] == "metrics/answer-f1"]
    assert {one["backend"] for one in scores} == {"torch", "onnx"}
    assert all(0.50 < one["numbers"]["value"]["estimate"] < 0.57 for one in scores)
