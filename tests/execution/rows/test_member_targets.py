"""Targets of the members of a group: those that are relevant, by their names."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import DataError
from mqa_registry.execution.rows import member_targets
from mqa_registry.execution.rows.member_targets import name_relevant_members

NUMBERS = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, 2.5, -1.0, None]), min_size=1, max_size=4), min_size=1, max_size=5
)


def name(targets, members=None, *, kind=None, may_be_names=False):
    columns = {"target": pa.array(targets, kind)} | ({} if members is None else {"member": members})
    table = name_relevant_members(pa.table(columns), "group {}".format, None, may_be_names=may_be_names)
    return table.column("target").to_pylist()


def relevant(**relevances):
    return [{"id": name, "relevance": relevance} for name, relevance in relevances.items()]


@given(NUMBERS, st.booleans())
def test_a_member_with_a_number_above_0_is_relevant_and_a_group_without_any_number_is_not_judged(targets, is_named):
    members = [[f"m{number}" for number in range(len(row))] for row in targets] if is_named else None
    names = members or [[str(number + 1) for number in range(len(row))] for row in targets]
    expected = [
        None
        if all(one is None for one in row)
        else [{"id": key, "relevance": one} for key, one in zip(keys, row, strict=True) if one is not None and one > 0]
        for row, keys in zip(targets, names, strict=True)
    ]
    assert name(targets, members, kind=pa.list_(pa.float64())) == expected


def test_truth_values_whole_numbers_and_numbers_as_text_are_numbers():
    for targets in ([[True, False]], [[1, 0]], [["1.0", "0"]]):
        assert name(targets, [["a", "b"]]) == [relevant(a=1.0)]


def test_groups_as_they_stand_may_name_what_is_relevant():
    assert name([["b"]], [["a", "b"]], may_be_names=True) == [["b"]]
    assert name([[0, 3]], [["a", "b"]], may_be_names=True) == [relevant(b=3.0)]


def test_pieces_change_nothing(monkeypatch):
    targets, members = [[1, 0], [0, 2], [0, 0], None], [["a", "b"], ["c", "d"], ["e", "f"], ["g"]]
    whole = name(targets, members)
    assert whole == [relevant(a=1.0), relevant(d=2.0), [], None]
    monkeypatch.setattr(member_targets, "iter_table", lambda table: (table.slice(row, 1) for row in range(len(table))))
    assert name(targets, members) == whole


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ([["1", "0"], ["yes", "0"]], "group 1 has a member with the target `yes`"),
        ([[1.0, 0.0], [0.0, float("inf")]], "group 1 has a member with an infinite target"),
        ([[1, 0], [1]], "group 1 has 2 members and 1 targets"),
    ],
)
def test_what_is_no_number_for_each_member_is_refused_with_its_group(targets, said):
    with pytest.raises(DataError) as refused:
        name(targets, [["a", "b"], ["c", "d"]])
    assert refused.value.message == said
    assert refused.value.hint
