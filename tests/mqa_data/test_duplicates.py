"""Rows that say what another row says."""

from __future__ import annotations

import pytest

from mqa_registry import DataError

LONG = "the film is far too long and has no end that anybody could wish for"


def test_exact_and_near_duplicates_are_distinguished_and_the_first_is_none(rows, ask_probe):
    here = rows([LONG, "short one", LONG, LONG.upper() + "!", f"{LONG} today", "another text altogether"])
    table, numbers, evidence = ask_probe("duplicates", here)
    assert table.column("state").to_pylist() == ["first", "first", "exact", "near", "near", "first"]
    assert table.column("other").to_pylist()[2:5] == ["r0", "r0", "r0"]
    assert [numbers[name].mean() for name in ("value", "exact", "near")] == pytest.approx([3 / 6, 1 / 6, 2 / 6])
    assert "3 of 6 rows say what an earlier one says: 1 exactly, 2 nearly" in evidence.remarks[0]
    assert evidence.examples[0].details["other"]["fields"] == {"text": LONG}


def test_the_threshold_decides_what_is_near(rows, ask_probe):
    here = rows([LONG, f"{LONG} today"])
    assert ask_probe("duplicates", here, threshold=0.9)[1]["near"].tolist() == [False, True]
    assert ask_probe("duplicates", here, threshold=0.95)[1]["near"].tolist() == [False, False]


def test_copies_with_another_label_conflict_both_of_them(rows, ask_probe):
    here = rows([LONG, LONG, f"{LONG} today", "alone here", None], ["good", "bad", "good", "good", "bad"])
    table, numbers, evidence = ask_probe("duplicates", here)
    assert table.column("conflict").to_pylist() == [True, True, True, False, None]
    assert numbers["conflicts"].mean() == pytest.approx(3 / 4)
    assert all(each.target != each.details["other"]["target"] for each in evidence.examples)
    assert "3 rows say the same as a row with another label" in evidence.remarks


def test_rows_without_a_label_do_not_conflict_and_are_ignored(rows, ask_probe):
    table, numbers, _ = ask_probe("duplicates", rows([LONG, LONG, LONG], ["good", None, "good"]))
    assert table.column("conflict").to_pylist() == [False, None, False]
    assert numbers["conflicts"].shape == (2,)
    assert "the rows have no labels" in " ".join(ask_probe("duplicates", rows([LONG, LONG]))[2].remarks)


def test_rows_without_text_are_no_copies_of_each_other(rows, ask_probe):
    _, numbers, evidence = ask_probe("duplicates", rows(["", " ", None, "a b c"], ["a", "b", "a", "b"]))
    assert numbers["value"].tolist() == [False]
    assert numbers["conflicts"].tolist() == [False]
    assert "3 rows are without text, and are ignored" in evidence.remarks


def test_all_rows_equal_and_one_row_alone(rows, ask_probe, number):
    assert number(ask_probe("duplicates", rows(["same"] * 50))[1]["value"]) == pytest.approx(49 / 50)
    assert number(ask_probe("duplicates", rows(["same"]))[1]["value"]) == 0


def test_hostile_texts_are_copies_of_themselves_alone(rows, ask_probe, hostile):
    table = ask_probe("duplicates", rows([*hostile, *hostile]))[0].column("state").to_pylist()
    assert table == ["empty"] * 2 + ["first"] * 8 + ["empty"] * 2 + ["exact"] * 8


def test_columns_can_be_named_and_a_wrong_name_shows_those_there_are(rows, ask_probe):
    here = rows(["a", "b"], title=["same words here", "same words here"], stars=[1, 2])
    assert ask_probe("duplicates", here, fields=["title"])[1]["value"].tolist() == [False, True]
    with pytest.raises(DataError, match="no column `titel`") as error:
        ask_probe("duplicates", here, fields=["titel"])
    assert error.value.hint == "did you mean `title`? they have `id`, `text`, `title`, `stars`"
    with pytest.raises(DataError, match="`stars` holds int64, and no texts"):
        ask_probe("duplicates", here, fields=["stars"])


def test_no_more_than_five_examples_are_shown(rows, ask_probe):
    assert len(ask_probe("duplicates", rows(["the same"] * 9))[2].examples) == 5


def test_by_default_a_jaccard_similarity_of_four_fifths_is_near(rows, ask_probe):
    words = [f"w{number}" for number in range(11)]
    # Nine shingles and eight of them; nine and seven.
    assert ask_probe("duplicates", rows([" ".join(words), " ".join(words[:10])]))[1]["near"].tolist() == [False, True]
    assert ask_probe("duplicates", rows([" ".join(words), " ".join(words[:9])]))[1]["near"].tolist() == [False, False]
