"""Stamping: how a file was judged, written beside it by the backend that runs it, so that what ships is what was judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from mqa_registry.errors import MqaError
from mqa_registry.findings import Finding, Judgement
from mqa_registry.runs.outcome import exit_code, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mqa_registry.contributions import Backend
    from mqa_registry.judging import Verdict
    from mqa_registry.plan import Plan
    from mqa_registry.predict import Observations
    from mqa_registry.report import Report
    from mqa_registry.suite import Overrides, Use


def stamped(report: Report, plan: Plan, observations: Observations, overrides: Overrides) -> Report:
    """The report, with what came of writing its verdicts beside the files that it judged; nothing that fails is raised."""
    judged = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    findings = list(report.findings)
    for name, identity in observations.identities.items():
        if (verdict := _verdict(report, name, plan.suite.reference)) is not None:
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
            findings += _stamp(plan.suite.backends[name], identity, judgement)
    return replace(report, findings=tuple(findings))


def _verdict(report: Report, backend: str, reference: str) -> Verdict | None:
    """What the run came to for one backend; None where no critical check ran on it.

    A file is not good where its model is not; what befalls another candidate is not its doing.
    """
    if not any(result.critical for result in report.results if result.backend == backend):
        return None
    concern = {backend, reference, ""}
    return verdict_of(exit_code([result for result in report.results if result.backend in concern]))


def _part(overrides: Overrides) -> dict[str, Any]:
    """What the command line left of the suite; what it set is in the suite's digest."""
    left = {"only": list(overrides.only), "backends": list(overrides.backends), "limit": overrides.limit}
    return {word: value for word, value in left.items() if value}


def _stamp(use: Use, identity: Mapping[str, str], judgement: Judgement) -> Iterator[Finding]:
    write = cast("Backend", use.contribution).stamp
    if write is None:
        return
    try:
        yield from write(identity, judgement, **use.options_for(write))
    except MqaError as error:
        yield Finding("warning", judgement.backend, error.message, error.hint)
    except Exception as error:  # a backend is a plugin's; its crash must not cost the report
        yield Finding("warning", judgement.backend, f"no stamp could be written: {type(error).__name__}: {error}")
