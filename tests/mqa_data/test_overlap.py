"""Rows that another data set says as well."""

from __future__ import annotations

import numpy as np

LONG = "the film is far too long and has no end that anybody could wish for"


def test_rows_are_found_in_the_other_set_exactly_and_nearly(rows, ask_probe):
    here = rows(["not there at all", LONG, f"well {LONG}", ""], ["a", "a", "b", "a"])
    there = rows(["something else", LONG, "and one more"], ["a", "b", "b"])
    table, numbers, evidence = ask_probe("overlap", here, there)
    assert table.column("state").to_pylist() == ["alone", "exact", "near", "empty"]
    assert table.column("other").to_pylist() == [None, "r1", "r1", None]
    assert numbers["value"].tolist() == [False, True, True]
    assert numbers["conflicts"].tolist() == [True, False]
    assert evidence.examples[0].details["other"] == {"id": "r1", "fields": {"text": LONG}, "target": "b"}
    assert "2 of 3 rows are among the 3 others: 1 exactly, 1 nearly (Jaccard from 0.8)" in evidence.remarks


def test_copies_within_one_set_are_no_overlap(rows, ask_probe):
    assert not ask_probe("overlap", rows([LONG, LONG]), rows(["b"]))[1]["value"].any()


def test_a_set_overlaps_itself_wholly(rows, ask_probe, hostile):
    table = ask_probe("overlap", rows(hostile), rows(hostile))[0].column("state").to_pylist()
    assert table == ["empty"] * 2 + ["exact"] * 8


def test_of_several_that_are_near_the_most_alike_is_named(rows, ask_probe):
    there = rows([f"{LONG} of all days", f"{LONG} of", "x"])
    table = ask_probe("overlap", rows([LONG]), there, threshold=0.5)[0]
    assert table.column("other").to_pylist() == ["r1"]


def test_as_many_near_copies_are_found_as_were_planted(rows, ask_probe):
    rng = np.random.default_rng(3)
    texts = [" ".join(f"w{one}" for one in rng.integers(0, 3000, 20)) for _ in range(600)]
    here = [f"{text} more" if row < 40 else text for row, text in enumerate(texts[:300])]
    numbers = ask_probe("overlap", rows(here), rows(texts[:40] + texts[300:]))[1]
    assert numbers["near"].sum() == 40
    assert numbers["exact"].sum() == 0


def test_no_more_than_five_examples_are_shown_those_with_another_label_first(rows, ask_probe):
    here = rows([f"{LONG} {row}" for row in range(9)], ["a"] * 8 + ["b"])
    evidence = ask_probe("overlap", here, rows([f"{LONG} {row}" for row in range(9)], ["a"] * 9))[2]
    assert len(evidence.examples) == 5
    assert evidence.examples[0].id == "r8"
