from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from mqa_registry.reports.console.text import TextBuilder, make_visible, shorten_text

ANYTHING = st.text(alphabet=st.characters(codec=None, exclude_categories=[]), max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b31m", r"\x9b31m"),
        ("one\ntwo\tthree\r", r"one\ntwo\tthree\r"),
        ("bell\x07 and delete\x7f", r"bell\x07 and delete\x7f"),
        ("\u202egnirts\u2066", r"\u202egnirts\u2066"),
        ("zero\u200bwidth\u2060\ufeff", r"zero\u200bwidth\u2060\ufeff"),
        ("soft\u00adhyphen, hard\u00a0space", r"soft\xadhyphen, hard\xa0space"),
        ("\u2028 line \u2029 paragraph", r"\u2028 line \u2029 paragraph"),
        ("half an emoji \ud83d", r"half an emoji \ud83d"),
        ("tag \U000e0041", r"tag \U000e0041"),
        ("smuggled \U000e0101", r"smuggled \U000e0101"),
        ("filler \u3164\u2800", r"filler \u3164\u2800"),
        ("family \U0001f469\u200d\U0001f467", "family \U0001f469\\u200d\U0001f467"),
        ("heart ❤\ufe0f", "heart ❤"),
        ("Việt, עִבְרִית, हिन्दी, 日本", "Việt, עִבְרִית, हिन्दी, 日本"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text, shown):
    assert make_visible(text) == shown


def test_accents_stay_on_their_letter_and_are_spelled_out_where_they_climb():
    assert make_visible("e\u0301") == "e\u0301"
    assert make_visible("\u0301e") == r"\u0301e"
    assert make_visible("z" + "\u0301" * 5) == "z" + "\u0301" * 3 + r"\u0301\u0301"


def test_a_stream_of_ascii_gets_ascii():
    assert make_visible("naïve 日\n", ascii_only=True) == r"na\xefve \u65e5\n"
    assert shorten_text("naïve naïve", 9, ascii_only=True) == r"na\xef..."


def test_other_values_are_shown_as_their_text():
    assert make_visible(12) == "12"
    assert make_visible(None) == "None"


@given(ANYTHING)
def test_nothing_invisible_is_left(text):
    shown = make_visible(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not set(shown) & set("\u115f\u1160\u3164\uffa0\u2800\u034f")
    assert all(cell_len(character) == 0 or character.isprintable() for character in shown)


@given(ANYTHING, st.integers(min_value=1, max_value=40), st.booleans())
def test_a_shortened_text_fits_and_says_that_it_was_cut(text, cells, ascii_only):
    shown = shorten_text(text, cells, ascii_only=ascii_only)
    whole = make_visible(text, ascii_only=ascii_only)
    assert cell_len(shown) <= cells
    assert shown == whole or shown.endswith(("..." if ascii_only else "…")[:cells])
    assert shown == whole if cell_len(whole) <= cells and len(text) <= cells else True


@pytest.mark.parametrize("lead", ["    a name that is long: ", " " * 15])
def test_a_text_has_room_after_any_lead(lead):
    builder = TextBuilder(Console(width=20))
    lines = builder.wrap_after(Text(lead), Text("and the words that are said of it"))
    assert (
        " ".join("".join(f"{line.plain}\n" for line in lines).split())
        == f"{lead}and the words that are said of it".strip()
    )
    assert len(lines) <= 5
    assert max(line.cell_len for line in lines) <= 20


def test_a_long_text_is_not_read_to_its_end():
    class Long(str):
        __slots__ = ()

        def isprintable(self):
            raise AssertionError("read whole")

    assert shorten_text(Long("x" * 10_000_000), 5) == "xxxx…"


def test_wide_characters_are_counted_as_they_are_drawn():
    assert shorten_text("日本語日本語", 7) == "日本語…"
