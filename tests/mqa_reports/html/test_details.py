"""Details by their shape: what is a table, what is drawn, and that nothing which JSON holds is lost or an error."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mqa_reports.html.details import MAX_ROWS, arrange_details

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def only_table(details):
    arranged = arrange_details(details)
    assert arranged.values == []
    (table,) = arranged.tables
    return table


def test_plain_values_have_their_paths():
    arranged = arrange_details(
        {"looked_at": {"rows": 60, "of_rows": 1200}, "kind": "weights", "none": [], "list": ["a", 1]}
    )
    assert arranged.values == [
        ("looked at: rows", "60"),
        ("looked at: of rows", "1,200"),
        ("kind", "weights"),
        ("list", "a, 1"),
    ]
    assert arranged.tables == []


def test_a_list_of_tables_is_a_table():
    table = only_table({"modules": [{"module": "a", "ms": 1.5}, {"module": "b", "class": "Linear"}]})
    assert table.title == "modules"
    assert table.columns == ["module", "ms", "class"]
    assert table.rows == [["a", "1.500", "none"], ["b", "none", "Linear"]]
    assert table.plot is None


def test_a_table_of_tables_has_the_names_first():
    table = only_table({"outputs": {"logits": {"error": 0.5}, "hidden": {"error": 0.25}}})
    assert table.columns == ["name", "error"]
    assert table.plot.kind == "bars"
    assert table.plot.data["rows"] == [{"at": "logits", "value": 0.5}, {"at": "hidden", "value": 0.25}]
    assert table.plot.data["limits"] == []


def test_the_first_of_the_columns_that_are_drawn_is_and_so_is_what_is_allowed():
    rows = [
        {"output": "a", "error": 1.0, "ratio": 3.0, "allowed": 10.0},
        {"output": "b", "error": 2.0, "ratio": 4.0, "allowed": 10.0},
    ]
    plot = only_table({"outputs": rows}).plot
    assert plot.data["axis"] == "ratio"
    assert plot.data["limits"] == [10.0]
    rows[1]["allowed"] = 20.0
    assert only_table({"outputs": rows}).plot.data["limits"] == []
    del rows[1]["ratio"]
    assert only_table({"outputs": rows}).plot.data["axis"] == "error"


def test_a_histogram_is_a_table_and_a_plot():
    table = only_table({"distribution": {"unit": "ms", "edges": [1.0, 2.0, 4.0], "counts": [7, 1]}})
    assert table.columns == ["ms", "count"]
    assert table.rows == [["1 to 2", "7"], ["2 to 4", "1"]]
    assert table.plot.kind == "histogram"
    assert table.plot.data["rows"] == [{"low": 1.0, "high": 2.0, "count": 7}, {"low": 2.0, "high": 4.0, "count": 1}]


def test_what_only_looks_like_a_histogram_is_plain():
    for details in ({"edges": [1], "counts": []}, {"edges": "ab", "counts": "c"}, {"edges": [1, 2], "counts": [None]}):
        assert arrange_details({"distribution": details}).tables == []


def test_tables_inside_are_taken_apart():
    arranged = arrange_details({"first_divergence": {"kind": "weights", "trail": [{"module": "a", "ratio": 2.0}]}})
    assert arranged.values == [("first divergence: kind", "weights")]
    assert [table.title for table in arranged.tables] == ["first divergence: trail"]


def test_of_a_long_table_the_others_are_counted():
    table = only_table({"slices": [{"slice": number} for number in range(MAX_ROWS + 7)]})
    assert len(table.rows) == MAX_ROWS
    assert table.hidden == 7


@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=4))
def test_whatever_json_holds_can_be_shown(details):
    arranged = arrange_details(details)
    assert all(isinstance(text, str) for pair in arranged.values for text in pair)
    for table in arranged.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert all(isinstance(cell, str) for row in table.rows for cell in row)
