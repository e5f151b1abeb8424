"""The search: which words it tries, what it keeps, and when it stops."""

from __future__ import annotations

import numpy as np
import pytest

from mqa_robustness.attack.changes import Change, Word
from mqa_robustness.attack.oracle import Answer
from mqa_robustness.attack.search import Limits, search


def change(first, new="new", last=None, size=1):
    words = tuple(range(first, (last or first) + 1))
    return Change("text", 10 * first, 10 * words[-1] + 5, new, "insert", words, size)


def word(place, *changes):
    return Word(change(place, ""), changes or (change(place),))


def searched(driven, words, answer, queries=100, share=1.0):
    """How a search ends, with what it asked; `answer` gives the probability of the answer as it was."""
    asked = []

    def told(changes):
        asked.append([(one.words[0], one.new) for one in changes])
        sure = answer(dict(asked[-1]))
        return Answer("sweet" if sure > 0.5 else "sour", {"sweet": sure, "sour": 1 - sure})

    return driven(search(words, "sweet", Limits(queries, share), np.random.default_rng(7)), told), asked


def test_words_are_left_out_one_by_one_then_changed_in_the_order_of_what_that_did(driven):
    matter = {0: 0.1, 1: 0.3, 2: 0.2}
    words = [word(place) for place in matter]
    found, asked = searched(driven, words, lambda made: 0.99 - 0.4 * sum(matter[place] for place in made))
    assert asked[:4] == [[], [(0, "")], [(1, "")], [(2, "")]]
    assert asked[4:] == [[(1, "new")], [(1, "new"), (2, "new")], [(1, "new"), (2, "new"), (0, "new")]]
    assert (found.after, found.queries, found.words, found.able) == (None, 7, 3, 3)


def test_a_change_that_does_not_lower_the_probability_takes_no_room(driven):
    def answer(made):
        return 0.2 if made.get(1) == "new" else 0.6 if made.get(0) == "" else 0.9

    found, asked = searched(driven, [word(0), word(1)], answer, share=0.5)
    assert asked[3:] == [[(0, "new")], [(1, "new")]]
    assert [one.words for one in found.changes] == [(1,)]


def test_the_smallest_change_of_a_word_that_flips_is_taken(driven):
    offered = [change(0, new, size=size) for size, new in enumerate(("a", "b", "c"), 1)]
    found, _ = searched(driven, [word(0, *offered)], lambda made: 0.2 if made.get(0) in ("b", "c") else 0.9)
    assert (found.changes, found.queries, found.shrinking) == ((offered[1],), 5, 1)


def test_no_two_changes_meet(driven):
    phrase = change(0, "phrase", last=1)
    _, asked = searched(driven, [word(0, phrase), word(1), word(2)], lambda made: 0.9 - 0.1 * len(made))
    assert [(0, "phrase"), (2, "new")] in asked
    assert not any({(0, "phrase"), (1, "new")} <= set(one) for one in asked)


def test_a_phrase_counts_as_all_the_words_that_it_touches(driven):
    phrase = change(0, "phrase", last=1)
    _, asked = searched(driven, [word(0, phrase), word(1), word(2)], lambda made: 0.9, share=0.4)
    assert [(0, "phrase")] not in asked


@pytest.mark.parametrize("queries", [2, 3, 4, 5, 7, 100])
def test_half_of_the_budget_is_kept_for_changes_and_none_is_passed(driven, queries):
    words = [word(place, *(change(place, new) for new in "abc")) for place in range(4)]
    found, asked = searched(driven, words, lambda made: 0.9 - 0.01 * len(made), queries=queries)
    assert found.queries == len(asked) <= queries
    assert sum(one[0][1] == "" for one in asked if one) <= (queries - 1) // 2


def test_words_that_nothing_is_on_offer_for_are_not_asked_about(driven):
    found, asked = searched(driven, [Word(change(0, ""), ()), word(1)], lambda made: 0.9)
    assert [(0, "")] not in asked
    assert (found.words, found.able) == (2, 1)
