"""Suites that commands make in memory are read as if a file had them, and no text is made of them on the way."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqa_registry.errors import SuiteError
from mqa_registry.suite import bases, read, suite_of, to_toml

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda key: key not in {"extends", "skip"}
)
SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_the_same_tables_are_the_same_suite_from_a_file_and_from_memory(tmp_path, tables):
    file = tmp_path / "suite.toml"
    file.write_text(to_toml(tables), encoding="utf-8")
    made = suite_of(tables, file)
    assert made.root.plain() == read(file).root.plain() == tables
    assert made.root.base == tmp_path
    assert bases(made.root) == {}


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_what_no_suite_file_can_hold_is_refused(tmp_path, number):
    with pytest.raises(SuiteError) as refused:
        suite_of({"check": [{"expect": {"max": number}}]}, tmp_path / "suite.toml")
    assert refused.value.problems[0].message == "a whole number in TOML has at most 64 bits"
    suite_of({"check": [{"expect": {"max": 2**63 - 1}}]}, tmp_path / "suite.toml")
