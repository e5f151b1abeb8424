"""Verdicts: what a check comes to, from the claims that its bounds make."""

from __future__ import annotations

import math

import pytest

from mqa_registry.judging import Verdict
from mqa_registry.judging.claims import Evaluation, StepEvaluation
from mqa_registry.judging.verdicts import DecisionRule, decide, group_parts, never_settles, rule_for, whole_part
from mqa_registry.stats.estimates import Claim, PointEstimate, Undefined
from mqa_registry.stats.proportions import Proportion
from mqa_registry.stats.quantiles import OrderStatistic
from tests.benchmarks.statistics import decide_claims


def at_least(successes: int, rows: int, bound: float) -> Claim:
    return Claim("value", Proportion(successes, rows), low=bound)


def at_point(claim: Claim) -> Verdict:
    return DecisionRule.of([claim], 0.95, by_point=True).decide([claim])


def step(*claims: Claim, **groups: Claim) -> StepEvaluation:
    """One severity with these claims, on all rows or in these groups."""
    whole = Evaluation(None, {claim.number_name: claim.estimate for claim in claims}, claims)
    found = {name: Evaluation(None, {"value": claim.estimate}, [claim]) for name, claim in groups.items()}
    return StepEvaluation(whole, found, Evaluation(None, {}) if groups else None)


def decision(*claims: Claim, confidence: float = 0.95, unit: str = "rows", by_point: bool = False, **groups: Claim):
    steps = [step(*claims, **groups)]
    return decide(steps, rule_for(steps, confidence, by_point=by_point, unit=unit))


@pytest.mark.parametrize(
    ("successes", "verdict"), [(960, Verdict.PASS), (905, Verdict.INCONCLUSIVE), (850, Verdict.FAIL)]
)
def test_a_claim_is_settled_where_the_interval_clears_the_bound(successes, verdict):
    assert decide_claims([at_least(successes, 1000, 0.9)], 0.95) is verdict


def test_a_bound_on_both_sides_is_cleared_on_both():
    assert decide_claims([Claim("value", Proportion(500, 1000), 0.4, 0.6)], 0.95) is Verdict.PASS
    assert decide_claims([Claim("value", Proportion(700, 1000), 0.4, 0.6)], 0.95) is Verdict.FAIL
    assert decide_claims([Claim("value", Proportion(590, 1000), 0.4, 0.6)], 0.95) is Verdict.INCONCLUSIVE


def test_a_number_without_an_interval_stands_for_itself():
    assert decide_claims([Claim("value", PointEstimate(1e-6, 100), high=1e-5)], 0.95) is Verdict.PASS
    assert decide_claims([Claim("value", PointEstimate(1e-4, 100), high=1e-5)], 0.95) is Verdict.FAIL


@pytest.mark.parametrize("bounds", [(0.25, math.inf), (-math.inf, 0.25)])
def test_a_number_on_its_bound_holds(bounds):
    claim = Claim("value", PointEstimate(0.25, 100), *bounds)
    assert (decide_claims([claim], 0.95), at_point(claim)) == (Verdict.PASS, Verdict.PASS)


def test_what_is_undefined_settles_nothing():
    claim = Claim("value", PointEstimate(math.nan, 0), low=0.5)
    assert decide_claims([claim], 0.95) is Verdict.INCONCLUSIVE
    assert at_point(claim) is Verdict.INCONCLUSIVE


def test_without_claims_nothing_is_shown():
    assert decide_claims([], 0.95) is Verdict.INCONCLUSIVE
    assert decision().note == ""


def test_every_part_has_to_hold():
    claims = [at_least(960, 1000, 0.9)] * 7 + [at_least(905, 1000, 0.9)]
    assert decide_claims(claims, 0.95) is Verdict.INCONCLUSIVE


def test_a_part_that_fails_by_itself_may_not_fail_among_many():
    marginal = at_least(878, 1000, 0.9)
    assert decide_claims([marginal], 0.95) is Verdict.FAIL
    assert decide_claims([marginal] + [at_least(960, 1000, 0.9) for _ in range(20)], 0.95) is Verdict.INCONCLUSIVE


