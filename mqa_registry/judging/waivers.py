"""Waivers: which results one covers, and which ones have expired or are not needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mqa_registry.judging.result import AppliedWaiver, Verdict, WaiverState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mqa_registry.judging.result import Result
    from mqa_registry.suite import Waiver

WAIVABLE = (Verdict.FAIL, Verdict.INCONCLUSIVE)  # what did not run is no known failure


def apply_waivers(results: Sequence[Result], waivers: Sequence[Waiver], day: date) -> tuple[Result, ...]:
    """The results, those of a waived check with its waiver; pure."""
    by_check = {waiver.check: waiver for waiver in waivers}
    return tuple(
        _apply(by_check[result.check], result, results, day) if result.check in by_check else result
        for result in results
    )


def is_accepted(result: Result) -> bool:
    """Whether a failure of this result is known and accepted."""
    return result.verdict in WAIVABLE and result.waiver is not None and result.waiver.state is WaiverState.ACCEPTED


def is_overdue(result: Result) -> bool:
    """Whether its waiver is itself a failure."""
    return result.waiver is not None and result.waiver.state is not WaiverState.ACCEPTED


def _apply(waiver: Waiver, result: Result, results: Sequence[Result], day: date) -> Result:
    verdicts = [other.verdict for other in results if other.check == waiver.check]
    state = _find_state(waiver, verdicts, day)
    return replace(result, waiver=AppliedWaiver(waiver.until, waiver.reason, state))


def _find_state(waiver: Waiver, verdicts: Sequence[Verdict], day: date) -> WaiverState:
    if day > waiver.until:
        return WaiverState.EXPIRED
    holds = all(verdict is Verdict.PASS for verdict in verdicts)
    return WaiverState.UNNEEDED if holds and not waiver.partial else WaiverState.ACCEPTED
