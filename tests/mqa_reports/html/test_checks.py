"""Checks as the page shows them: the deciding number, intervals on one scale, groups in order, rows once."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqa_registry import Number, Verdict, list_checks
from mqa_registry.contributions import ExampleRow
from mqa_reports.html.checks import make_check_view, make_matrix_row
from mqa_reports.html.examples import make_example_tables
from mqa_reports.html.parts import MAX_GROUPS
from mqa_reports.html.plots import MARGIN, WIDTH, Scale
from mqa_reports.html.sharing import share
from tests.reports import conftest as made

FLOATS = st.floats(allow_nan=True, allow_infinity=True) | st.none()


def view(results, view_rows=None):
    (check,) = list_checks(made.finished(list(results)))
    return make_check_view(check, make_matrix_row(check, "check-0"), view_rows or {})


def test_the_matrix_has_the_number_that_decides():
    numbers = {
        "value": replace(made.number(0.81, 0.01), verdict=made.PASS),
        "drop": replace(made.number(0.09, 0.01), verdict=made.FAIL),
    }
    check = view([made.result("typos", verdict=made.FAIL, expect={"min": 0.5, "max_drop": 0.05}, numbers=numbers)])
    cell, missing = check.row.cells
    assert (cell.verdict, cell.estimate, cell.interval) == (made.FAIL, "0.090", "[0.080, 0.100]")
    assert missing is None
    assert [(row.name, row.bounds, row.verdict) for row in check.numbers] == [
        ("value", "≥ 0.50", made.PASS), ("drop", "drop ≤ 0.05", made.FAIL),
    ]  # fmt: skip


def test_backends_are_on_one_scale_with_the_bound():
    torch, onnx = (made.result("f1", backend, numbers={"value": made.number(one, 0.1)}, expect={"min": 0.2})
                   for backend, one in (("torch", 0.5), ("onnx", 0.9)))  # fmt: skip
    first, second = (row.plot for row in view([torch, onnx]).numbers)
    assert first.limits == second.limits == [MARGIN]  # the bound is the lowest of all
    assert second.high == WIDTH - MARGIN
    assert MARGIN < first.low < first.estimate < first.high < second.estimate


@given(FLOATS, FLOATS, FLOATS, st.floats(allow_nan=True, allow_infinity=True))
def test_a_plot_never_leaves_its_width(estimate, low, high, limit):
    number = Number(estimate, low, high, 10, "exact")
    scale = Scale.of([number], [limit])
    plot = scale and scale.draw(number, [limit])
    if plot:
        positions = (plot.low, plot.estimate, plot.high, *plot.limits)
        assert all(math.isfinite(one) and 0 <= one <= WIDTH for one in positions)


def test_an_open_end_reaches_the_edge():
    scale = Scale(0.0, 1.0)
    plot = scale.draw(Number(0.5, 0.4, None, 10, "exact"), ())
    assert (plot.low, plot.high) == (scale.place(0.4), WIDTH)
    assert scale.draw(Number(0.5, None, None, 10, "none"), ()).low == scale.place(0.5)


def test_groups_come_with_the_lowest_first_and_once_for_backends_that_agree():
    check = view(made.sliced("domains", 0.1, made.DOMAINS))
    assert [row.at for row in check.groups.rows] == ["nyt", "tweets", "amazon", "movies"]
    assert {row.backends for row in check.groups.rows} == {"torch and onnx"}
    assert check.groups.rows[0].cells == ["0.751 [0.726, 0.776] of 1,050"]
    (plot,) = check.groups.plots
    assert [row["at"] for row in plot.data["rows"]] == ["nyt", "tweets", "amazon", "movies"]
    assert plot.series == []


def test_backends_that_differ_have_rows_and_colours_of_their_own():
    torch, _ = made.sliced("domains", 0.1, made.DOMAINS)
    other = made.DOMAINS | {"nyt": made.part(0.9, 1050)}
    _, onnx = made.sliced("domains", 0.1, other)
    check = view([torch, onnx])
    assert [(row.at, row.backends) for row in check.groups.rows[:2]] == [("nyt", "torch"), ("nyt", "onnx")]
    assert check.groups.plots[0].series == ["torch", "onnx"]


def test_many_groups_are_cut_and_counted():
    groups = {f"g{n}": made.part(n / 1000, 100) for n in range(MAX_GROUPS + 5)}
    check = view(made.sliced("many", 0.1, groups))
    assert len(check.groups.rows) == MAX_GROUPS
    assert check.groups.hidden == 5


@pytest.mark.parametrize("estimate", [None, math.nan])
def test_a_group_without_a_number_comes_last(estimate):
    groups = {"none": made.part(None, 3), "some": made.part(0.5, 100)}
    groups["none"] = replace(groups["none"], numbers={"value": Number(estimate, None, None, 3, "none")})
    check = view(made.sliced("few", 0.1, groups))
    assert [row.at for row in check.groups.rows] == ["some", "none"]
    assert check.groups.rows[1].cells == ["undefined of 3"]


def test_severities_have_their_rows_and_a_plot_for_each_number():
    series = tuple(made.step(at, at / 10) for at in (1.0, 2.0))
    check = view(made.perturbed("typos", 0.2, 0.3, series=series))
    assert check.severity == "2"
    assert [row.at for row in check.series.rows] == ["1", "2"]
    assert [plot.title for plot in check.series.plots] == ["drop by severity", "value by severity"]
    assert check.series.plots[0].data["limits"] == [0.3]


def test_remarks_are_for_a_check_that_does_not_hold():
    evidence = {"remarks": ("it drifts",), "notes": ("on the CPU",)}
    assert view([made.result("a", evidence=evidence)]).sentences == [("torch", ["on the CPU"])]
    failed = view([made.result("a", verdict=Verdict.FAIL, note="too low", evidence=evidence)])
    assert failed.sentences == [("torch", ["too low", "it drifts", "on the CPU"])]


def test_examples_that_backends_share_are_one_table():
    both = made.both("typos", verdict=made.FAIL, evidence={"examples": (made.FLIP,)})
    (table,) = make_example_tables(both)
    assert table.backends == "torch and onnx"
    assert table.columns == ["target", "reference", "prediction"]
    assert table.rows[0].cells == ["negative", "negative", "positive (0.9765)"]
    assert table.rows[0].is_wrong
    other = replace(both[1], evidence=replace(both[1].evidence, examples=(replace(made.FLIP, id="x"),)))
    assert [table.backends for table in make_example_tables([both[0], other])] == ["torch", "onnx"]


def test_a_field_has_its_kind_and_says_that_it_was_cut():
    truncated = {"fields.text": {"characters": 900, "sha256": "0"}}
    example = ExampleRow("a", {"text": "x" * 500, "stars": 3, "tokens": [1, 2]}, truncated=truncated)
    (table,) = make_example_tables([made.result("a", verdict=made.FAIL, evidence={"examples": (example,)})])
    assert [(field.kind, field.before[0].text[:4], field.lengths) for field in table.rows[0].fields] == [
        ("text", "xxxx", [900]), ("plain", "3", []), ("plain", "1, 2", []),
    ]  # fmt: skip


@pytest.mark.parametrize(("prediction", "is_wrong"), [(["a", "b"], True), (["b", "a"], False), ([], True)])
def test_a_ranking_is_wrong_where_its_first_is_not_relevant(prediction, is_wrong):
    example = ExampleRow("u1", prediction=prediction, target=[{"id": "b", "relevance": 1.0}])
    (table,) = make_example_tables([made.result("a", verdict=made.FAIL, evidence={"examples": (example,)})])
    assert table.rows[0].cells[0] == "b"
    assert table.rows[0].is_wrong is is_wrong


@pytest.mark.parametrize(
    ("prediction", "target", "cells", "is_wrong"),
    [
        ("", ["Rome"], ["Rome", "none"], True),
        ("Rome", [], ["none", "Rome"], True),
        ("", [], ["none", "none"], False),
        ("rome.", ["Paris", "Rome"], ["Paris, Rome", "rome."], False),
    ],
)
def test_no_answer_is_said_in_a_word_and_right_where_there_is_none(prediction, target, cells, is_wrong):
    example = ExampleRow("q1", prediction=prediction, target=target)
    (table,) = make_example_tables([made.result("a", verdict=made.FAIL, evidence={"examples": (example,)})])
    assert table.columns == ["target", "prediction"]
    assert table.rows[0].cells == cells
    assert table.rows[0].is_wrong is is_wrong


def test_sharing_leaves_out_what_is_empty():
    assert share([("a", (1,)), ("b", ()), ("c", (1,)), ("d", (2,))]) == [("a and c", (1,)), ("d", (2,))]
    assert share([("", (1,))]) == [("", (1,))]


@pytest.mark.parametrize(
    ("parts", "rows", "data"),
    [
        ({}, made.ROWS, "reviews"),
        ({}, 7, ""),
        ({"perturb": {"use": "robustness/typos"}}, made.ROWS, ""),
        ({"by": {"use": "x"}}, made.ROWS, ""),
    ],
)
def test_a_check_that_counts_all_rows_of_a_view_shows_its_predictions(parts, rows, data):
    assert view([made.result("f1", **parts)], {("reviews", "torch"): rows}).data == data
    assert view([made.result("f1", **parts)], {("others", "torch"): rows}).data == ""


def test_a_bound_on_groups_that_a_probe_makes_is_one_on_each():
    groups = {"accuracy 0.9": made.part(0.01, 900), "f1 0.8": made.part(0.02, 900)}
    check = view([made.result("claimed", expect={"max": 0.05}, groups=groups)])
    assert [row.bounds for row in check.numbers] == ["each ≤ 0.05"]
