"""The reference view of a check, where it names one and where it does not."""

from __future__ import annotations

from itertools import product

import pytest

from mqa_registry.contributions import Comparison, Metric
from mqa_registry.suite import Against, Check, Expect, Severity, Use
from mqa_registry.suite.model import default_against
from tests.stand_ins import make_probe

METRIC = Metric("m", lambda predictions, targets: 1.0, schemas=("label",))
COMPARISON = Comparison("c", lambda reference, candidate: 1.0, schemas=("label",))
PROBE = make_probe("p", lambda context: None, inputs="runner")
COMPARING = make_probe("p", lambda context: None, inputs="runner", compares=True)


def check(measure, *, against=None, **bounds):
    return Check("one", Use("own/m", measure), {"value": Expect(**bounds)}, "d", ("b",), against=against)


@pytest.mark.parametrize(
    ("measure", "bounds", "is_needed"),
    [
        (METRIC, {"min": 0.5}, False),
        (METRIC, {"max_gap": 0.5}, False),
        (METRIC, {"max_drop": 0.0}, True),
        (METRIC, {"max_rise": 0.0}, True),
        (COMPARISON, {"min": 0.5}, True),
        (PROBE, {"max": 0.5}, False),
        (COMPARING, {"max": 0.5}, True),
    ],
)
def test_a_reference_is_needed_by_what_compares_and_by_bounds_on_a_difference(measure, bounds, is_needed):
    assert check(measure, **bounds).needs_reference is is_needed


def test_bounds_on_another_number_of_a_probe_need_no_reference():
    one = Check("one", Use("own/p", PROBE), {"p95_ms": Expect(max=3.0)}, "d", ("b",))
    assert not one.needs_reference
    assert one.value == Expect()


def test_by_default_a_metric_is_held_against_the_same_rows_unperturbed_and_all_else_against_the_first_backend():
    unperturbed, first = Against(unperturbed=True), Against(backend="first")
    assert check(METRIC, max_drop=0.1).reference("first", perturbed=True) == unperturbed
    assert check(METRIC, max_drop=0.1).reference("first", perturbed=False) == first
    assert check(COMPARISON).reference("first", perturbed=True) == first
    assert check(COMPARING).reference("first", perturbed=False) == first
    assert default_against("first", compares=True, perturbed=True) == first


def test_what_a_check_names_goes_before_the_default():
    named = Against(data="other")
    assert check(METRIC, max_drop=0.1, against=named).reference("first", perturbed=True) is named


@pytest.mark.parametrize(
    ("against", "differs"),
    [
        (Against(), False),
        (Against(backend="b"), False),
        (Against(backend="c"), True),
        (Against(data="d"), False),
        (Against(data="e"), True),
        (Against(backend="b", data="e"), True),
    ],
)
def test_a_view_differs_by_its_backend_or_its_data(against, differs):
    assert all(against.differs("b", "d", perturbed=perturbed) is differs for perturbed in (True, False))


def test_rows_as_they_are_differ_from_perturbed_ones_alone():
    assert Against(unperturbed=True).differs("b", "d", perturbed=True)
    assert not Against(unperturbed=True).differs("b", "d", perturbed=False)


def test_the_uses_of_a_check_are_its_measure_its_slice_and_every_perturbation():
    steps = tuple(Severity((Use("r/typos", METRIC, {"severity": level}),), level) for level in (1, 3))
    one = Check("one", Use("own/m", METRIC), {}, "d", ("b",), steps=steps, by=Use("f/length", METRIC))
    assert [use.key for use in one.uses] == [
        use.key for use in (one.measure, one.by, *(step.perturb[0] for step in steps)) if use
    ]
    assert one.perturb_table() == {"use": "r/typos", "severity": [1, 3]}


def test_a_sweep_names_its_severities_at_the_perturbation_that_is_swept():
    uses = (Use("r/upper", METRIC), Use("r/typos", METRIC, {"rate": 0.1, "severity": 2}))
    for swept, levels in product((0, 1), ((2,), (2, 4))):
        steps = tuple(Severity(uses, level, swept) for level in levels)
        table = Check("one", uses[0], {}, "d", ("b",), steps=steps).perturb_table()
        assert table[swept]["severity"] == list(levels)
        assert table[1 - swept] == uses[1 - swept].as_table()
