"""Shrinking: what is left of an edit is all needed, and as small as it can be."""

from __future__ import annotations

from mqa_robustness.attack.changes import Change, Word
from mqa_robustness.attack.oracle import Answer
from mqa_robustness.attack.shrinking import shrink


def change(place, new, size):
    return Change("text", 10 * place, 10 * place + 5, new, "insert", (place,), size)


def test_what_is_not_needed_is_undone_and_what_is_needed_made_smaller(driven):
    large = [change(place, "large", 4) for place in range(4)]
    small = [change(place, "small", 1) for place in range(4)]
    words = [Word(one, (two, one)) for one, two in zip(large, small, strict=True)]

    def answer(changes):
        needed = {(2, "large"), (2, "small")} & {(one.words[0], one.new) for one in changes}
        return Answer("sour" if needed and any(one.words[0] == 3 for one in changes) else "sweet", {})

    asked = []
    changes, after = driven(shrink(tuple(large), Answer("sour", {}), "sweet", words, asked.extend), answer)
    assert {(one.words[0], one.new) for one in changes} == {(2, "small"), (3, "small")}
    assert after.label == "sour"
    assert len(asked) == 4 + 3 + 2 + 2 + 2 + 1 + 2


def test_of_several_that_could_be_undone_it_is_the_one_that_leaves_least(driven):
    pair = (change(0, "large", 4), change(1, "small", 1))
    for changes in (pair, pair[::-1]):
        words = [Word(one, (one,)) for one in pair]
        found, _ = driven(shrink(changes, Answer("sour", {}), "sweet", words, list), lambda changes: Answer("sour", {}))
        assert found == pair[1:]
