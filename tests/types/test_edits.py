"""What edits make of a text, and where spans of it then stand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.types import cuts_span, edit_words, edited, move_spans

LETTERS = st.text(st.sampled_from("ab \U0001f600\u05d0\ud83d"), max_size=12)


@st.composite
def changes(draw):
    """A text, edits of it, and what stands between the edits."""
    unchanged = draw(st.lists(LETTERS, min_size=1, max_size=5))
    old, new = (draw(st.lists(LETTERS, min_size=len(unchanged) - 1, max_size=len(unchanged) - 1)) for _ in range(2))
    text, edits = unchanged[0], []
    for gone, come, stays in zip(old, new, unchanged[1:], strict=True):
        edits.append((len(text), len(text) + len(gone), come))
        text += gone + stays
    return text, edits, unchanged


def span(start, end, **more):
    return {"start": start, "end": end, **more}


def words_after(text, marked, edits):
    """The marked parts of a text, as the edits leave them: `marked` has them between brackets."""
    start, end = marked.index("["), marked.index("]") - 1
    assert marked.replace("[", "").replace("]", "") == text
    after = edited(text, edits)
    return [after[one["start"] : one["end"]] for one in move_spans([span(start, end)], text, edits)]


@given(changes())
def test_what_stands_between_the_edits_stays_and_what_they_cover_is_replaced(made):
    text, edits, unchanged = made
    new = [replacement for _, _, replacement in edits]
    assert edited(text, edits) == "".join(part for pair in zip(unchanged, [*new, ""], strict=True) for part in pair)


@pytest.mark.parametrize(
    "edits", [[(2, 1, "")], [(0, 9, "")], [(-1, 1, "")], [(0, 2, ""), (1, 3, "")], [(3, 3, ""), (0, 1, "")]]
)
def test_edits_out_of_order_or_out_of_the_text_are_refused(edits):
    with pytest.raises(ValueError, match="stands where none can"):
        edited("text", edits)


@given(changes())
def test_a_span_that_no_edit_touches_still_says_the_same(made):
    text, edits, unchanged = made
    after = edited(text, edits)
    borders = [0, *(border for start, end, _ in edits for border in (start, end)), len(text)]
    for number, part in enumerate(unchanged):
        start, end = borders[2 * number : 2 * number + 2]
        if start < end:
            (there,) = move_spans([span(start, end)], text, edits)
            assert after[there["start"] : there["end"]] == part


@given(changes(), st.data())
def test_spans_stay_in_the_text_in_their_order_and_apart(made, data):
    text, edits, _ = made
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    spans = [span(start, end) for start, end in pairwise(cuts)]
    after = move_spans(spans, text, edits)
    assert all(0 <= one["start"] <= one["end"] <= len(edited(text, edits)) for one in after)
    starts = [one["start"] for one in after]
    assert starts == sorted(starts)


@given(changes())
def test_the_span_of_the_whole_text_covers_all_but_what_was_put_around_it(made):
    text, edits, _ = made
    if any(start == end for start, end, _ in edits) or not edited(text, edits):
        return
    assert move_spans([span(0, len(text))], text, edits) == [span(0, len(edited(text, edits)))] * bool(text)


@pytest.mark.parametrize(
    ("marked", "edits", "after"),
    [
        ("in [Bonn] now", [(0, 2, "inn")], ["Bonn"]),  # before it
        ("in [Bonn] now", [(8, 11, "")], ["Bonn"]),  # behind it
        ("in [Bonn] now", [(3, 7, "Binn")], ["Binn"]),  # the very word
        ("in [Bonn] now", [(3, 7, "aBonn")], ["aBonn"]),  # a letter too many at its edge is the word's
        ("in [Bonn] now", [(3, 7, "Bonnz")], ["Bonnz"]),
        ("in [Bonn] now", [(3, 3, "\u200b"), (7, 7, "!")], ["Bonn"]),  # what is inserted beside it is not
        ("in [Bonn] now", [(5, 5, "\u200b")], ["Bo\u200bnn"]),
        ("in [Bonn] now", [(2, 3, "  "), (7, 8, "\n")], ["Bonn"]),
        ("in [Bonn] now", [(3, 7, "")], []),  # nothing is left of it
        ("in [New York] now", [(6, 7, "")], ["NewYork"]),
        ("in [New York] now", [(8, 15, "")], ["New Y"]),  # cut off
        ("a [film]kritik", [(2, 12, "filmkritki")], ["film"]),  # letter for letter
        ("a [film]kritik", [(2, 12, "FILMKRITIK")], ["FILM"]),
        ("a [film]kritik", [(2, 12, "filmkriik")], ["film"]),  # what stayed in its place tells
        ("a [film]kritik", [(2, 12, "flmkritik")], ["flm"]),
        ("a film[kritik]", [(2, 12, "filmmkritik")], ["kritik"]),
        ("a [film]kritik", [(2, 12, "movie review")], ["movie review"]),  # nothing tells
    ],
)
def test_where_a_span_stands_after_edits(marked, edits, after):
    assert words_after(marked.replace("[", "").replace("]", ""), marked, edits) == after


def test_a_span_keeps_whatever_else_it_says():
    assert move_spans([span(1, 2, label="x", score=0.5)], "ab", [(0, 1, "")]) == [span(0, 1, label="x", score=0.5)]


def test_an_empty_span_stays_empty():
    assert move_spans([span(1, 1)], "ab", [(1, 1, "long")]) == [span(5, 5)]


@pytest.mark.parametrize(
    ("marked", "edits", "is_cut"),
    [
        ("in [Bonn] now", [(3, 7, "Binn")], False),
        ("in [Bonn] now", [(3, 7, "")], False),  # it is gone whole, and its row does without
        ("in [Bonn] now", [(2, 8, "")], False),
        ("in [Bonn] now", [(4, 5, "")], False),  # a letter less
        ("in [New York] now", [(6, 7, "")], False),
        ("in [New York] now", [(6, 11, "")], True),  # a word less
        ("in [New York] now", [(8, 15, "")], True),
        ("a [film]kritik", [(2, 12, "flmkritik")], False),  # what stayed tells
        ("a [film]kritik", [(2, 12, "movie review")], True),
        ("to [Bonn] Ann", [(3, 11, "Ann Bonn")], True),  # words changed their order
    ],
)
def test_a_span_is_cut_where_edits_leave_no_whole_counterpart(marked, edits, is_cut):
    start, end = marked.index("["), marked.index("]") - 1
    assert cuts_span([span(start, end)], marked.replace("[", "").replace("]", ""), edits) == is_cut


@pytest.mark.parametrize(
    ("edits", "words", "origins"),
    [
        ([], ["Ann", "met", "Bo"], [0, 1, 2]),
        ([(0, 3, "Anna")], ["Anna", "met", "Bo"], [0, 1, 2]),
        ([(4, 8, "")], ["Ann", "Bo"], [0, 2]),
        ([(3, 3, " uh"), (10, 10, "!")], ["Ann", "uh", "met", "Bo", "!"], [0, None, 1, 2, None]),
        ([(3, 4, "")], ["Ann", "met", "Bo"], [0, 1, 2]),  # words stay apart, whatever is between them
    ],
)
def test_words_are_edited_one_by_one(edits, words, origins):
    assert edit_words(["Ann", "met", "Bo"], edits) == (words, origins)


def test_words_that_an_edit_joins_or_swaps_are_no_words_any_more():
    assert edit_words(["do", "not"], [(0, 6, "never")]) is None
