"""What a comparison shows beside its number: its own evidence, and the answers that are newly right or wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from mqa_registry.boundary import calling, check_picks, checked_evidence, checked_right
from mqa_registry.contributions import Comparison
from mqa_registry.judging.shares import PairedProportions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.judging.reading import Reading
    from mqa_registry.judging.sample import Sample
    from mqa_registry.plan import Step
    from mqa_registry.suite import Use


def compared(step: Step, reading: Reading) -> dict[str, Any]:
    """What a comparison says of all the rows that it was asked about.

    Nothing for a metric, where there are no rows, or where answers are held against those before a perturbation that
    ought to change them. Remarks name the severity, and with targets the last of them tells what became of right answers.
    """
    comparison = reading.measure.contribution
    if not isinstance(comparison, Comparison) or reading.reference is None or not len(reading.sample):
        return {}
    assert step.reference is not None
    if step.view.rows.changes_answers and not step.reference.rows.changes_answers:
        return {}
    evidence: dict[str, Any] = {}
    if comparison.evidence is not None:
        pair = reading.reference.predictions, reading.sample.predictions
        measure = reading.measure
        evidence |= checked_evidence(measure.who, measure.call_part(comparison.evidence, *pair))
        check_picks(measure.who, evidence)
    if (pairs := _newly(reading.measure, reading.reference, reading.sample)) is not None:
        evidence["mcnemar"] = mcnemar(pairs, clustered=reading.sample.clusters is not None)
    if remarks := _remarks(evidence):
        at = "" if step.severity is None else f"at severity {step.severity:g}: "
        evidence["remarks"] = [at + remark for remark in remarks]
    return evidence


def mcnemar(pairs: PairedProportions, *, swapped: bool = False, clustered: bool = False) -> dict[str, Any]:
    """How many rows were lost and won, and McNemar's p, which is none of rows in clusters: they are not drawn one by one.

    Where the pairs were counted from candidate to reference they are `swapped`.
    """
    lost, won = (pairs.won, pairs.lost) if swapped else (pairs.lost, pairs.won)
    return {"lost": lost, "won": won} | ({} if clustered else {"p": pairs.mcnemar})


def _newly(measure: Use, before: Sample, now: Sample) -> PairedProportions | None:
    """The rows that were right and are wrong, and the other way round, of those with a target on both sides."""
    right = cast("Comparison", measure.contribution).right
    if right is None or before.targets is None or now.targets is None:
        return None
    known = np.flatnonzero(~(before.targets.missing | now.targets.missing))
    if not len(known):
        return None
    was, stays = (_right(measure, right, side.at(known)) for side in (before, now))
    return PairedProportions(int((was & ~stays).sum()), int((stays & ~was).sum()), len(known))


def _right(measure: Use, right: Callable[..., Any], sample: Sample) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    with calling(measure.who):
        given = right(sample.targets, sample.predictions)
    return checked_right(measure.who, given, len(sample))


def _remarks(evidence: Mapping[str, Any]) -> Sequence[str]:
    remarks = [str(remark) for remark in evidence.get("remarks", ())]
    counts = evidence.get("mcnemar", {"lost": 0, "won": 0})
    if not counts["lost"] + counts["won"]:
        return remarks
    p = f", McNemar p = {counts['p']:.2g}" if "p" in counts else ""
    newly = f"{counts['lost']:,} newly wrong, {counts['won']:,} newly right{p}"
    return [*remarks[:-1], "; ".join([*remarks[-1:], newly])]
