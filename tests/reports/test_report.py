from __future__ import annotations

from itertools import pairwise

import pytest

from mqa_registry.judging.result import Verdict
from mqa_registry.reports.report import group_by_family, list_checks, name_family


@pytest.mark.parametrize(
    ("parts", "family"),
    [
        ({}, "metrics"),
        ({"by": {"use": "fairness/column"}}, "fairness"),
        ({"perturb": {"use": "robustness/typos"}}, "robustness"),
        ({"perturb": {"use": "robustness/typos"}, "by": {"use": "fairness/column"}}, "robustness"),
        ({"perturb": "robustness/typos"}, "robustness"),
        ({"perturb": ["robustness/typos", {"use": "noise/hum"}]}, "robustness"),
        ({"perturb": [{"use": "robustness/typos", "rate": 0.1}]}, "robustness"),
        ({"measure": {"use": "parity/agreement"}}, "parity"),
        ({"measure": {}}, "checks"),
    ],
)
def test_a_check_belongs_to_what_makes_it_what_it_is(make, parts, family):
    assert name_family(make.result("one", **parts)) == family


def test_families_and_checks_keep_the_order_of_the_report(make):
    found = group_by_family(make.finished(make.demo()))
    assert [family.name for family in found] == ["metrics", "robustness", "fairness", "parity"]
    assert [check.name for check in found[2].checks] == ["domains", "identity-terms", "length"]


def test_a_row_is_what_it_is_on_its_worst_backend(make):
    order = [Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.NOT_RUN, Verdict.ERROR]
    for better, worse in pairwise(order):
        results = [make.result("one", "torch", verdict=worse), make.result("one", "onnx", verdict=better)]
        (check,) = list_checks(make.finished(results))
        assert check.verdict is worse


def test_a_backend_without_a_result_leaves_its_place_empty(make):
    (check,) = list_checks(make.finished([make.result("one", "onnx")]))
    assert [result and result.backend for result in check.aligned_results] == [None, "onnx"]


@pytest.mark.parametrize(
    ("name", "perturb", "title"),
    [
        ("metrics/accuracy", None, "accuracy"),
        ("metrics/accuracy / robustness/typos", {"use": "robustness/typos", "rate": 0.1}, "accuracy / typos"),
        ("metrics/accuracy / a/b + c/d", ["a/b", {"use": "c/d", "kind": "x"}], "accuracy / b + d x"),
        ("my own / name", {"use": "robustness/typos"}, "my own / name"),
        ("metrics/accuracy of mine", None, "metrics/accuracy of mine"),
    ],
)
def test_only_a_name_that_was_made_is_shortened(make, name, perturb, title):
    (check,) = list_checks(make.finished([make.result(name, perturb=perturb)]))
    assert check.title == title
