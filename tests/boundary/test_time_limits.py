"""Time limits of calls, in the process of a caller in Python; what a command does is tested by commands."""

from __future__ import annotations

import time

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
