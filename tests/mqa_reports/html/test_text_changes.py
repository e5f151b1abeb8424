from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mqa_reports.html.text_changes import mark_changes

TEXTS = st.text(alphabet="ab é\u200b\ud83d", max_size=30) | st.text(max_size=20)


def joined(segments):
    return "".join(segment.text for segment in segments)


def unchanged(segments):
    return "".join(segment.text for segment in segments if not segment.is_changed)


@given(TEXTS, TEXTS)
def test_both_texts_are_whole_and_what_is_not_marked_is_the_same(before, after):
    removed, added = mark_changes(before, after)
    assert (joined(removed), joined(added)) == (before, after)
    assert unchanged(removed) == unchanged(added)
    assert all(segment.text for segment in (*removed, *added))


def test_the_fewest_characters_are_marked():
    removed, added = mark_changes("a great buy", "a gerat buy")
    assert [segment.text for segment in removed if segment.is_changed] == ["e"]
    assert [segment.text for segment in added if segment.is_changed] == ["e"]


@given(TEXTS)
def test_a_text_that_stayed_has_no_mark(text):
    assert not [segment for side in mark_changes(text, text) for segment in side if segment.is_changed]
