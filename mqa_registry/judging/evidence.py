"""Evidence: what a person needs to believe a verdict, beside its numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mqa_registry.contributions import Statistic
from mqa_registry.judging.compared import compared, mcnemar
from mqa_registry.judging.examples import examples_of
from mqa_registry.judging.shares import PairedProportions
from mqa_registry.judging.sweeps import validity

if TYPE_CHECKING:
    from mqa_registry.judging.conclusion import Judged
    from mqa_registry.judging.finding import Finding
    from mqa_registry.judging.reading import Reading
    from mqa_registry.plan import Step
    from mqa_registry.predict import Observations


def evidence_of(step: Step, judged: Judged, observations: Observations, *, shown: bool) -> dict[str, Any]:
    """Counts that a reader needs, what a comparison says, and with `shown` the rows that speak most against the check."""
    observed, reading = observations.views[step.view], judged.reading
    assert observed.seen is not None
    counts = {"missing": reading.sample.missing, "unlabelled": reading.sample.unlabelled}
    if step.view.rows.perturb:
        counts |= {"declined": observed.seen.declined}
    evidence: dict[str, Any] = {name: count for name, count in counts.items() if count}
    if step.view.rows.perturb:
        told = validity(len(observed.seen.rows), observed.seen)
        evidence |= {key: told[key] for key in ("changed", "edits") if key in told}
    if not reading.paired:
        evidence["unpaired"] = True
    if reading.sample.clusters is not None:
        evidence["clusters"] = len(np.unique(reading.sample.clusters))
    evidence |= _absent(judged.whole) | _mcnemar(judged.whole) | compared(step, reading)
    picked = evidence.pop("examples", None)
    if shown:
        rows = observations.rows[step.view.rows.data]
        evidence["examples"] = examples_of(_telling(judged), observed.seen.rows, rows, picked)
    return evidence


def _absent(finding: Finding) -> dict[str, Any]:
    """The classes that a statistic is about and no row has."""
    answer = finding.answers.measured.answer if finding.answers is not None else None
    return {"absent": list(answer.absent)} if isinstance(answer, Statistic) and answer.absent else {}


def _mcnemar(finding: Finding) -> dict[str, Any]:
    """The exact test that many know, beside the score interval of the same rows."""
    for pairs in finding.numbers.values():
        if isinstance(pairs, PairedProportions) and pairs.rows and pairs.design is None:
            return {"mcnemar": mcnemar(pairs, swapped="rise" in finding.numbers)}
    return {}


def _telling(judged: Judged) -> Reading:
    """The rows to look at: those of the group that is worst off, where there are groups."""
    large = [finding for name, finding in judged.groups.items() if name not in judged.small]
    if not large:
        return judged.reading
    bounded_above = any(math.isfinite(claim.high) and math.isinf(claim.low) for claim in large[0].claims)
    sign = -1 if bounded_above else 1
    if not all("value" in finding.numbers for finding in large):
        return judged.reading
    known = [finding for finding in large if math.isfinite(finding.numbers["value"].value)] or large
    worst = min(known, key=lambda finding: sign * finding.numbers["value"].value)
    return worst.reading
