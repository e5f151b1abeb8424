"""Names that nothing has: what was meant, by how they are spelled."""

from __future__ import annotations

import pytest

from mqa_registry.naming import close_names, did_you_mean


@pytest.mark.parametrize(
    ("word", "names", "hint"),
    [
        ("acuracy", ["f1", "accuracy"], "did you mean `accuracy`?"),
        ("reveiw", ["review", "reviews", "stars"], "did you mean `review` or `reviews`?"),
        ("reveiw", ["reviews", "review", "reviewer", "revue"], "did you mean `review` or `reviews`?"),
        ("xyz", ["review", "stars"], ""),
        ("", ["review"], ""),
        ("review", [], ""),
    ],
)
def test_the_hint_has_at_most_two_names_the_closest_first(word, names, hint):
    assert did_you_mean(word, names) == hint
    assert did_you_mean(word, iter(names)) == hint
    assert did_you_mean(word, dict.fromkeys(names)) == hint


def test_names_are_close_where_at_least_six_in_ten_characters_fit():
    assert close_names("abcde", ["abcxy", "abxyz"]) == ["abcxy"]
    assert close_names("abc", ["abcd", "abce", "abcf"], limit=1) == ["abcf"]


def test_a_hint_may_have_a_noun_before_the_names():
    assert did_you_mean("modle", ["model"], noun="the folder") == "did you mean the folder `model`?"
    assert did_you_mean("xyz", ["model"], noun="the folder") == ""
