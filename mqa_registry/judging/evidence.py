"""Evidence: what a person needs to believe a verdict besides its numbers: counts of rows, flips, and example rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mqa_registry.boundary import ContributionCall, check_correctness, check_evidence, check_example_ids
from mqa_registry.contributions import Comparison, Statistic
from mqa_registry.judging.samples import positions_of
from mqa_registry.judging.sweeps import perturbation_counts
from mqa_registry.stats.proportions import PairedProportions
from mqa_registry.types import get_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mqa_registry.judging.claims import Evaluation, StepEvaluation
    from mqa_registry.judging.groups import Positions
    from mqa_registry.judging.samples import MeasureInputs, Sample
    from mqa_registry.observations import Observations
    from mqa_registry.plan import Step
    from mqa_registry.stats.estimates import Bools, Floats
    from mqa_registry.suite import Use
    from mqa_registry.types import Predictions, Rows

MAX_EXAMPLES = 5  # rows that a result shows
MAX_PICKED_EXAMPLES = 20  # of those that a comparison picked


def gather_evidence(
    step: Step, evaluation: StepEvaluation, observations: Observations, *, with_examples: bool
) -> dict[str, Any]:
    """Counts that a reader needs, what a comparison shows, and the rows that speak most against the check.

    `step` is the last severity of a sweep. Rows, which are those of the worst group where there are groups, are left out
    of a check that holds, without `with_examples`.
    """
    observed, inputs = observations.views[step.view], evaluation.inputs
    assert observed.perturbed is not None
    counts = {"missing": inputs.sample.missing, "unlabelled": inputs.sample.unlabelled}
    if step.view.rows.perturb:
        counts |= {"declined": observed.perturbed.declined}
    evidence: dict[str, Any] = {name: count for name, count in counts.items() if count}
    if step.view.rows.perturb:
        perturbed = perturbation_counts(len(observed.perturbed.rows), observed.perturbed)
        evidence |= {key: perturbed[key] for key in ("changed", "edits") if key in perturbed}
    if not inputs.is_paired:
        evidence["unpaired"] = True
    if inputs.sample.clusters is not None:
        evidence["clusters"] = len(np.unique(inputs.sample.clusters))
    evidence |= (
        _absent_classes(evaluation.whole) | _mcnemar_of_change(evaluation.whole) | compare_predictions(step, inputs)
    )
    picked = evidence.pop("examples", None)
    if with_examples:
        rows = observations.rows[step.view.rows.data]
        evidence["examples"] = select_examples(_worst_inputs(evaluation), observed.perturbed.rows, rows, picked)
    return evidence


def compare_predictions(step: Step, inputs: MeasureInputs) -> dict[str, Any]:
    """What a comparison shows of all the rows that it compared.

    Nothing for a metric, where there are no rows, or where predictions are held against those before a perturbation that
    ought to change them. Remarks name the severity, and with targets the last of them says how many rows are newly wrong
    and newly right.
    """
    comparison = inputs.measure.contribution
    if not isinstance(comparison, Comparison) or inputs.reference is None or not len(inputs.sample):
        return {}
    assert step.reference is not None
    if step.view.rows.changes_targets and not step.reference.rows.changes_targets:
        return {}
    evidence: dict[str, Any] = {}
    if comparison.evidence is not None:
        pair = inputs.reference.predictions, inputs.sample.predictions
        measure = inputs.measure
        evidence |= check_evidence(measure.contributor, measure.call_function(comparison.evidence, *pair))
        check_example_ids(measure.contributor, evidence)
    if comparison.is_correct is not None:
        pairs = _count_flips(inputs.measure, comparison.is_correct, inputs.reference, inputs.sample)
        if pairs is not None:
            evidence["mcnemar"] = mcnemar_evidence(pairs, is_clustered=inputs.sample.clusters is not None)
    if remarks := _write_remarks(evidence):
        at = "" if step.severity is None else f"at severity {step.severity:g}: "
        evidence["remarks"] = [at + remark for remark in remarks]
    return evidence


def mcnemar_evidence(
    pairs: PairedProportions, *, is_swapped: bool = False, is_clustered: bool = False
) -> dict[str, Any]:
    """How many rows were lost and won, and McNemar's p, which is none of rows in clusters: they are not drawn one by one.

    Where the pairs were counted from candidate to reference they are swapped.
    """
    lost, won = pairs.negative_flips, pairs.positive_flips
    if is_swapped:
        lost, won = won, lost
    return {"lost": lost, "won": won} | ({} if is_clustered else {"p": pairs.mcnemar})


def _absent_classes(evaluation: Evaluation) -> dict[str, Any]:
    """The classes that a statistic is about and no row has."""
    value = evaluation.measurement.output.value if evaluation.measurement is not None else None
    return {"absent": list(value.absent)} if isinstance(value, Statistic) and value.absent else {}


def _mcnemar_of_change(evaluation: Evaluation) -> dict[str, Any]:
    """McNemar's exact test, which many know, for the rows of the score interval."""
    for pairs in evaluation.numbers.values():
        if isinstance(pairs, PairedProportions) and pairs.rows and pairs.design is None:
            return {"mcnemar": mcnemar_evidence(pairs, is_swapped="rise" in evaluation.numbers)}
    return {}


