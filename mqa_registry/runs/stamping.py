"""Stamping: how a file was judged, written beside it by the backend that runs it, so that what ships is what was judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from mqa_registry.boundary import checked_findings
from mqa_registry.errors import MqaError
from mqa_registry.findings import Finding, Judgement
from mqa_registry.judging import Verdict
from mqa_registry.runs.outcome import exit_code, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.contributions import Backend
    from mqa_registry.plan import Plan
    from mqa_registry.predict import Observations
    from mqa_registry.reports import Report
    from mqa_registry.suite import Overrides, Use


def stamped(report: Report, plan: Plan, observations: Observations, overrides: Overrides) -> Report:
    """The report, with what came of writing its verdicts beside the files that it judged; nothing that fails is raised."""
    judged = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    findings = list(report.findings)
    for name, identity in observations.identities.items():
        if (verdict := _verdict(report, name)) is not None:
            judgement = Judgement(
                verdict=str(verdict),
                run=report.run,
                suite=plan.suite.digest,
                name=plan.suite.name,
                backend=name,
                part=_part(overrides),
                model=str(observations.model.get("digest", "")),
                judged=judged,
            )
            written = list(_stamp(plan.suite.backends[name], identity, judgement))
            findings += [*written, *(_aside(report, name, plan.suite.reference) if written else ())]
    return replace(report, findings=tuple(findings))


def _verdict(report: Report, backend: str) -> Verdict | None:
    """What the run came to for one backend; None where no critical check ran on it.

    What was asked of another backend alone, the reference too, is the verdict of the run and not of this file: the
    reference's speed is not the file's, and where the model is not good, the same check on the file says so.
    """
    if not any(result.critical for result in report.results if result.backend == backend):
        return None
    return _verdict_on(report, {backend, ""})


def _verdict_on(report: Report, backends: set[str]) -> Verdict:
    return verdict_of(exit_code([result for result in report.results if result.backend in backends]))


def _aside(report: Report, backend: str, reference: str) -> Iterator[Finding]:
    """That the reference did not hold what was asked of it, where the stamp of a file does not say so."""
    if backend != reference and _verdict_on(report, {backend, ""}) is Verdict.PASS:
        own = [result for result in report.results if result.backend == reference]
        if (verdict := verdict_of(exit_code(own))) is not Verdict.PASS:
            message = f"what was asked of `{reference}` came to {verdict}, which its stamp does not tell"
            yield Finding("note", backend, message, f"ask the same of `{backend}`, where it is to hold for the file")


def _part(overrides: Overrides) -> dict[str, Any]:
    """What the command line left of the suite; what it set is in the suite's digest."""
    left = {"only": list(overrides.only), "backends": list(overrides.backends), "limit": overrides.limit}
    return {word: value for word, value in left.items() if value}


def _stamp(use: Use, identity: Mapping[str, str], judgement: Judgement) -> Iterator[Finding]:
    write = cast("Backend", use.contribution).stamp
    if write is None:
        return
    try:
        yield from checked_findings(use.who, use.call_part(write, identity, judgement))
    except MqaError as error:
        yield Finding("warning", judgement.backend, f"no stamp could be written: {error.message}", error.hint)
