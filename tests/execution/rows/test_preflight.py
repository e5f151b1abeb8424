"""What shows before anything is predicted: a comparison of two data sets needs the same ids in both."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.execution.rows import preflight
from mqa_registry.types import Rows

NAMES = st.lists(st.sampled_from([f"row {number}" for number in range(8)]), unique=True, min_size=1)


def view(data):
    return SimpleNamespace(rows=SimpleNamespace(data=data))


@given(NAMES, NAMES)
def test_two_data_sets_are_compared_where_their_ids_are_the_same_in_any_order(new, old):
    rows = {name: Rows(pa.table({"id": ids}), ()) for name, ids in (("new", new), ("old", old))}
    check = SimpleNamespace(name="drift", measure=SimpleNamespace(at=None))
    case = SimpleNamespace(check=check, steps=[SimpleNamespace(view=view("new"), reference=view("old"))])
    problems = list(preflight._different_rows(case, rows))
    shared = len(set(new) & set(old))
    words = f"check `drift` compares different rows: the reference has {shared} of {len(new)}"
    assert [one.message for one in problems] == ([] if set(new) == set(old) else [words])
