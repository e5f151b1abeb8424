"""Where the model is weakest, of the losses and spreads whose intervals leave out that there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mqa_registry.judging.result import Number, Part, Verdict
from mqa_registry.judging.waivers import AppliedWaiver, WaiverState
from mqa_registry.reports.report import list_checks
from mqa_registry.reports.summary import find_weak_points


@pytest.fixture(name="weak_points")
def _weak_points(make):
    return lambda *results: find_weak_points(make.finished([one for both in results for one in both]))


def group(low, high):
    return Part(Verdict.PASS, {"value": Number((low + high) / 2, low, high, 100, "exact")})


def sliced(make, name, *intervals):
    return make.sliced(name, 0.1, {f"{name} {low}": group(low, high) for low, high in intervals})


def test_the_three_largest_losses_are_named_the_largest_first(make, weak_points):
    losses = [make.perturbed(f"p{number}", number / 100, 0.5) for number in (2, 5, 3, 4)]
    found = weak_points(*losses)
    assert found.backend == "torch"
    assert [loss.check for loss in found.losses] == ["p5", "p4", "p3"]
    assert [loss.is_drop for loss in found.losses] == [True] * 3
    assert found.losses[0].measure == "accuracy"
    assert found.losses[0].value.estimate == pytest.approx(0.763)


def test_the_two_widest_spreads_are_named_the_widest_first(make, weak_points):
    found = weak_points(
        sliced(make, "a", (0.5, 0.6), (0.7, 0.8)),
        sliced(make, "b", (0.1, 0.2), (0.8, 0.9), (0.4, 0.5)),
        sliced(make, "c", (0.3, 0.4), (0.8, 0.9)),
    )
    assert found.losses == ()
    assert [(one.check, one.lowest.name, one.highest.name) for one in found.spreads] == [
        ("b", "b 0.1", "b 0.8"),
        ("c", "c 0.3", "c 0.8"),
    ]


def test_one_weak_point_is_left_to_the_table(make, weak_points):
    assert weak_points(make.perturbed("p", 0.1, 0.5)) is None
    assert weak_points(make.perturbed("p", 0.1, 0.5), make.perturbed("q", 0.1, 0.5)) is not None


def test_what_may_be_nothing_is_no_weak_point(make, weak_points):
    nothing = Number(0.1, 0.0, 0.2, 100, "exact")
    assert weak_points(*[make.perturbed(name, 0.1, 0.5, numbers={"drop": nothing}) for name in "pq"]) is None
    assert weak_points(*[sliced(make, name, (0.5, 0.6), (0.6, 0.7)) for name in "ab"]) is None
    assert weak_points(*[sliced(make, name, (0.5, 0.6), (0.61, 0.7)) for name in "ab"]) is not None


def test_a_rise_is_a_loss_too(make, weak_points):
    rises = [make.perturbed(name, 0.1, 0.5, numbers={"rise": make.number(0.1, 0.01)}) for name in "pq"]
    assert [(loss.is_drop, loss.value) for loss in weak_points(*rises).losses] == [(False, None)] * 2


def test_a_perturbation_is_judged_at_the_last_severity_of_a_sweep(make, weak_points):
    series = (make.step(1, 0.3), make.step(2, 0.1))
    swept = [make.perturbed(name, 0.0, 0.5, numbers={}, series=series) for name in "pq"]
    assert [loss.change.estimate for loss in weak_points(*swept).losses] == [0.1] * 2


WAIVED = AppliedWaiver(date(2030, 1, 1), "known", WaiverState.ACCEPTED)


@pytest.mark.parametrize(
    ("verdict", "critical", "state", "flags"),  # waived, overdue, blocks the release
    [
        (Verdict.PASS, True, None, (False, False, False)),
        (Verdict.FAIL, True, None, (False, False, True)),
        (Verdict.FAIL, False, None, (False, False, False)),
        (Verdict.FAIL, True, "accepted", (True, False, False)),
        (Verdict.ERROR, True, "accepted", (False, False, True)),
        (Verdict.FAIL, True, "expired", (False, True, True)),
        (Verdict.PASS, True, "unneeded", (False, True, True)),
    ],
)
def test_what_blocks_a_release(make, verdict, critical, state, flags):
    waiver = replace(WAIVED, state=WaiverState(state)) if state else None
    one = make.result("one", verdict=verdict, critical=critical, waiver=waiver)
    (check,) = list_checks(make.finished([one]))
    assert (check.is_waived, check.is_overdue, check.blocks_release) == flags


def test_a_waiver_does_not_cover_a_backend_that_crashed(make):
    failed = make.result("one", "torch", verdict=Verdict.FAIL, waiver=WAIVED)
    crashed = replace(failed, backend="onnx", verdict=Verdict.ERROR)
    (check,) = list_checks(make.finished([failed, crashed]))
    assert (check.is_waived, check.blocks_release) == (False, True)
