"""The text of a suite: whatever stands in its values and comments, it reads back as what was meant."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from mqa_registry.cli.drafting.document import Section, format_document

ANY = st.text(st.characters(exclude_categories=["Cs"]))


@given(ANY, ANY, st.dictionaries(ANY, ANY, max_size=3))
def test_no_value_and_no_comment_becomes_toml(above, beside, columns):
    section = Section("[data.rows]", {"use": "a/b", "columns": columns}, (above, f"  {above}"), {"columns": beside})
    text = format_document([Section("", {"format": 1}, (above,)), section])
    assert tomllib.loads(text) == {"format": 1, "data": {"rows": {"use": "a/b", "columns": columns}}}


def test_comments_stand_above_tables_and_beside_keys():
    section = Section("[[check]]", {"measure": "a/b", "expect": {"min": 0.5}}, ("Is it good?",), {"expect": "set it"})
    assert format_document([section]) == (
        '# Is it good?\n[[check]]\nmeasure = "a/b"\nexpect = { min = 0.5 }                  # set it\n'
    )
