from __future__ import annotations

import math
import tomllib
from datetime import UTC, date, datetime, time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.suite import Text, bases, read, read_tree, to_toml, validate, with_bases

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.dates(date(1000, 1, 1)),
    st.datetimes(datetime(1000, 1, 1), timezones=st.sampled_from([None, UTC])),  # noqa: DTZ001  # TOML has both
    st.times(),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_what_is_written_reads_back_as_the_same(tables):
    assert tomllib.loads(to_toml(tables)) == tables


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4))
def test_tables_keep_their_order(tables):
    found = tomllib.loads(to_toml(tables))
    for name, table in tables.items():
        inner = [key for key, value in table.items() if isinstance(value, dict)]
        assert [key for key, value in found[name].items() if isinstance(value, dict)] == inner


def test_what_is_no_number_is_written_too():
    found = tomllib.loads(to_toml({"a": [math.inf, -math.inf, math.nan], "b": time(1, 2)}))
    assert found["a"][:2] == [math.inf, -math.inf]
    assert math.isnan(found["a"][2])


def test_a_suite_made_of_several_is_the_same_suite_again(folder, head, catalog):
    Path("base").mkdir()
    Path("base/base.toml").write_text(f'{head}\n[[check]]\nmeasure = "metrics/accuracy"\nexpect = {{ min = 0.8 }}\n')
    Path("suite.toml").write_text('extends = "base/base.toml"\n[data.more]\nuse = "datasets/file"\npath = "here"\n')
    raw = read("suite.toml")
    text = Text("kept.toml", to_toml(raw.root.plain()))
    again = with_bases(read_tree(text, raw.root.base), raw.root.base, bases(raw.root))
    assert bases(again) == bases(raw.root)
    from dataclasses import replace

    first, second = validate(raw, catalog), validate(replace(raw, root=again), catalog)
    assert second == first
    assert second.data["reviews"].source.options == first.data["reviews"].source.options
    assert str(second.data["reviews"].source.options["path"]) == "base/reviews.parquet"
    assert second.data["more"].source.options["path"] == Path("here")
