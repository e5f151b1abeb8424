"""Time limits of calls, in the process of a caller in Python; what a command does is tested by commands."""

from __future__ import annotations

import time
from contextlib import ExitStack

import pytest

from mqa_registry.boundary import ContributionCall, Contributor, TimeLimitReached, limit_calls, supervise, time_limits


def test_a_call_that_no_exception_ends_is_interrupted_again_and_the_process_goes_on(monkeypatch):
    for name, seconds in (("CHECK_SECONDS", 0.02), ("REPEAT_SECONDS", 0.2), ("GRACE_SECONDS", 0.1)):
        monkeypatch.setattr(time_limits, name, seconds)
    interruptions = 0
    with supervise(), limit_calls(0.05), ContributionCall(Contributor("metric", "ours/stubborn")):
        while interruptions < 4:
            try:
                time.sleep(5)
            except TimeLimitReached:
                interruptions += 1
    assert interruptions == 4


def test_limits_of_two_threads_end_in_any_order_and_leave_nothing():
    call = ContributionCall(Contributor("metric", "ours/slow"))
    limit = time_limits._SUPERVISOR._limit
    usual = limit(call)
    first, second = ExitStack(), ExitStack()
    first.enter_context(limit_calls(3.0))
    second.enter_context(limit_calls(7.0))
    first.close()
    assert limit(call) == 7.0
    second.close()
    assert limit(call) == usual


@pytest.mark.parametrize("seconds", [(3.0, 7.0, 3.0), (3.0, 0.0, None)])
def test_the_inner_limit_holds_and_none_changes_nothing(seconds):
    call = ContributionCall(Contributor("metric", "ours/slow"))
    outer, middle, inner = seconds
    with limit_calls(outer), limit_calls(middle):
        with limit_calls(inner):
            assert time_limits._SUPERVISOR._limit(call) == (middle if inner is None else inner)
        assert time_limits._SUPERVISOR._limit(call) == middle