def test_the_bare_estimate_decides_where_that_is_asked_for():
    assert at_point(at_least(901, 1000, 0.9)) is Verdict.PASS
    assert at_point(at_least(899, 1000, 0.9)) is Verdict.FAIL


@pytest.mark.parametrize(
    ("claim", "note"),
    [
        (at_least(850, 1000, 0.9), "value is 0.850 [0.826, 0.872], below 0.9"),
        (Claim("rise", Proportion(850, 1000), high=0.8), "rise is 0.850 [0.826, 0.872], above 0.8"),
        (Claim("errors", PointEstimate(4200, 1000), high=5e3 - 1001), "errors is 4,200, above 3999"),
        (Claim("errors", PointEstimate(999_999_999, 1000), high=5), "errors is 999,999,999, above 5"),
        (Claim("errors", PointEstimate(1e9, 1000), high=5), "errors is 1.0e+09, above 5"),
        (Claim("errors", PointEstimate(999_999_999.5, 1000), high=5), "errors is 999999999.500, above 5"),
        (Claim("share", PointEstimate(0.7, 1000), 0.4, 0.6), "share is 0.700, above 0.6"),
        (Claim("share", PointEstimate(0.3, 1000), 0.4, 0.6), "share is 0.300, below 0.4"),
        (Claim("loss", PointEstimate(-0.3, 1000), -0.2, 9.0), "loss is -0.300, below -0.2"),
        (Claim("gap", PointEstimate(4e-4, 1000), high=1e-4), "gap is 4.0e-04, above 0.0001"),
        (Claim("gap", PointEstimate(5e-4, 1000), high=1e-4), "gap is 0.001, above 0.0001"),
    ],
)
def test_a_failure_says_where_the_interval_lies(claim, note):
    found = decision(claim)
    assert (found.verdict, found.note, found.rows_to_settle) == (Verdict.FAIL, note, None)


def test_an_inconclusive_check_says_how_many_rows_would_settle_it():
    found = decision(at_least(905, 1000, 0.9), unit="repetitions")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.note == (
        "value is 0.905 [0.885, 0.922], on both sides of 0.9;"
        f" about {found.rows_to_settle:,} repetitions would settle it"
    )
    assert found.rows_to_settle > 1000


def test_a_number_next_to_its_bound_is_said_to_be_too_close_to_it_and_in_which_group():
    found = decision(at_least(905, 1000, 0.9), women=at_least(90_010, 100_000, 0.9))
    assert (found.verdict, found.rows_to_settle, found.is_too_close) == (Verdict.INCONCLUSIVE, None, True)
    assert found.note == (
        "value in `women` is 0.900 [0.898, 0.902], on both sides of 0.9;"
        " it is too close to 0.9 for more rows to settle on which side it is"
    )


def test_an_open_end_is_named():
    ranked = OrderStatistic(tuple(range(100)), 0.99, 100)
    above, below = (
        decision(Claim("p99", ranked, high=200)),
        decision(Claim("p1", OrderStatistic(tuple(range(100)), 0.01, 100), low=-9)),
    )
    assert above.note.startswith("p99 is 98 [96, …], left open above by 100 rows")
    assert below.note.startswith("p1 is 0 […, 3], left open below by 100 rows")


def test_what_no_rows_settle_has_no_number_of_rows():
    nowhere = Undefined(50, "is undefined, since it is", never_settles=True)
    found = decision(Claim("value", nowhere, low=0.5))
    assert (found.note, found.rows_to_settle) == ("value is undefined, since it is", None)
    steps = [step(Claim("value", nowhere, low=0.5))]
    assert never_settles(steps, rule_for(steps, 0.95, by_point=False))
    both = [step(Claim("value", nowhere, low=0.5), at_least(905, 1000, 0.9))]
    assert not never_settles(both, rule_for(both, 0.95, by_point=False))
    held = [step(at_least(960, 1000, 0.9))]
    assert not never_settles(held, rule_for(held, 0.95, by_point=False))


