"""Waivers: known failures that a suite accepts until a day; which results they cover, and which waivers are overdue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from mqa_registry.judging.result import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mqa_registry.judging.result import Result
    from mqa_registry.suite import Waiver

WAIVABLE = (Verdict.FAIL, Verdict.INCONCLUSIVE)  # what did not run is no known failure


class WaiverState(StrEnum):
    """What a waiver is worth on the day of the run."""

    ACCEPTED = "accepted"  # a failure that it covers leaves the exit code alone
    EXPIRED = "expired"  # its last day is over: that is itself a failure
    UNNEEDED = "unneeded"  # the check holds wherever it runs: that is itself a failure, so that it is taken out


@dataclass(frozen=True)
class AppliedWaiver:
    """The waiver of a check: its last day, why the suite accepts a failure, and what it is worth on the day of the run."""

    until: date
    reason: str
    state: WaiverState


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
