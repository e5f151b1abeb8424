"""Ids of rows: which stand more than once, and which are made of the rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import fingerprint
from mqa_registry.types import ids as ids_module
from mqa_registry.types.ids import derive_ids, find_repeated, hash_texts
from mqa_registry.types.tables import spool

TEXTS = st.lists(st.one_of(st.sampled_from(["", "a", "b" * 8, "b" * 9, "é" * 30]), st.text(max_size=40)), max_size=60)


def chunked(values, size):
    chunks = [pa.array(values[at : at + size], pa.string()) for at in range(0, len(values), size)]
    return pa.chunked_array(chunks, pa.string())


def count_repeated(values):
    repeated = [value for value, count in Counter(values).items() if count > 1]
    return (len(repeated), repeated[0]) if repeated else None


@given(values=TEXTS, size=st.integers(1, 20))
def test_repeated_ids_are_those_that_a_counter_finds(values, size):
    assert find_repeated(chunked(values, size)) == count_repeated(values)


@given(values=TEXTS)
def test_ids_are_compared_where_their_hashes_are_equal(values):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids_module, "hash_texts", lambda texts: np.zeros(len(texts), np.uint64))
        assert find_repeated(chunked(values, 7)) == count_repeated(values)


@given(values=st.sets(st.text(max_size=40), max_size=200), before=st.integers(0, 3))
def test_different_texts_have_different_hashes_wherever_they_stand_in_a_table(values, before):
    column = pa.array(["x" * before] * before + sorted(values), pa.string()).slice(before)
    hashes = hash_texts(column)
    assert len(set(hashes.tolist())) == len(values)
    assert hashes.tolist() == [hash_texts(pa.array([text.as_py()]))[0] for text in column]


def test_texts_that_differ_in_zero_bytes_alone_have_different_hashes():
    assert len(set(hash_texts(pa.array(["", "\0", "\0" * 8, "\0" * 9])).tolist())) == 4


@given(texts=st.lists(st.sampled_from("abcdefgh"), max_size=60))
def test_derived_ids_are_hashes_of_the_fields_with_a_number_on_copies(texts):
    expected, seen = [], Counter()
    for text in texts:
        name = fingerprint({"text": text}).hex()[:20]
        seen[name] += 1
        expected.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    table = pa.table({"text": pa.array(texts, pa.string()), "more": pa.array(range(len(texts)))})
    assert derive_ids(table, ["text"]).to_pylist() == expected


def test_derived_ids_stay_what_they_are():
    table = pa.table({"text": ["a film", "a film", "two"], "stars": [1, 2, 3]})
    assert derive_ids(table, ["text"]).to_pylist() == [
        "06a5d47bc9c0ee06be62",
        "06a5d47bc9c0ee06be62#2",
        "30fa2eada14aa92e8b3d",
    ]


def test_copies_are_told_apart_by_the_last_bytes_of_their_hash_too(monkeypatch):
    digests = {"a": b"\1" * 8 + b"\0\0", "b": b"\1" * 8 + b"\0\1"}
    monkeypatch.setattr(ids_module, "fingerprint", lambda example: digests[example["text"]] + bytes(6))
    ids = derive_ids(pa.table({"text": ["a", "b", "a", "b", "a"]}), ["text"]).to_pylist()
    names = {text: digest.hex() for text, digest in digests.items()}
    assert ids == [names["a"], names["b"], f"{names['a']}#2", f"{names['b']}#2", f"{names['a']}#3"]


def test_many_ids_are_in_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(ids_module, "BLOCK_ROWS", 3)
    monkeypatch.setattr(spool.TableSpool.__init__, "__kwdefaults__", {"limit": 10})
    folders = []

    def folder():
        folders.append(tmp_path)
        return tmp_path

    table = pa.table({"text": ["a", "b", "a", "c", "a", "b"]})
    assert derive_ids(table, ["text"], folder).to_pylist() == derive_ids(table, ["text"]).to_pylist()
    assert folders == [tmp_path]
