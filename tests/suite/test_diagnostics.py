"""Problems as a terminal shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.errors import Location, Problem
from mqa_registry.suite import render


def test_a_problem_shows_its_line_and_points_at_the_position():
    where = Location("suites/nlp.toml", 14, 3, 6, '  mesure = "metrics/accuracy"')
    assert render(Problem("the check has no key `mesure`", "did you mean `measure`?", where)) == (
        "suites/nlp.toml:14:3: the check has no key `mesure`\n"
        '      mesure = "metrics/accuracy"\n'
        "      ^^^^^^\n"
        "hint: did you mean `measure`?"
    )


def test_a_problem_without_a_location_or_a_hint_is_one_line():
    assert render(Problem("there is no file `x`")) == "there is no file `x`"


def test_a_location_without_a_line_shows_none():
    assert render(Problem("no", "", Location("s.toml", 1, 1, 1, ""))) == "s.toml:1:1: no"


def test_a_location_on_the_command_line_has_no_line_number():
    assert render(Problem("no", "", Location("--set", 1, 6, 3, "seed=abc"))) == "--set: no\n    seed=abc\n         ^^^"


def test_carets_stand_under_wide_and_combining_characters():
    where = Location("s.toml", 1, 11, 3, 'n = "模e\u0301" xyz')
    _, source, carets = render(Problem("no", "", where)).split("\n")
    assert source == '    n = "模e\u0301" xyz'
    assert carets == "    " + " " * 10 + "^^^"


@pytest.mark.parametrize(("character", "columns"), [("a", 1), ("é", 1), ("\uff21", 2), ("漢", 2), ("e\u0301", 1)])
def test_carets_take_the_columns_of_what_is_above_them(character, columns):
    where = Location("s.toml", 1, 1, len(character), f"{character} = 1")
    assert render(Problem("no", "", where)).split("\n")[2].strip() == "^" * columns


def test_tabs_are_shown_as_spaces():
    _, source, carets = render(Problem("no", "", Location("s.toml", 1, 2, 1, "\ta = 1"))).split("\n")
    assert (source, carets) == ("        a = 1", "        ^")


def test_what_moves_the_cursor_or_turns_the_text_is_shown_as_its_escape():
    where = Location("s\x1b.toml", 1, 5, 3, 'a = "\x1b[31m\u202e\u2066\x07"')
    said = render(Problem("no \x1b[2J\n", "\u200b", where))
    assert said == (
        's\\x1b.toml:1:5: no \\x1b[2J\\n\n    a = "\\x1b[31m\\u202e\\u2066\\x07"\n        ^^^^^^\nhint: \\u200b'
    )


def test_a_long_line_is_cut_around_the_location():
    source = "x" * 500 + "HERE" + "y" * 500
    _, source_line, carets = render(Problem("no", "", Location("s.toml", 1, 501, 4, source))).split("\n")
    assert source_line == f"    ...{'x' * 40}HERE{'y' * 56}..."
    assert carets.index("^") == source_line.index("HERE")
    assert carets.strip() == "^^^^"


def test_a_location_longer_than_a_line_is_cut():
    _, source_line, carets = render(Problem("no", "", Location("s.toml", 1, 5, 900, "a = " + "z" * 900))).split("\n")
    assert source_line == f"    a = {'z' * 96}..."
    assert carets == "        " + "^" * 96


@given(st.text(), st.text(), st.text(), st.integers(1, 30), st.integers(1, 30))
def test_nothing_in_a_file_reaches_the_terminal_as_more_than_text(message, hint, source, column, width):
    where = Location("s.toml", 1, min(column, len(source) + 1), width, source)
    said = render(Problem(message, hint, where))
    assert all(line.isprintable() or not line for line in said.split("\n"))
    assert len(said.split("\n")) <= 4
    said.encode()