def test_the_first_group_that_fails_is_named_and_all_groups_are_corrected_for():
    groups = {f"g{number}": at_least(960, 1000, 0.9) for number in range(20)}
    assert decision(**groups, bad=at_least(800, 1000, 0.9)).note.startswith("value in `bad` is 0.800")
    assert decision(**groups, bad=at_least(878, 1000, 0.9)).verdict is Verdict.INCONCLUSIVE


def test_a_group_has_the_verdict_on_itself_and_a_small_one_none():
    found = step(good=at_least(960, 1000, 0.9), bad=at_least(800, 1000, 0.9), open=at_least(905, 1000, 0.9))
    parts = group_parts(found, rule_for([found], 0.95, by_point=False))
    assert {name: part.verdict.value for name, part in parts.items()} == {
        "good": "PASS",
        "bad": "FAIL",
        "open": "INCONCLUSIVE",
    }
    assert (parts["good"].note, parts["bad"].note[:18]) == ("", "value is 0.800 [0.")
    assert parts["open"].note == "value is 0.905 [0.885, 0.922], on both sides of 0.9"
    assert parts["bad"].numbers["value"].corrected == Proportion(800, 1000).interval(1 - 0.05 / 3)


def test_a_number_has_the_verdict_on_it_alone():
    found = step(at_least(960, 1000, 0.9), Claim("drop", Proportion(500, 1000), high=0.3))
    whole = whole_part(found, rule_for([found], 0.95, by_point=False))
    assert whole.verdict is Verdict.FAIL
    assert [number.verdict for number in whole.numbers.values()] == [Verdict.PASS, Verdict.FAIL]


def test_a_number_that_no_claim_is_about_has_no_verdict_and_no_corrected_interval():
    claims = [Claim("drop", Proportion(500, 1000), high=0.3), Claim("rise", Proportion(9, 1000), high=0.3)]
    whole = Evaluation(None, {"value": Proportion(7, 10), "drop": claims[0].estimate}, claims)
    found = StepEvaluation(whole)
    numbers = whole_part(found, rule_for([found], 0.95, by_point=False)).numbers
    assert (numbers["value"].verdict, numbers["value"].corrected) == (None, None)
    assert numbers["drop"].corrected == Proportion(500, 1000).interval(0.975)
    assert (numbers["drop"].low, numbers["drop"].high) == Proportion(500, 1000).interval(0.95)


def grouped(small=(), *, needs_two=False, **groups):
    found = {name: Evaluation(None, {"value": claim.estimate}, [claim]) for name, claim in groups.items()}
    return StepEvaluation(Evaluation(None, {}), found, Evaluation(None, {}), frozenset(small), needs_two)


@pytest.mark.parametrize(
    ("step", "verdict", "note"),
    [
        (grouped(["a"], a=at_least(1, 2, 0.9)), "INCONCLUSIVE", "too few groups have enough rows to be judged"),
        (
            grouped(a=at_least(96, 96, 0.9), needs_two=True),
            "INCONCLUSIVE",
            "too few groups have enough rows to be judged",
        ),
        (grouped(a=at_least(10, 96, 0.9), needs_two=True), "FAIL", "value in `a` is 0.104"),
        (grouped(["b"], a=at_least(96, 96, 0.9), b=at_least(1, 9, 0.9)), "PASS", ""),
    ],
)
def test_small_groups_decide_nothing_and_too_few_large_ones_only_a_failure(step, verdict, note):
    found = decide([step], rule_for([step], 0.95, by_point=False))
    assert found.verdict.value == verdict
    assert found.note.startswith(note)
    if verdict == "PASS":
        assert found.note == ""


def test_a_small_group_is_inconclusive_with_its_reason():
    found = grouped(["b"], a=at_least(96, 96, 0.9), b=at_least(1, 9, 0.9))
    part = group_parts(found, rule_for([found], 0.95, by_point=False))["b"]
    assert (part.verdict, part.note) == (Verdict.INCONCLUSIVE, "0 rows are too few")
