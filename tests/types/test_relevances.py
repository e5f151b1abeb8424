"""Targets of vectors: a vector, or the ids that a search has to find."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.errors import DataError
from mqa_registry.types import Rows, read_targets

IDS = st.lists(st.text("ab7", min_size=1, max_size=3), unique=True, max_size=4)


def read(*targets, kind=None):
    table = pa.table({"id": [str(number) for number in range(len(targets))], "target": pa.array(targets, kind)})
    return read_targets(Rows(table, ()), "vector", (), data="d").main.to_pylist()


def relevant(**relevances):
    return [{"id": name, "relevance": relevance} for name, relevance in relevances.items()]


def test_floats_are_a_vector_and_all_else_names_rows():
    assert read([0.5, 1.0], None) == [[0.5, 1.0], None]
    assert read(["d1", "d2"], [], None) == [relevant(d1=1.0, d2=1.0), [], None]
    assert read([7], [12, 3]) == [
        [{"id": "7", "relevance": 1.0}],
        [{"id": name, "relevance": 1.0} for name in ("12", "3")],
    ]
    assert read("d1", "", None) == [relevant(d1=1.0), None, None]


@given(st.lists(st.none() | IDS, min_size=1))
def test_a_list_of_ids_is_the_same_as_one_with_a_relevance_of_1(rows):
    graded = [row if row is None else [{"id": name, "relevance": 1.0, "more": "x"} for name in row] for row in rows]
    kind = pa.list_(pa.struct([("relevance", pa.int64()), ("more", pa.string()), ("id", pa.string())]))
    assert read(*rows, kind=pa.list_(pa.string())) == read(*graded, kind=kind)


def test_an_id_keeps_its_zeros():
    assert read(["007"]) == [[{"id": "007", "relevance": 1.0}]]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (["a", "a"], "row 2 of the data set `d` has the relevant id `a` twice"),
        (["a", None], "row 2 of the data set `d` has a relevant row without an id"),
        (["a", " "], "row 2 of the data set `d` has a relevant row without an id"),
        ([{"id": "a", "relevance": None}], "row 2 of the data set `d` has the relevance None of `a`"),
        ([{"id": "a", "relevance": float("inf")}], "row 2 of the data set `d` has the relevance inf of `a`"),
    ],
)
def test_a_wrong_target_is_refused_with_its_row(target, said):
    first = relevant(b=1.0) if isinstance(target[0], dict) else ["b"]
    with pytest.raises(DataError) as refused:
        read(first, target)
    assert refused.value.message == said
    assert refused.value.hint


@pytest.mark.parametrize("target", [1.5, True, [{"name": "a"}], {"a": 1}])
def test_what_names_no_rows_is_refused_with_its_type(target):
    with pytest.raises(DataError, match="column `target` of the data set `d` holds"):
        read(target)
