"""Shrinking: what is left of an edit is all needed, and as small as it can be."""

from __future__ import annotations

from mqa_robustness.attack.changes import Change, Word
from mqa_robustness.attack.oracle import Answer
from mqa_robustness.attack.shrinking import shrink


def driven(search, answer):
    """How a search ends that is asked by hand."""
    try:
        asked = next(search)
        while True:
            asked = search.send([answer(changes) for changes in asked])
    except StopIteration as ended:
        return ended.value


def change(place, new, size):
    return Change("text", 10 * place, 10 * place + 5, new, "insert", (place,), size)


def test_what_is_not_needed_is_undone_and_what_is_needed_made_smaller():
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


def test_what_fewer_words_come_to_is_tried_again_after_each_step():
    # Either of the first two words will do, but not the smaller form of one beside the other.
    one, other = change(0, "large", 4), change(1, "large", 4)
    words = [Word(one, (change(0, "small", 1), one)), Word(other, (other,))]

    def answer(changes):
        return Answer("sweet" if changes == (change(0, "small", 1), other) else "sour", {})

    changes, _ = driven(shrink((one, other), Answer("sour", {}), "sweet", words, list), answer)
    assert changes == (other,) or changes == (change(0, "small", 1),)
