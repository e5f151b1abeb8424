"""The outcome of a run: what its results add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mqa_registry.errors import ExitCode
from mqa_registry.judging import Verdict, find_label_order
from mqa_registry.judging.waivers import is_accepted, is_overdue
from mqa_registry.suite import unread_column_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mqa_registry.findings import Finding
    from mqa_registry.judging import Result
    from mqa_registry.plan import Plan
    from mqa_registry.predict import Observations
    from mqa_registry.suite import Suite


def exit_code(results: Sequence[Result]) -> ExitCode:
    """What the critical results add up to; something that could not be judged outweighs a failure.

    A known failure that is waived counts for nothing, a waiver that has had its day for a failure.
    """
    verdicts = {result.verdict for result in results if result.critical and not is_accepted(result)}
    if any(map(is_overdue, results)):
        verdicts.add(Verdict.FAIL)
    if verdicts & {Verdict.ERROR, Verdict.NOT_RUN}:
        return ExitCode.NOT_TRUSTWORTHY
    if Verdict.FAIL in verdicts:
        return ExitCode.FAILED
    return ExitCode.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else ExitCode.OK


def verdict_of(code: ExitCode) -> Verdict:
    """The one verdict for the release."""
    return {
        ExitCode.OK: Verdict.PASS,
        ExitCode.FAILED: Verdict.FAIL,
        ExitCode.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    }.get(code, Verdict.ERROR)


def findings_of(
    plan: Plan, observations: Observations, results: Sequence[Result], *, partial: bool
) -> tuple[Finding, ...]:
    """What there is to say beside the results. Of a `partial` suite nobody knows what the checks left out would read."""
    return (
        *observations.findings,
        *find_label_order(plan, observations, results),
        *(() if partial else unread_column_findings(plan.suite)),
    )


def described(suite: Suite) -> dict[str, Any]:
    """The suite, as the report names it."""
    return {
        "name": suite.name,
        "path": str(suite.path),
        "digest": suite.digest,
        "seed": suite.seed,
        "confidence": suite.confidence,
        **({"confidence_reason": suite.confidence_reason} if suite.confidence_reason else {}),
    }
