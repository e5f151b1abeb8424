"""Outcome of a run: its exit code and verdict, the findings of its report, and stamps on the files that it judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mqa_registry.boundary import check_findings
from mqa_registry.contributions import Backend
from mqa_registry.errors import ExitCode, MqaError
from mqa_registry.findings import Finding, Judgement, SuiteSelection
from mqa_registry.judging import Verdict, find_label_order, find_tag_repairs
from mqa_registry.judging.waivers import is_accepted, is_overdue
from mqa_registry.reports import SuiteIdentity
from mqa_registry.suite import list_objects, unread_column_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mqa_registry.judging import Result
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Plan
    from mqa_registry.reports import Report
    from mqa_registry.suite import Overrides, Suite, Use


def exit_code(results: Sequence[Result]) -> ExitCode:
    """The exit code of the critical results; one that could not be judged outweighs a failure.

    A known failure that is waived does not count, and an expired waiver counts as a failure.
    """
    verdicts = {result.verdict for result in results if result.critical and not is_accepted(result)}
    if any(map(is_overdue, results)):
        verdicts.add(Verdict.FAIL)
    if verdicts & {Verdict.ERROR, Verdict.NOT_RUN}:
        return ExitCode.NOT_TRUSTWORTHY
    if Verdict.FAIL in verdicts:
        return ExitCode.FAILED
    return ExitCode.INCONCLUSIVE if Verdict.INCONCLUSIVE in verdicts else ExitCode.OK


def release_verdict(code: ExitCode) -> Verdict:
    """The one verdict for the release, by the exit code of all results."""
    return {
        ExitCode.OK: Verdict.PASS,
        ExitCode.FAILED: Verdict.FAIL,
        ExitCode.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    }.get(code, Verdict.ERROR)


def collect_findings(
    plan: Plan, observations: Observations, results: Sequence[Result], *, partial: bool
) -> tuple[Finding, ...]:
    """The findings of a run, of the order of labels, of repaired tags, and of columns that nothing reads.

    Of a `partial` suite the last are unknown: the checks that were left out may read a column.
    """
    return (
        *observations.findings,
        *_object_findings(plan.suite),
        *find_label_order(plan, observations, results),
        *find_tag_repairs(plan, observations),
        *(() if partial else unread_column_findings(plan.suite)),
    )


def _object_findings(suite: Suite) -> Iterator[Finding]:
    """A note that no command repeats a run of objects in memory."""
    if objects := list_objects(suite):
        names = " and ".join(f"`{name}`" for name in objects)
        text = (
            f"{names} {'were objects' if len(objects) > 1 else 'was an object'} in memory: no command repeats this run"
        )
        yield Finding(
            "note", "memory", text, "call `mqa_registry.run` with the same again; `mqa judge` needs no object"
        )


def identify_suite(suite: Suite) -> SuiteIdentity:
    """What a report says of its suite."""
    return SuiteIdentity(
        name=suite.name,
        path=str(suite.path),
        digest=suite.digest,
        seed=suite.seed,
        confidence=suite.confidence,
        confidence_reason=suite.confidence_reason,
    )


def stamp_files(report: Report, plan: Plan, observations: Observations, overrides: Overrides) -> Report:
    """Let each backend write its verdict next to the file that it runs, so that what ships is what was judged.

    Returns the report with the findings of that. A stamp that cannot be written is a finding, never an error.
    """
    judged = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    findings = list(report.findings)
    for name, identity in observations.identities.items():
        if (verdict := _backend_verdict(report, name)) is None:
            continue
        judgement = Judgement(
            verdict=str(verdict),
            run=report.run,
            suite=plan.suite.digest,
            name=plan.suite.name,
            backend=name,
            selection=SuiteSelection(overrides.only, overrides.backends, overrides.limit),
            model=str(observations.model.get("digest", "")),
            judged=judged,
        )
        if written := list(_write_stamp(plan.suite.backends[name], identity, judgement)):
            findings += [*written, *_reference_findings(report, name, verdict, plan.suite.reference)]
    return replace(report, findings=tuple(findings))


def _backend_verdict(report: Report, backend: str) -> Verdict | None:
    """The verdict of the checks on one backend and of those on rows alone; None where no critical check ran on it.

    Checks on another backend count for the run and not for this file, those on the reference too: the reference's speed
    is not the file's, and where the model is not good, the same check on the file says so.
    """
    if not any(result.critical for result in report.results if result.backend == backend):
        return None
    return _verdict_on(report, backend, "")


def _verdict_on(report: Report, *backends: str) -> Verdict:
    return release_verdict(exit_code([result for result in report.results if result.backend in backends]))


def _reference_findings(report: Report, backend: str, verdict: Verdict, reference: str) -> Iterator[Finding]:
    """A note where the file's stamp says PASS, and the checks on the reference did not pass."""
    if backend != reference and verdict is Verdict.PASS:
        verdict = _verdict_on(report, reference)
        if verdict is not Verdict.PASS:
            message = f"the checks on `{reference}` came to {verdict}, which the stamp does not say"
            yield Finding(
                "note", backend, message, f"run the same checks on `{backend}`, if they have to hold for the file"
            )


def _write_stamp(use: Use, identity: Mapping[str, str], judgement: Judgement) -> Iterator[Finding]:
    record_verdict = use.contribution_as(Backend).record_verdict
    try:
        yield from check_findings(use.contributor, use.call_method(record_verdict, identity, judgement))
    except MqaError as error:
        yield Finding("warning", judgement.backend, f"no stamp could be written: {error.message}", error.hint)
