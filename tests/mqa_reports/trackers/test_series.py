"""Series of a report: names that are legal everywhere and the same in every run, and the numbers under them."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mqa_reports.trackers.series import Point, list_points, make_name, name_check, name_run
from tests.reports.conftest import FAIL, demo, finished, metric, number, part, result, sliced, step

TEXTS = st.text() | st.text(alphabet="a./ -_", max_size=8)


def points(*results):
    return list(list_points(finished(list(results))))


def test_a_number_has_its_ends_under_its_own_name():
    (first, *_) = metric("accuracy", 0.8, {"min": 0.7}, half=0.1)
    assert points(first) == [
        Point("accuracy/torch/value", 0.8, 0),
        Point("accuracy/torch/value.low", 0.8 - 0.1, 0),
        Point("accuracy/torch/value.high", 0.8 + 0.1, 0),
    ]
    bare = result("length", "", numbers={"mean": number(3.0)})
    assert points(bare) == [Point("length/mean", 3.0, 0)]


def test_severities_are_steps_of_one_series():
    sweep = result("typos", numbers={}, series=(step(0.1, 0.01), step(0.4, 0.2, FAIL)))
    values = {(point.name, point.step): point.value for point in points(sweep)}
    assert values["typos/torch/drop", 0] == 0.01
    assert values["typos/torch/drop", 1] == 0.2
    assert {at for _, at in values} == {0, 1}


def test_groups_have_a_series_each():
    (first, _) = sliced("domains", 0.1, {"amazon": part(0.8, 100), "a: b": part(0.7, 100)})
    names = {point.name for point in points(first)}
    assert {"domains/torch/gap", "domains/torch/groups/amazon/value", "domains/torch/groups/amazon/value.low"} <= names
    assert [name for name in names if re.fullmatch(r"domains/torch/groups/a_ b-[0-9a-f]{8}/value", name)]


def test_what_has_no_number_has_no_point():
    assert points(result("crash", numbers={}), result("undefined", numbers={"value": number(None)})) == []


def test_no_two_numbers_of_a_report_share_a_point():
    found = [(point.name, point.step) for point in points(*demo())]
    assert len(found) == len(set(found)) > 100


def test_a_check_under_a_backend():
    assert name_check("metrics/accuracy", "onnx") == "metrics/accuracy/onnx"
    assert name_check("length", None) == "length"


@given(TEXTS)
def test_every_text_makes_a_name_that_is_a_path_of_its_own(text):
    name = make_name(text)
    assert 0 < len(name) <= 45
    assert re.fullmatch(r"[/\w.\- ]+", name)
    assert not {"", ".", ".."} & set(name.split("/"))
    assert make_name(name) == name
    assert name == text or re.search(r"-[0-9a-f]{8}$", name)


def test_texts_that_are_alike_have_names_of_their_own():
    alike = ["a:b", "a;b", "a\x00b", "x" * 100, "x" * 101, "", ".", "..", "/", "a//b", "a/./b", "\ud83d"]
    assert len({make_name(text) for text in alike}) == len(alike)


def test_a_run_has_the_name_of_its_first_tag():
    report = finished(demo())
    assert name_run(report) == report.run
    assert name_run(replace(report, tags=("v1.2", "release"))) == "v1.2"
