"""The rows that views lack a prediction for: counted at first, and while examples are predicted."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mqa_registry.execution.inference.missing_rows import MissingRows
from mqa_registry.plan import RowSet, View
from mqa_registry.store import join_keys

FIRST, SECOND, EMPTY = (View("one", RowSet(name)) for name in ("first", "second", "empty"))


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")[::-1]  # ends in zero bytes, which numpy drops


def keys(*numbers: int):
    return join_keys([key(number) for number in numbers])


def test_an_example_counts_in_every_view_and_as_often_as_it_is_a_row():
    rows = MissingRows({FIRST: keys(1, 2, 2), SECOND: keys(2, 3)}, np.unique(keys(2, 3)))
    assert len(rows) == 2
    assert list(rows.list_views()) == [(FIRST, 1, 3), (SECOND, 0, 2)]
    predicted, views = rows.remove([key(2), key(2), key(9), key(1)])
    assert (predicted, list(views)) == (3, [(FIRST, 3, 3), (SECOND, 1, 2)])
    predicted, views = rows.remove([key(3), key(2)])
    assert (predicted, list(views)) == (1, [(SECOND, 2, 2)])


def test_where_nothing_is_missing_every_row_is_done():
    rows = MissingRows({FIRST: keys(1, 2)}, keys())
    assert list(rows.list_views()) == [(FIRST, 2, 2)]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9)), st.lists(st.integers(1, 9)), st.sets(st.integers(1, 9)), st.data())
def test_counts_are_those_of_plain_counting(first, second, found, data):
    given_rows = {FIRST: first, SECOND: second}
    missing = {*first, *second} - found
    rows = MissingRows({view: keys(*numbers) for view, numbers in given_rows.items()}, np.unique(keys(*missing)))
    left = Counter(missing)
    while left:
        batch = data.draw(st.sets(st.sampled_from(sorted(left)), min_size=1))
        told = {view: done for view, done, _ in rows.remove([key(number) for number in batch])[1]}
        left -= Counter(batch)
        expected = {view: sum(number not in left for number in numbers) for view, numbers in given_rows.items()}
        assert told == {view: expected[view] for view, numbers in given_rows.items() if batch & {*numbers}}
