"""Where the parts of a row stand, by the width of the console."""

from __future__ import annotations

import pytest

from mqa_registry.reports.console import layout
from mqa_registry.reports.console.layout import Cell, Entry, Layout
from mqa_registry.reports.console.text import TextBuilder


@pytest.fixture(name="builder")
def _builder():
    from rich.console import Console

    return TextBuilder(Console(width=80))


def entry(builder, label, bound, *cells):
    texts = [
        Cell(builder.literal(head), builder.literal(interval), builder.literal(value))
        for head, interval, value in cells
    ]
    return Entry(builder.literal(label), builder.literal(bound), tuple(texts))


FULL = ("✓ 0.813", "[0.801, 0.825]", "")


def test_two_backends_stand_side_by_side_at_80_columns(builder):
    found = Layout.fit([entry(builder, "accuracy", "≥ 0.78", FULL, FULL)], ("torch", "onnx"), builder)
    assert found.columns == (22, 22)


def test_three_backends_fold_the_interval_below_the_estimate(builder):
    found = Layout.fit([entry(builder, "accuracy", "≥ 0.78", FULL, FULL, FULL)], ("a", "b", "c"), builder)
    assert len(found.columns) == 3
    lines = [
        line.plain
        for line in layout.render_item(entry(builder, "accuracy", "≥ 0.78", FULL, FULL, FULL), found, builder)
    ]
    assert [line.split() for line in lines] == [
        ["accuracy", "≥", "0.78", *["✓", "0.813"] * 3],
        ["[0.801,", "0.825]"] * 3,
    ]


def test_many_backends_stand_below_one_another_and_those_that_say_the_same_share_a_line(builder):
    names = tuple(f"backend-{number}" for number in range(9))
    for cells, lines in (([FULL] * 9, 6), ([(f"✓ 0.81{number}", "[0.801, 0.825]", "") for number in range(9)], 10)):
        one = entry(builder, "accuracy", "≥ 0.78", *cells)
        found = Layout.fit([one], names, builder)
        assert found.columns == ()
        assert len(list(layout.render_item(one, found, builder))) == lines


def test_the_plain_value_is_shown_where_there_is_room_for_it():
    from rich.console import Console

    derived = ("✓ 0.021", "[0.013, 0.029]", "value 0.792")
    for width, shown in ((80, False), (110, True)):
        builder = TextBuilder(Console(width=width))
        one = entry(builder, "accuracy under typos", "drop ≤ 0.05", derived, derived)
        found = Layout.fit([one], ("torch", "onnx"), builder)
        assert any("value 0.792" in line.plain for line in layout.render_item(one, found, builder)) is shown


def test_one_wide_cell_does_not_squeeze_the_names(builder):
    wide = ("✓ 4.1e-10", "[3.2e-10, 5.3e-10, and then some more]", "")
    entries = [entry(builder, "a name of some length", "≥ 0.78", FULL, FULL) for _ in range(20)]
    found = Layout.fit([*entries, entry(builder, "kl", "≤ 1e-06", FULL, wide)], ("torch", "onnx"), builder)
    assert found.label >= len("a name of some length") + 2 + len("≥ 0.78")


def test_ten_thousand_groups_are_folded(make):
    groups = {f"group {number}": make.part(0.5 + number / 30_000, 40) for number in range(10_000)}
    shown = make.rendered(make.finished(make.sliced("many", 0.3, groups)))
    assert "9,998 more groups" in shown
    assert len(shown.splitlines()) < 30
