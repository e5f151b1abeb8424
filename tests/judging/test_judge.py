"""Verdicts as they come: a case is judged once, when all that it reads is there, and gets the result that it gets later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mqa_registry import plan as plans
from mqa_registry.judging import Judge, judge
from mqa_registry.observations import Observations


class Listener:
    """Notes the cases that are judged, and their results."""

    def __init__(self):
        self.begun, self.results = [], []

    def judge(self, case):
        assert len(self.begun) == len(self.results)
        self.begun.append((case.check.name, case.backend))

    def judged(self, result):
        self.results.append(result)


@pytest.fixture(name="observed")
def _observed(engine, shout, swap):
    """A plan of checks that read one view, two of them and a sweep, with all its observations."""
    sweep = engine.check("sweep", swap)
    sweep = replace(sweep, steps=tuple(replace(step, severity=0.1) for step in sweep.steps))
    agreement = engine.check("agreement", shout, on=("two",))
    suite = engine.suite(engine.check("plain"), agreement, sweep, backends=("one", "two"))
    return plans.make(suite), engine.run(suite)


def feed(plan, observations, order):
    """Let a judge observe views one by one; returns it, and what was judged after each."""
    listener = Listener()
    judging, views, judged = Judge(plan, listener), {}, []
    growing = Observations(observations.rows, views)
    for view in order:
        views[view] = observations.views[view]
        before = len(listener.results)
        judging.observe(view, growing)
        judged.append([result.check for result in listener.results[before:]])
    return judging, listener, judged


def test_a_case_is_judged_with_the_last_view_that_it_reads(observed):
    plan, observations = observed
    plain, loud, loud_on_two, swapped = plan.views
    in_order = feed(plan, observations, [plain, loud, loud_on_two, swapped])
    assert in_order[2] == [["plain"], [], ["agreement"], ["sweep"]]
    other_way = feed(plan, observations, [loud_on_two, swapped, loud, plain])
    assert other_way[2] == [[], [], ["agreement"], ["plain", "sweep"]]  # which has the unperturbed rows in its report


def test_results_are_those_of_all_observations_at_once_in_the_order_of_the_plan(observed):
    plan, observations = observed
    judging, listener, _ = feed(plan, observations, reversed(observations.views))
    results = judging.finish(observations)
    assert len(listener.results) == len(plan.cases)
    assert [untimed(one) for one in results] == [untimed(one) for one in judge(plan, observations)]
    assert sorted(map(repr, listener.results)) == sorted(map(repr, results))


def test_what_was_never_announced_is_judged_in_the_end(observed):
    plan, observations = observed
    listener = Listener()
    results = Judge(plan, listener).finish(observations)
    assert listener.begun == [(case.check.name, case.backend) for case in plan.cases]
    assert listener.results == list(results)


def untimed(result):
    return replace(result, seconds=0.0)
