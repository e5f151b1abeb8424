"""Joins of ids: each is found where it stands among others, as a table of all texts would say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.types import id_join
from mqa_registry.types.id_join import match_ids

IDS = st.one_of(
    st.sampled_from(["", "a", "b", "row-1", "row-2", "ä" * 9]), st.text(max_size=20).filter(str.isprintable)
)


def column(ids, size=3):
    chunks = [pa.array(ids[start : start + size], pa.string()) for start in range(0, len(ids), size)]
    return pa.chunked_array(chunks, pa.string())


@pytest.mark.parametrize("few", [0, 1 << 12])
@given(st.lists(IDS), st.sets(IDS), st.integers(1, 5))
def test_an_id_is_found_where_it_stands(few, ids, others, size):
    among = sorted(others)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(id_join, "FEW_IDS", few)
        found = match_ids(column(ids, size), column(among, size + 1))
    assert found.tolist() == [among.index(one) if one in others else -1 for one in ids]


def test_ids_with_one_hash_are_told_apart_by_their_letters(monkeypatch):
    monkeypatch.setattr(id_join, "FEW_IDS", 0)
    monkeypatch.setattr(id_join, "hash_texts", lambda block: np.zeros(len(block), dtype=np.uint64))
    assert match_ids(column(list("abc")), column(list("cab"))).tolist() == [1, 2, 0]
    assert match_ids(column(list("abc")), column(["z"])).tolist() == [-1, -1, -1]


def test_ids_of_many_rows_in_another_order_are_all_found():
    names = [f"row-{number}" for number in range(150_000)]
    order = np.random.default_rng(7).permutation(len(names))
    found = match_ids(column(names, 40_000), column([names[row] for row in order], 70_000))
    assert (found[order] == np.arange(len(names))).all()
