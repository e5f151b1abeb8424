"""Rows that match another row, within a data set and across two."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_registry import DataError

LONG = "the film is far too long and has no end that anybody could wish for"


def test_exact_and_near_duplicates_of_an_earlier_row_are_distinguished(rows, run_probe):
    given = rows([LONG, "short one", LONG, LONG.upper() + "!", f"{LONG} today", "another text altogether"])
    table, numbers, evidence = run_probe("duplicates", given)
    assert table.column("match").to_pylist() == ["none", "none", "exact", "near", "near", "none"]
    assert table.column("match_id").to_pylist()[2:5] == ["r0", "r0", "r0"]
    assert [numbers[name].mean() for name in ("value", "exact", "near")] == pytest.approx([3 / 6, 1 / 6, 2 / 6])
    assert "3 of 6 rows repeat an earlier one: 1 exactly, 2 nearly" in evidence.remarks[0]
    assert evidence.examples[0].details["match"]["fields"] == {"text": LONG}


def test_the_threshold_decides_what_is_near(rows, run_probe):
    given = rows([LONG, f"{LONG} today"])
    assert run_probe("duplicates", given, threshold=0.9)[1]["near"].tolist() == [False, True]
    assert run_probe("duplicates", given, threshold=0.95)[1]["near"].tolist() == [False, False]


def test_duplicates_with_different_labels_all_conflict(rows, run_probe):
    given = rows([LONG, LONG, f"{LONG} today", "alone here", None], ["good", "bad", "good", "good", "bad"])
    table, numbers, evidence = run_probe("duplicates", given)
    assert table.column("conflict").to_pylist() == [True, True, True, False, None]
    assert numbers["conflicting_labels"].mean() == pytest.approx(3 / 4)
    assert all(each.target != each.details["match"]["target"] for each in evidence.examples)
    assert "3 rows match a row with another label" in evidence.remarks


def test_rows_without_a_label_do_not_conflict(rows, run_probe):
    table, numbers, _ = run_probe("duplicates", rows([LONG, LONG, LONG], ["good", None, "good"]))
    assert table.column("conflict").to_pylist() == [False, None, False]
    assert numbers["conflicting_labels"].shape == (2,)
    assert "the rows have no labels" in " ".join(run_probe("duplicates", rows([LONG, LONG]))[2].remarks)


def test_rows_without_text_are_not_duplicates(rows, run_probe):
    _, numbers, evidence = run_probe("duplicates", rows(["", " ", None, "a b c"], ["a", "b", "a", "b"]))
    assert numbers["value"].tolist() == [False]
    assert numbers["conflicting_labels"].tolist() == [False]
    assert "3 rows are without text, and are ignored" in evidence.remarks


def test_equal_rows_and_a_single_row(rows, run_probe, estimate):
    assert estimate(run_probe("duplicates", rows(["same"] * 50))[1]["value"]) == pytest.approx(49 / 50)
    assert estimate(run_probe("duplicates", rows(["same"]))[1]["value"]) == 0


def test_hostile_texts_are_duplicates_of_themselves_only(rows, run_probe, hostile_texts):
    table = run_probe("duplicates", rows([*hostile_texts, *hostile_texts]))[0].column("match").to_pylist()
    assert table == ["empty"] * 2 + ["none"] * 8 + ["empty"] * 2 + ["exact"] * 8


def test_fields_name_the_text_columns_and_an_unknown_one_is_refused(rows, run_probe):
    given = rows(["a", "b"], title=["same words here", "same words here"], stars=[1, 2])
    assert run_probe("duplicates", given, fields=["title"])[1]["value"].tolist() == [False, True]
    with pytest.raises(DataError, match="no column `titel`") as error:
        run_probe("duplicates", given, fields=["titel"])
    assert error.value.hint == "did you mean `title`? they have `id`, `text`, `title`, `stars`"
    with pytest.raises(DataError, match="`stars` holds int64, and no texts"):
        run_probe("duplicates", given, fields=["stars"])


def test_at_most_five_examples_are_shown(rows, run_probe):
    assert len(run_probe("duplicates", rows(["the same"] * 9))[2].examples) == 5


def test_by_default_a_jaccard_similarity_of_four_fifths_is_near(rows, run_probe):
    words = [f"w{number}" for number in range(11)]
    # Nine shingles and eight of them; nine and seven.
    assert run_probe("duplicates", rows([" ".join(words), " ".join(words[:10])]))[1]["near"].tolist() == [False, True]
    assert run_probe("duplicates", rows([" ".join(words), " ".join(words[:9])]))[1]["near"].tolist() == [False, False]


def test_rows_match_the_reference_data_exactly_and_nearly(rows, run_probe):
    current = rows(["not there at all", LONG, f"well {LONG}", ""], ["a", "a", "b", "a"])
    reference = rows(["something else", LONG, "and one more"], ["a", "b", "b"])
    table, numbers, evidence = run_probe("overlap", current, reference)
    assert table.column("match").to_pylist() == ["none", "exact", "near", "empty"]
    assert table.column("match_id").to_pylist() == [None, "r1", "r1", None]
    assert numbers["value"].tolist() == [False, True, True]
    assert numbers["conflicting_labels"].tolist() == [True, False]
    assert evidence.examples[0].details["match"] == {"id": "r1", "fields": {"text": LONG}, "target": "b"}
    assert (
        "2 of 3 rows are among the 3 rows of the reference data: 1 exactly, 1 nearly (Jaccard from 0.8)"
        in evidence.remarks
    )


def test_duplicates_within_a_data_set_are_not_overlap(rows, run_probe):
    assert not run_probe("overlap", rows([LONG, LONG]), rows(["b"]))[1]["value"].any()


def test_every_row_with_text_of_a_data_set_overlaps_with_itself(rows, run_probe, hostile_texts):
    table = run_probe("overlap", rows(hostile_texts), rows(hostile_texts))[0].column("match").to_pylist()
    assert table == ["empty"] * 2 + ["exact"] * 8


def test_the_most_similar_reference_row_is_the_match(rows, run_probe):
    reference = rows([f"{LONG} of all days", f"{LONG} of", "x"])
    table = run_probe("overlap", rows([LONG]), reference, threshold=0.5)[0]
    assert table.column("match_id").to_pylist() == ["r1"]


def test_every_planted_near_duplicate_is_found(rows, run_probe):
    rng = np.random.default_rng(3)
    texts = [" ".join(f"w{one}" for one in rng.integers(0, 3000, 20)) for _ in range(600)]
    current = [f"{text} more" if row < 40 else text for row, text in enumerate(texts[:300])]
    numbers = run_probe("overlap", rows(current), rows(texts[:40] + texts[300:]))[1]
    assert numbers["near"].sum() == 40
    assert numbers["exact"].sum() == 0


def test_at_most_five_examples_of_overlap_are_shown_conflicting_labels_first(rows, run_probe):
    current = rows([f"{LONG} {row}" for row in range(9)], ["a"] * 8 + ["b"])
    evidence = run_probe("overlap", current, rows([f"{LONG} {row}" for row in range(9)], ["a"] * 9))[2]
    assert len(evidence.examples) == 5
    assert evidence.examples[0].id == "r8"