def _worst_inputs(evaluation: StepEvaluation) -> MeasureInputs:
    """The rows to look at: those of the group that is worst off, where there are groups."""
    large = list(evaluation.large_groups.values())
    if not large or not all("value" in group.numbers for group in large):
        return evaluation.inputs
    is_bounded_above = any(math.isfinite(claim.high) and math.isinf(claim.low) for claim in large[0].claims)
    sign = -1 if is_bounded_above else 1
    finite = [group for group in large if math.isfinite(group.numbers["value"].value)] or large
    worst = min(finite, key=lambda group: sign * group.numbers["value"].value)
    assert worst.measurement is not None
    return worst.measurement.selected_inputs


def _count_flips(measure: Use, right: Callable[..., Any], before: Sample, now: Sample) -> PairedProportions | None:
    """The rows that were right and are wrong, and the other way round, of those with a target on both sides."""
    if before.targets is None or now.targets is None:
        return None
    labelled = np.flatnonzero(~(before.targets.missing | now.targets.missing))
    if not len(labelled):
        return None
    was, stays = (_is_right(measure, right, side.take(labelled)) for side in (before, now))
    return PairedProportions(int((was & ~stays).sum()), int((stays & ~was).sum()), len(labelled))


def _is_right(measure: Use, right: Callable[..., Any], sample: Sample) -> Bools:
    with ContributionCall(measure.contributor):
        given = right(sample.targets, sample.predictions)
    return check_correctness(measure.contributor, given, len(sample))


def _write_remarks(evidence: Mapping[str, Any]) -> Sequence[str]:
    remarks = [str(remark) for remark in evidence.get("remarks", ())]
    counts = evidence.get("mcnemar", {"lost": 0, "won": 0})
    if not counts["lost"] + counts["won"]:
        return remarks
    p = f", McNemar p = {counts['p']:.2g}" if "p" in counts else ""
    flips = f"{counts['lost']:,} newly wrong, {counts['won']:,} newly right{p}"
    return [*remarks[:-1], "; ".join([*remarks[-1:], flips])]


def select_examples(
    inputs: MeasureInputs, seen: Rows, unperturbed: Rows, picked: Sequence[Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """The rows that speak most against the check: predictions that differ from target or reference, surest first.

    Where a comparison `picked` rows, those of them that were read, with what it says of each. `seen` are the rows as
    the model saw them.
    """
    if picked is None:
        return _describe_rows(inputs, _surest_wrong_rows(inputs), seen, unperturbed)
    ids = pa.chunked_array([pa.array([row["id"] for row in picked], pa.string())])
    positions = positions_of(ids, inputs.sample.predictions.ids)
    found = np.flatnonzero(positions >= 0)[:MAX_PICKED_EXAMPLES]
    rows = _describe_rows(inputs, positions[found], seen, unperturbed)
    remarks = (picked[number] for number in found)
    return [row | {key: more[key] for key in more if key not in row} for row, more in zip(rows, remarks, strict=True)]


def _surest_wrong_rows(inputs: MeasureInputs) -> Positions:
    wrong = np.flatnonzero(_is_wrong(inputs))
    return wrong[np.argsort(-_confidences(inputs.sample.predictions)[wrong], kind="stable")][:MAX_EXAMPLES]


def _describe_rows(inputs: MeasureInputs, rows: Positions, seen: Rows, unperturbed: Rows) -> list[dict[str, Any]]:
    """These rows, as they are and as the model saw them, with the predictions."""
    ids = inputs.sample.predictions.ids.take(pa.array(rows))
    perturbed = seen.table.take(positions_of(ids, seen.ids)).select(seen.fields).to_pylist()
    before = unperturbed.table.take(inputs.sample.row_indices[rows]).select(unperturbed.fields).to_pylist()
    return [
        _describe_row(inputs, int(row), name, fields, perturbed_fields)
        for row, name, fields, perturbed_fields in zip(rows, ids.to_pylist(), before, perturbed, strict=True)
    ]


def _is_wrong(inputs: MeasureInputs) -> Bools:
    """Rows that are predicted wrongly; held against a reference, those of them that it predicts otherwise."""
    sample = inputs.sample
    reference = inputs.reference if inputs.is_paired else None
    wrong = np.full(len(sample), get_schema(sample.predictions.schema).is_exact)
    if sample.targets is not None and not inputs.is_comparison:
        wrong &= _differ(sample.predictions, sample.targets)
    if reference is not None:
        wrong &= _differ(sample.predictions, reference.predictions)
    return wrong


def _differ(predictions: Predictions, others: Predictions) -> Bools:
    if predictions.schema == "label":
        return np.asarray(predictions.codes != others.codes)
    pairs = zip(predictions.answers(), others.answers(), strict=True)
    return np.array([one != two for one, two in pairs], dtype=bool)


def _confidences(predictions: Predictions) -> Floats:
    """The probability of the predicted class, shape (rows,); 0 where there is none."""
    probabilities = predictions.probabilities
    return np.zeros(len(predictions)) if probabilities is None else np.nan_to_num(probabilities.max(axis=1))


def _describe_row(inputs: MeasureInputs, row: int, name: str, fields: Any, perturbed: Any) -> dict[str, Any]:
    sample, reference = inputs.sample, inputs.reference
    example: dict[str, Any] = {"id": name, "fields": fields}
    if perturbed != fields:
        example["disturbed"] = perturbed
    if sample.targets is not None:
        example["target"] = sample.targets.main[row].as_py()
    example["prediction"] = sample.predictions.main[row].as_py()
    if sample.predictions.probabilities is not None:
        example["probability"] = round(float(_confidences(sample.predictions)[row]), 4)
    if reference is not None and inputs.is_paired:
        example["reference"] = reference.predictions.main[row].as_py()
    return example
