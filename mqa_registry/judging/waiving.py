"""Waiving: which results a waiver covers, and which waivers have had their day."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from mqa_registry.judging.result import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mqa_registry.judging.result import Result
    from mqa_registry.suite import Waiver

WAIVABLE = (Verdict.FAIL, Verdict.INCONCLUSIVE)  # what did not run is no known failure


class State(StrEnum):
    """What a waiver is worth on the day of the run."""

    ACCEPTED = "accepted"  # a failure that it covers leaves the exit code alone
    EXPIRED = "expired"  # its last day is over: a failure of its own
    UNNEEDED = "unneeded"  # the check holds wherever it runs: a failure of its own, so that it is taken out


def waived(results: Sequence[Result], waivers: Sequence[Waiver], day: date) -> tuple[Result, ...]:
    """The results, those of a waived check with its waiver: `until`, `reason` and `state`; pure."""
    found = {waiver.check: waiver for waiver in waivers}
    return tuple(
        _with(result, found[result.check], results, day) if result.check in found else result for result in results
    )


def _with(result: Result, waiver: Waiver, results: Sequence[Result], day: date) -> Result:
    verdicts = [other.verdict for other in results if other.check == waiver.check]
    said = {"until": waiver.until.isoformat(), "reason": waiver.reason, "state": str(_state(waiver, verdicts, day))}
    return replace(result, waiver=said)


def _state(waiver: Waiver, verdicts: Sequence[Verdict], day: date) -> State:
    if day > waiver.until:
        return State.EXPIRED
    holds = all(verdict is Verdict.PASS for verdict in verdicts)
    return State.UNNEEDED if holds and not waiver.partial else State.ACCEPTED


def is_accepted(result: Result) -> bool:
    """Whether a failure of this result is known and accepted."""
    return result.verdict in WAIVABLE and _state_of(result) == State.ACCEPTED


def is_overdue(result: Result) -> bool:
    """Whether its waiver is itself a failure."""
    return _state_of(result) in {State.EXPIRED, State.UNNEEDED}


def _state_of(result: Result) -> str:
    return str((result.waiver or {}).get("state", ""))
