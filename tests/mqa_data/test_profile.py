"""In which scripts rows are written, and how long they are."""

from __future__ import annotations

import pytest


def test_rows_are_counted_by_script_direction_and_length(rows, asked):
    given = ["a plain text", "ещё один", "שלום עולם", "你好世界", "123 !", "", None, "broken \ufffd text", "\x07bell"]
    seen, numbers, told = asked("profile", rows(given))
    scripts = ["latin", "cyrillic", "hebrew", "han", "no letters", None, None, "latin", "latin"]
    assert seen.column("script").to_pylist() == scripts
    assert numbers["value"].mean() == pytest.approx(3 / 6)
    assert numbers["right_to_left"].mean() == pytest.approx(1 / 6)
    assert numbers["empty"].mean() == pytest.approx(2 / 9)
    assert numbers["broken"].sum() == 2
    assert (numbers["longest"], numbers["scripts"]) == (4.0, 4.0)
    assert "rows by script: latin 3" in told["remarks"][0]
    assert {"r7", "r8", "r1", "r2"} <= {each["id"] for each in told["examples"]}
    assert told["scripts"]["no text"] == 2


def test_rows_without_text_have_no_length(rows, asked, number):
    assert number(asked("profile", rows(["", "one two", "one two three four"]))[1]["words"]) == 3


@pytest.mark.parametrize("given", [["a"], [""], ["same"] * 40])
def test_one_row_empty_rows_and_equal_rows(rows, asked, given):
    _, numbers, told = asked("profile", rows(given))
    assert numbers["empty"].shape == (len(given),)
    assert told["remarks"]


def test_hostile_texts_are_profiled(rows, asked, hostile):
    assert asked("profile", rows(hostile))[1]["longest"] >= 1


def test_a_lone_surrogate_is_a_sign_of_a_wrong_encoding():
    from mqa_data.profile import _seen

    assert _seen("a\ud800b")["broken"]
    assert not _seen("tab\tand\nline")["broken"]
